//! The command lines of README and docs work as they stand there, links lead somewhere, and the
//! cards of the priors name their identities.
//!
//! A command line is a line of an indented block, or of a fenced one for a shell, in which `dcodec`
//! is called. Each runs in a folder of its own, with small pictures under the names that the pages
//! use.
#![cfg(unix)]

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Pages whose command lines are run.
const RUN: [&str; 3] = ["README.md", "docs/guide.md", "docs/realism.md"];

/// Lines that are not run, by what they contain, and the reason.
const LEFT_OUT: [(&str, &str); 5] = [
    (
        "dcodec view",
        "serves until it is stopped, and is in builds with a feature only",
    ),
    ("--prior google/", "fetches from a network"),
    ("--prior ddpm", "needs a build with a feature"),
    ("--device cuda", "needs a GPU"),
    (
        "--peers all",
        "measures all tools that are installed, some for long",
    ),
];

/// Commands of the program that need no line in the guide.
const WITHOUT_LINE: [&str; 1] = ["help"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// README, CONTRIBUTING, and the pages of docs, models and training.
fn pages() -> Vec<String> {
    let mut all = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for folder in ["docs", "models", "training", "benches/results"] {
        for entry in fs::read_dir(root().join(folder)).expect(folder) {
            let name = entry.expect("an entry").file_name();
            let name = name.into_string().expect("a name");
            if name.ends_with(".md") {
                all.push(format!("{folder}/{name}"));
            }
        }
    }
    all
}

/// The command lines of a page.
fn lines(text: &str) -> Vec<String> {
    let (mut fence, mut found) = (None, Vec::new());
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            fence = fence.is_none().then_some(kind);
            continue;
        }
        let line = match fence {
            None => line.strip_prefix("    "),
            Some("sh" | "bash") => Some(line),
            Some(_) => None,
        };
        let called = |l: &&str| l.split_whitespace().any(|word| word.ends_with("dcodec"));
        let starts = |l: &&str| {
            let first = l.split_whitespace().next().unwrap_or_default();
            ["dcodec", "head", "cat", "cargo"].contains(&first)
        };
        found.extend(line.filter(called).filter(starts).map(str::to_owned));
    }
    found
}

/// A folder with everything that the pages name.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let sub = |name: &str| fs::create_dir_all(at.join(name)).expect(name);
        for name in ["samples", "photos/more", "coded", "bin"] {
            sub(name);
        }
        let small = common::crop("chelsea.png", 130, 90, 48, 40).to_image();
        let other = common::crop("coffee.png", 200, 120, 32, 24).to_image();
        for name in [
            "photo.png",
            "photos/a.png",
            "photos/more/b.png",
            "drawing.png",
            "mask.png",
        ] {
            small.save(at.join(name)).expect(name);
        }
        for name in ["a.png", "b.png", "samples/coffee.png"] {
            other.save(at.join(name)).expect(name);
        }
        let weights = root().join("models/xs.safetensors");
        std::os::unix::fs::symlink(weights, at.join("weights.safetensors")).expect("a link");
        let program = env!("CARGO_BIN_EXE_dcodec");
        std::os::unix::fs::symlink(program, at.join("bin/dcodec")).expect("a link");
        let place = Place { folder };
        for line in [
            "dcodec encode -q photo.png",
            "cp photo.dfc out.dfc; cp photo.dfc f.dfc; cp photo.dfc coded/a.dfc",
        ] {
            let ran = place.shell(line);
            assert!(ran.status.success(), "{line}");
        }
        place
    }

    fn shell(&self, line: &str) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.folder.path().join("bin");
        Command::new("sh")
            .args(["-c", line])
            .current_dir(&self.folder)
            .env("PATH", format!("{}:{path}", bin.display()))
            .stdin(Stdio::null())
            .output()
            .expect("a shell")
    }

    /// Runs one line among the inputs as they were at first.
    fn run(&self, line: &str) -> Output {
        let line = line
            .replace("cargo build --release && ", "")
            .replace("target/release/dcodec", "dcodec");
        let fresh = tempfile::tempdir().expect("a folder");
        let from = self.folder.path().display();
        let copied = self.shell(&format!("cp -R {from}/. {}", fresh.path().display()));
        assert!(copied.status.success(), "the inputs are copied");
        let remove = match line.starts_with("dcodec encode") {
            // Outputs are not overwritten.
            true => "rm -rf *.dfc coded; ",
            false => "",
        };
        Place { folder: fresh }.shell(&format!("{remove}{line}"))
    }
}

#[test]
fn command_lines_run() {
    let place = Place::new();
    let (mut ran, mut used) = (0, BTreeSet::new());
    for name in RUN {
        for line in lines(&page(name)) {
            if let Some((part, _)) = LEFT_OUT.iter().find(|(part, _)| line.contains(part)) {
                used.insert(*part);
                continue;
            }
            let output = place.run(&line);
            let err = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {line}\n{err}");
            ran += 1;
        }
    }
    assert!(ran > 50, "{ran} lines are not all");
    assert_eq!(used.len(), LEFT_OUT.len(), "of no use: all but {used:?}");
}

/// Lines that are left out above, and those of all other pages, at least name options that exist.
#[test]
fn command_lines_name_options_that_exist() {
    let place = Place::new();
    let help = |command: &str| {
        let output = place.shell(&format!("dcodec {command} --help"));
        assert!(output.status.success(), "no command `{command}`");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let word = |c: char| !c.is_alphanumeric() && c != '-';
        text.split(word).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let mut checked = 0;
    for name in pages() {
        for line in lines(&page(&name)) {
            let line = line.split(" # ").next().expect("a line");
            for call in line.split(['|', '&', ';']) {
                let mut words = call.split_whitespace();
                if !words.next().is_some_and(|word| word.ends_with("dcodec")) {
                    continue;
                }
                let known = help(words.next().expect("a command"));
                for option in words.filter(|word| word.starts_with('-') && word.len() > 1) {
                    let option = option.split('=').next().expect("an option");
                    assert!(known.contains(option), "{name}: {option} in {line}");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 60, "{checked} options are not all");
}

#[test]
fn the_guide_shows_every_command() {
    let output = Place::new().shell("dcodec --help");
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let list = help.split("Commands:").nth(1).expect("a list of commands");
    let names = list.lines().skip(1).take_while(|line| !line.is_empty());
    let guide = page("docs/guide.md");
    let mut shown = 0;
    // A name stands two columns in; the words about it stand further.
    for line in names.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = line.split_whitespace().next().expect("a name");
        if !WITHOUT_LINE.contains(&name) {
            assert!(
                guide.contains(&format!("    dcodec {name} ")),
                "no line of {name}"
            );
            shown += 1;
        }
    }
    assert!(shown >= 10, "{shown} commands are not all");
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let mut followed = 0;
    for name in pages() {
        let text = page(&name);
        let folder = Path::new(&name).parent().expect("a folder").to_owned();
        for (at, _) in text.match_indices("](") {
            let rest = &text[at + 2..];
            let target = &rest[..rest.find(')').expect("an end")];
            if target.contains("://") || target.contains(' ') {
                continue;
            }
            let (path, part) = target.split_once('#').unwrap_or((target, ""));
            let other = match path {
                "" => name.clone(),
                path => folder.join(path).to_string_lossy().into_owned(),
            };
            assert!(root().join(&other).exists(), "{name}: {target}");
            if !part.is_empty() {
                let headings = page(&other);
                let mut headings = headings.lines().filter(|line| line.starts_with('#'));
                let found =
                    headings.any(|line| anchor(line.trim_start_matches('#').trim()) == part);
                assert!(found, "{name}: no heading of {target}");
            }
            followed += 1;
        }
    }
    assert!(followed > 40, "{followed} links are not all");
}

#[test]
fn cards_name_the_identities_of_the_weights() {
    let place = Place::new();
    let cards = page("models/README.md");
    for entry in fs::read_dir(root().join("models")).expect("models") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if !name.ends_with(".safetensors") {
            continue;
        }
        let bytes = fs::metadata(&path).expect("a file").len();
        let dotted = |n: u64| match n {
            1_000_000.. => format!("{},{:03},{:03}", n / 1_000_000, n / 1000 % 1000, n % 1000),
            _ => format!("{},{:03}", n / 1000, n % 1000),
        };
        if ["postfilter", "vivid"]
            .iter()
            .any(|filter| name.starts_with(filter))
        {
            // Files do not name them.
            assert!(cards.contains(&format!("`{name}`")) && cards.contains(&dotted(bytes)));
            continue;
        }
        let output = place.shell(&format!("dcodec info --json --prior '{}'", path.display()));
        let about: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let id = about["prior"].as_str().expect("an identity");
        let card = cards
            .split("\n## ")
            .find(|card| card.starts_with(&format!("`{name}`")));
        let card = card.unwrap_or_else(|| panic!("no card of {name}"));
        assert!(
            card.contains(&format!("`{id}`")),
            "the card of {name} lacks {id}"
        );
        assert!(
            card.contains(&dotted(bytes)),
            "the card of {name} lacks {}",
            dotted(bytes)
        );
    }
}

/// README is one page, and pages are narrow.
#[test]
fn pages_keep_to_their_size() {
    assert!(page("README.md").lines().count() <= 120);
    for name in pages() {
        for line in page(&name).lines() {
            // Tables, links and commands have no place to be broken at.
            let free = ["|", "    "].iter().any(|start| line.starts_with(start));
            let free = free || line.contains("](");
            let columns = line.chars().count();
            assert!(free || columns <= 100, "{name}: {columns} columns: {line}");
        }
    }
}
