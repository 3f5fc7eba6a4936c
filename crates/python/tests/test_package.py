"""The package itself: the command, the time of its import, its types and its help."""

from __future__ import annotations

import ast
import inspect
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import numpy
from PIL import Image

import dcodec

CONFIG = Path(__file__).parents[1] / "pyproject.toml"


def test_it_is_the_installed_package() -> None:
    assert "site-packages" in Path(dcodec.__file__).parts
    assert dcodec.__version__ == dcodec._dcodec.__version__


def test_the_command(command: Path, coffee: numpy.ndarray, tmp_path: Path) -> None:
    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess:
        arguments = tuple(map(str, arguments))
        return subprocess.run([command, *arguments], capture_output=True, **options)

    Image.fromarray(coffee).save(tmp_path / "coffee.png")
    done = run("encode", tmp_path / "coffee.png", "--bpp", 0.3)
    assert done.returncode == 0, done.stderr
    data = (tmp_path / "coffee.dfc").read_bytes()
    assert data == dcodec.encode(coffee, bpp=0.3)
    done = run("decode", "-", "-o", "-", input=data[:500])
    assert done.returncode == 0 and done.stdout.startswith(b"\x89PNG")
    assert run("--version").stdout.decode().split() == ["dcodec", dcodec.__version__]
    assert b"Usage: dcodec" in run("--help").stdout
    assert run("decode", tmp_path / "nothing.dfc").returncode == 1
    done = run("decode", "--bpp", "many", tmp_path / "coffee.dfc")
    assert done.returncode == 2 and b"many" in done.stderr
    module = [sys.executable, "-m", "dcodec", "info", str(tmp_path / "coffee.dfc")]
    assert subprocess.run(module, capture_output=True).returncode == 0


def test_the_import_is_quick() -> None:
    """Processor time beside the interpreter's own start, which other work does not move."""

    def spent(script: str) -> float:
        before = os.times()
        subprocess.run([sys.executable, "-I", "-c", script], check=True)
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])

    pairs = [(spent("pass"), spent("import dcodec")) for _ in range(9)]
    bare, whole = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"import dcodec: {whole - bare:.3f} s of processor time beside {bare:.3f} s of the start")
    assert whole - bare < 0.15
    script = "import sys, dcodec; assert not {'numpy', 'PIL', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-I", "-c", script], check=True)


def test_help_is_enough() -> None:
    for name in dcodec.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(dcodec, name)), name
    for function in (dcodec.encode, dcodec.decode):
        text = inspect.getdoc(function)
        for parameter in inspect.signature(function).parameters:
            assert parameter in text, f"{function.__name__} does not explain {parameter}"
        for word in ("(H, W", "uint8", "Raises", "bits per pixel"):
            assert word in text
    assert "x_t" in dcodec.Prior.from_callable.__doc__
    for name in ("psnr", "ms_ssim", "ssimulacra2", "bd_rate"):
        assert "raises" in inspect.getdoc(getattr(dcodec.metrics, name)).lower()


def test_the_types_are_those_of_the_code(tmp_path: Path) -> None:
    folder = Path(dcodec.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "_dcodec.pyi").exists()
    environment = {**os.environ, "MYPY_CACHE_DIR": os.devnull}
    # A copy, for mypy checks no folder of installed packages.
    shutil.copytree(folder, tmp_path / "dcodec", ignore=shutil.ignore_patterns("*.so", "*.pyc"))
    strict = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", CONFIG, "dcodec"],
        capture_output=True, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert strict.returncode == 0, strict.stdout + strict.stderr
    stubs = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "dcodec._dcodec"],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert stubs.returncode == 0, stubs.stdout + stubs.stderr


def test_signatures_of_encode_agree() -> None:
    """Each function hands on every argument of the one below it."""
    for one, other in [(dcodec.encode, dcodec.encode_report), (dcodec.decode, dcodec.decode_step)]:
        assert inspect.signature(one).parameters == inspect.signature(other).parameters
        (body,) = ast.parse(inspect.getsource(one)).body
        handed = {
            k.arg for node in ast.walk(body) if isinstance(node, ast.Call) for k in node.keywords
        }
        names = list(inspect.signature(one).parameters)[1:]
        assert handed == set(names)
    stream = set(inspect.signature(dcodec.Stream).parameters) - {"source", "every"}
    extent = {"data", "bpp", "bytes", "layers", "progress"}
    assert stream == set(inspect.signature(dcodec.decode).parameters) - extent
