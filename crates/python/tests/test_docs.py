"""The examples of docs/python.md run as they stand there."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import dcodec

from conftest import ROOT, SAMPLES

TEXT = (ROOT / "docs" / "python.md").read_text()
#: The examples by the name of their file.
EXAMPLES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", TEXT, re.DOTALL))


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photograph, and a server of its files."""
    photo = Image.open(SAMPLES / "coffee.png")
    photo.crop((180, 80, 420, 280)).save(tmp_path / "photo.png")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(folder: Path, name: str, *arguments: str, replace: tuple[str, str] = ("", "")) -> str:
    """What an example prints."""
    text = EXAMPLES[name]
    if replace[0]:
        assert replace[0] in text
        text = text.replace(*replace)
    (folder / name).write_text(text)
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, name, *arguments],
        cwd=folder, capture_output=True, text=True, timeout=300, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    return done.stdout


def test_every_example_is_tested() -> None:
    blocks = TEXT.count("```python")
    assert blocks == len(EXAMPLES), "an example without a name of its own"
    text = Path(__file__).read_text()
    for name in EXAMPLES:
        assert f'"{name}"' in text, name
    assert len(EXAMPLES) >= 7


def test_arrays(folder: Path) -> None:
    out = run(folder, "arrays.py")
    assert re.search(r"\d+ bytes, \d+\.\d+ dB", out)
    assert dcodec.decode(folder / "photo.dfc").shape == (200, 240, 3)


def test_download(folder: Path, server: str) -> None:
    Image.open(folder / "photo.png")
    (folder / "photo.dfc").write_bytes(
        dcodec.encode(Image.open(folder / "photo.png"), bpp=0.5, effort=1)
    )
    out = run(folder, "download.py", replace=("https://example.org", server))
    assert "sigma" in out
    assert list(folder.glob("layer-*.png"))


def test_pillow(folder: Path) -> None:
    run(folder, "with_pillow.py")
    assert (folder / "thumbnail.png").exists()


def test_bench(folder: Path) -> None:
    if not os.environ.get("DCODEC_PYTHON_PEERS") and importlib.util.find_spec("compressai") is None:
        pytest.skip("no CompressAI here: DCODEC_PYTHON_PEERS=1 tests/python.sh gets it")
    out = run(folder, "bench.py")
    assert "bpp" in out and (folder / "bench.svg").exists()


def test_denoiser(folder: Path) -> None:
    out = run(folder, "denoiser.py")
    sizes = [int(n) for n in re.findall(r"(\d+) bytes", out)]
    psnrs = [float(n) for n in re.findall(r"(\d+\.\d+) dB", out)]
    assert len(sizes) == len(psnrs) >= 2 and min(psnrs) > 20


def photos(folder: Path) -> None:
    """A folder of pictures, of which one is none."""
    (folder / "photos" / "more").mkdir(parents=True)
    photo = Image.open(folder / "photo.png")
    for i in range(5):
        photo.crop((8 * i, 0, 8 * i + 48, 48)).save(folder / "photos" / f"{i}.png")
    photo.crop((0, 60, 64, 100)).save(folder / "photos" / "more" / "deep.jpg")
    (folder / "photos" / "broken.png").write_bytes(b"no picture")


def check_batch(folder: Path, out: str) -> None:
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert len(rows) == 7
    rows = [{**row, "path": row["path"].removeprefix("file://")} for row in rows]
    failed = [row for row in rows if row.get("error")]
    assert [Path(row["path"]).name for row in failed] == ["broken.png"]
    assert "UnidentifiedImageError" in failed[0]["error"]
    for row in rows:
        if not row.get("error"):
            below = Path(row["path"]).relative_to(folder / "photos")
            target = folder / "coded" / f"{below}.dfc"
            assert len(target.read_bytes()) == row["bytes"]
            assert dcodec.info(target)["bpp"] <= 0.5
    assert not list((folder / "coded").rglob("*.part"))


def test_dask(folder: Path) -> None:
    photos(folder)
    out = run(folder, "with_dask.py", str(folder / "photos"), str(folder / "coded"))
    check_batch(folder, out)
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    workers = {row["worker"] for row in rows if "worker" in row}
    assert len(workers) == 2, "both workers take part"
    # It goes on where it was: what exists is left alone, and what failed is tried again.
    times = {path: path.stat().st_mtime_ns for path in (folder / "coded").rglob("*.dfc")}
    (folder / "coded" / "0.png.dfc").unlink()
    out = run(folder, "with_dask.py", str(folder / "photos"), str(folder / "coded"))
    again = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert sorted(Path(row["path"]).name for row in again) == ["0.png", "broken.png"]
    for path, when in times.items():
        assert (path.stat().st_mtime_ns == when) == (path.name != "0.png.dfc")


def test_ray(folder: Path) -> None:
    if not os.environ.get("DCODEC_PYTHON_PEERS") and importlib.util.find_spec("ray") is None:
        pytest.skip("no Ray here: DCODEC_PYTHON_PEERS=1 tests/python.sh gets it")
    photos(folder)
    out = run(folder, "with_ray.py", str(folder / "photos"), str(folder / "coded"))
    check_batch(folder, out)
    shutil.rmtree(folder / "coded" / "more")
    out = run(folder, "with_ray.py", str(folder / "photos"), str(folder / "coded"))
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert sorted(Path(row["path"]).name for row in rows) == ["broken.png", "deep.jpg"]
