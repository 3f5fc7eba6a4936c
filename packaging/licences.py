"""Writes the licences of all crates that are linked into the command: licences.py TARGET [FEATURES].

Ends with an error if a crate has neither a licence text of its own nor one that another crate of the same licence has.
"""

import json
import pathlib
import subprocess
import sys

NAMES = ("licen", "copying", "notice", "unlicense")


def crates(target, features):
    """The crates of others that the command links, by name and version."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    command += ["--manifest-path", "crates/cli/Cargo.toml"]
    if features:
        command += ["--features", features]
    data = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in data["packages"]}
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    to_do = [next(id for id, package in packages.items() if package["name"] == "dcodec-cli")]
    seen = set(to_do)
    while to_do:
        for dep in nodes[to_do.pop()]["deps"]:
            # Crates of tests and of build scripts are not linked.
            linked = any(kind["kind"] is None for kind in dep["dep_kinds"])
            if linked and dep["pkg"] not in seen:
                seen.add(dep["pkg"])
                to_do.append(dep["pkg"])
    own = [packages[id] for id in seen if packages[id]["source"]]
    return sorted(own, key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The licence files of a crate."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = [path for path in sorted(folder.iterdir()) if path.name.lower().startswith(NAMES)]
    files = [path for file in files for path in (sorted(file.iterdir()) if file.is_dir() else [file])]
    return [path.read_text(errors="replace").strip() for path in files if path.suffix != ".rs"]


def main():
    used = {}
    without = []
    linked = crates(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    for package in linked:
        title = f"{package['name']} {package['version']}, {package['license']}"
        found = texts(package)
        for text in found:
            used.setdefault(text, []).append(title)
        if not found:
            without.append((title, package))
    # Crates whose package has no text name a licence whose text is here by another crate.
    known = {title.split(", ", 1)[1].replace("/", " OR ") for titles in used.values() for title in titles}
    words = {word for licence in known for word in licence.replace("(", "").replace(")", "").split()}
    lost = [title for title, package in without if not words & set((package["license"] or "").replace("/", " ").split())]
    if lost:
        sys.exit(f"error: no licence text: {', '.join(lost)}")
    print("The command dcodec contains these crates of others.\n")
    for package in linked:
        authors = ", ".join(package["authors"])
        print(f"{package['name']} {package['version']}: {package['license']}" + (f" ({authors})" if authors else ""))
    for text, titles in used.items():
        print(f"\n{'=' * 80}\n" + "\n".join(titles) + f"\n{'=' * 80}\n\n{text}")


main()
