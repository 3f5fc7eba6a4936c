"""dcodec in the bench of CompressAI: bits and PSNR are those of `dcodec rd`.

`rd` measures the file up to the end of its last layer. The file has an end marker after it.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import io
import math
import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image

import dcodec
import dcodec.pillow

from conftest import sample

QUALITY = 60
PIXELS = 240 * 200
END_MARKER = 3


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two pictures that MS-SSIM takes."""
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("coffee", "chelsea"):
        Image.fromarray(sample(f"{name}.png")[60:260, 100:340]).save(folder / f"{name}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def measured(pictures: list[Path], command: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The last point of each picture that `dcodec rd` measures."""
    table = tmp_path_factory.mktemp("rd") / "rd.csv"
    rd = [command, "-q", "rd", "-Q", str(QUALITY), *pictures, "-o", table]
    subprocess.run(rd, check=True, stdout=subprocess.DEVNULL)
    last: dict[str, dict[str, str]] = {}
    with table.open() as file:
        for row in csv.DictReader(file):
            name = Path(row["picture"]).stem
            if name not in last or int(row["bytes"]) >= int(last[name]["bytes"]):
                last[name] = row
    assert len(last) == 2
    return last


def test_the_plugin_of_pillow_measures_what_rd_measures(
    pictures: list[Path], measured: dict
) -> None:
    for path in pictures:
        image = Image.open(path).convert("RGB")
        file = io.BytesIO()
        image.save(file, format="dfc", quality=QUALITY)
        decoded = Image.open(file)
        row = measured[path.stem]
        assert len(file.getvalue()) == int(row["bytes"]) + END_MARKER
        psnr = dcodec.metrics.psnr(image, decoded)
        print(path.stem, psnr, row)
        assert psnr == pytest.approx(float(row["psnr"]), abs=1e-4)


def test_the_bench_of_compressai_measures_what_rd_measures(
    pictures: list[Path], measured: dict
) -> None:
    if not os.environ.get("DCODEC_PYTHON_PEERS"):
        pytest.importorskip(
            "compressai", reason="no CompressAI here: DCODEC_PYTHON_PEERS=1 tests/python.sh gets it"
        )
    from compressai.utils.bench.codecs import Codec

    from dcodec.compressai import DFC

    codec = DFC(None)
    assert isinstance(codec, Codec) and codec.name == "dcodec"
    for path in pictures:
        result = codec.run(str(path), QUALITY, metrics=["psnr-rgb", "ms-ssim-rgb"])
        row = measured[path.stem]
        print(path.stem, result, row["psnr"], row["ms_ssim"])
        assert result["bpp"] == 8 * (int(row["bytes"]) + END_MARKER) / PIXELS
        # Theirs are 32-bit floats.
        assert result["psnr-rgb"] == pytest.approx(float(row["psnr"]), abs=1e-4)
        assert result["ms-ssim-rgb"] == pytest.approx(float(row["ms_ssim"]), abs=1e-4)
        assert result["encoding_time"] > 0 and math.isfinite(result["decoding_time"])


def test_without_compressai_the_import_says_what_is_missing() -> None:
    if importlib.util.find_spec("compressai") is not None:
        pytest.skip("CompressAI is here, and is tested itself")
    with pytest.raises(ModuleNotFoundError, match="compressai"):
        importlib.import_module("dcodec.compressai")
