"""Files and their prefixes, beside the command, and the arguments of encode and decode."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import numpy
import pytest
from PIL import Image

import dcodec


def run(command: Path, *arguments: object) -> str:
    """What the command prints."""
    done = subprocess.run([command, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_prefixes_are_the_pictures_of_the_command(
    coded: bytes, command: Path, tmp_path: Path
) -> None:
    file = tmp_path / "coffee.dfc"
    file.write_bytes(coded)
    shown = set()
    for i in range(1, 11):
        end = len(coded) * i // 10 - i % 3 * (i < 10)
        output = tmp_path / f"{i}.png"
        run(command, "-q", "decode", file, "-o", output, "--bytes", end)
        theirs = numpy.asarray(Image.open(output))
        for ours in (dcodec.decode(coded[:end]), dcodec.decode(coded, bytes=end)):
            assert ours.tobytes() == theirs.tobytes(), f"{end} bytes"
        assert dcodec.decode_step(coded[:end]).bytes == end
        shown.add(theirs.tobytes())
    assert len(shown) == 10


def test_files_are_those_of_the_command(
    coffee: numpy.ndarray, command: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "coffee.png"
    Image.fromarray(coffee).save(picture)
    cases = [
        ({"bpp": 0.5}, ["--bpp", "0.5"]),
        ({"quality": 40, "effort": 1}, ["-Q", "40", "-e", "1"]),
        ({"psnr": 27}, ["--psnr", "27"]),
        ({"bytes": 900, "prefilter": False, "corrections": False, "seed": 3},
         ["--bytes", "900", "--no-prefilter", "--no-corrections", "--seed", "3"]),
        ({"bpp": 0.3, "tune": "psnr"}, ["--bpp", "0.3", "--tune", "psnr"]),
        ({"bpp": 0.3, "prior": "l", "roi": [(20, 30, 50, 40)]},
         ["--bpp", "0.3", "--prior", "l", "--roi", "20,30,50,40"]),
        ({"bpp": 0.4, "orientations": 2}, ["--bpp", "0.4", "--orientations", "2"]),
    ]  # fmt: skip
    for keywords, flags in cases:
        output = tmp_path / "coffee.dfc"
        run(command, "-q", "encode", picture, "-f", "-o", output, *flags)
        assert dcodec.encode(coffee, **keywords) == output.read_bytes(), flags


def test_modes_and_displays_are_those_of_the_command(
    coded: bytes, command: Path, tmp_path: Path
) -> None:
    file = tmp_path / "coffee.dfc"
    file.write_bytes(coded)
    cases = [
        ({"display": "plain"}, ["--refiner", "none", "--orientations", "1"]),
        ({"display": "own"}, ["--refiner", "none"]),
        ({"display": "vivid"}, ["--look", "vivid"]),
        ({"display": "l", "orientations": 4}, ["--refiner", "l", "--orientations", "4"]),
        ({"realism": 0.5, "steps": 4}, ["--realism", "0.5", "--steps", "4"]),
        (
            {"mode": "sample", "seed": 5, "steps": 3},
            ["--mode", "sample", "--seed", "5", "--steps", "3"],
        ),
        ({"layers": 3}, ["--layers", "3"]),
        ({"bpp": 0.2}, ["--bpp", "0.2"]),
    ]
    for keywords, flags in cases:
        output = tmp_path / "coffee.png"
        run(command, "-q", "decode", file, "-f", "-o", output, *flags)
        ours = dcodec.decode(coded, **keywords)
        assert ours.tobytes() == numpy.asarray(Image.open(output)).tobytes(), flags


def test_info_and_cut_are_those_of_the_command(coded: bytes, command: Path, tmp_path: Path) -> None:
    file = tmp_path / "coffee.dfc"
    file.write_bytes(coded)
    theirs = json.loads(run(command, "info", "--json", file))
    assert theirs.pop("file") == str(file)
    assert dcodec.info(coded) == theirs
    assert dcodec.info(file) == theirs
    assert (theirs["width"], theirs["height"], theirs["colour"]) == (192, 144, "RGB")
    assert len(theirs["layers"]) == dcodec.decode_step(coded).layers
    for keywords, flags in [
        ({"bpp": 0.2}, ["--bpp", "0.2"]),
        ({"bytes": 500}, ["--bytes", "500"]),
        ({"layers": 4}, ["--layers", "4"]),
        ({"bytes": 10**9}, ["--bytes", str(10**9)]),
    ]:
        output = tmp_path / "cut.dfc"
        run(command, "-q", "cut", file, "-f", "-o", output, *flags)
        assert dcodec.cut(coded, **keywords) == output.read_bytes(), flags
    assert dcodec.info(dcodec.cut(coded, layers=4))["complete"] is False


def test_data_can_be_a_path_or_a_file(coded: bytes, tmp_path: Path) -> None:
    file = tmp_path / "coffee.dfc"
    file.write_bytes(coded)
    expected = dcodec.decode(coded, layers=2)
    data = [bytearray(coded), memoryview(coded), file, str(file), io.BytesIO(coded)]
    for one in data:
        assert numpy.array_equal(dcodec.decode(one, layers=2), expected)
    with pytest.raises(FileNotFoundError, match="nothing.dfc"):
        dcodec.decode(tmp_path / "nothing.dfc")
    with pytest.raises(TypeError, match="bytes-like"):
        dcodec.decode(7)


def test_targets_are_met(coffee: numpy.ndarray) -> None:
    assert len(dcodec.encode(coffee, bytes=700)) <= 700
    assert len(dcodec.encode(coffee, bpp=0.25)) <= 0.25 * 192 * 144 / 8
    file = dcodec.encode(coffee, psnr=28)
    psnr = dcodec.metrics.psnr(coffee, dcodec.decode(file))
    assert 28 <= psnr < 28.3
    report = dcodec.encode_report(coffee, psnr=28)
    assert report.data == file and report.target_met and report.exact_bytes is None
    last = report.layers[-1]
    assert last["end"] <= len(file) and last["sigma"] < report.layers[0]["sigma"]
    exact = dcodec.encode_report(coffee, lossless=True, quality=30, effort=1)
    assert exact.exact_bytes is not None
    step = dcodec.decode_step(exact.data)
    assert step.exact == "all" and numpy.array_equal(step.picture, coffee)


def test_regions_get_most_bits(coffee: numpy.ndarray) -> None:
    weights = numpy.ones(coffee.shape[:2])
    weights[30:90, 40:120] = 6
    inside = (slice(30, 90), slice(40, 120))

    def error(data: bytes) -> float:
        decoded = dcodec.decode(data, display="plain").astype(float)
        return float(((decoded - coffee)[inside] ** 2).mean())

    plain = error(dcodec.encode(coffee, bpp=0.5))
    by_weights = dcodec.encode(coffee, bpp=0.5, roi=weights)
    assert error(by_weights) < 0.8 * plain
    assert dcodec.encode(coffee, bpp=0.5, roi=[(40, 30, 80, 60, 6)]) == by_weights


def test_metadata_goes_through(small: numpy.ndarray) -> None:
    kinds = {"icc": bytes(range(200)), "exif": b"II*\0" + bytes(40), "xmp": b"<x:xmpmeta/>"}
    step = dcodec.decode_step(dcodec.encode(small, effort=1, **kinds))
    assert {kind: getattr(step, kind) for kind in kinds} == kinds
    assert step.complete and step.shape == (32, 48, 3)
    bare = dcodec.decode_step(dcodec.encode(small, effort=1))
    assert (bare.icc, bare.exif, bare.xmp) == (None, None, None)


def test_progress_is_told(small: numpy.ndarray) -> None:
    heard: list[dcodec.Progress] = []
    data = dcodec.encode(small, progress=heard.append)
    assert [p.layers for p in heard] == list(range(1, len(heard) + 1))
    assert heard[-1].bytes <= len(data) and 0 < heard[0].done <= heard[-1].done <= 1
    assert heard[0].sigma is not None and heard[0].sigma > heard[-1].sigma
    assert "layers=1" in repr(heard[0])
    decoded: list[dcodec.Progress] = []
    dcodec.decode(data, progress=decoded.append)
    assert [p.layers for p in decoded] == [p.layers for p in heard]


def test_what_progress_raises_comes_out(small: numpy.ndarray) -> None:
    class Enough(Exception):
        pass

    def stop(progress: dcodec.Progress) -> None:
        if progress.layers == 2:
            raise Enough

    data = dcodec.encode(small)
    with pytest.raises(Enough):
        dcodec.encode(small, progress=stop)
    with pytest.raises(Enough):
        dcodec.decode(data, progress=stop)
    assert dcodec.encode(small) == data


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"bpp": 1, "bytes": 100}, "at most one of bpp, bytes, psnr, quality"),
        ({"bpp": -1}, "bits per pixel must be a positive number"),
        ({"bpp": float("nan")}, "bits per pixel must be a positive number"),
        ({"bytes": 3}, "the header alone takes"),
        ({"quality": 101}, "quality must be 0 to 100"),
        ({"psnr": 0}, "PSNR must be a positive number"),
        ({"lossless": True, "bpp": 1}, "leave out bpp"),
        ({"effort": 6}, "effort must be 1 to 5"),
        ({"orientations": 3}, "1, 2, 4 or 8"),
        ({"prior": "m"}, "s, xs, l"),
        ({"tune": "ssim"}, "psnr"),
        ({"roi": [(0, 0, 5)]}, "x, y, width, height"),
        ({"roi": [(100, 0, 5, 5)]}, "covers nothing"),
        ({"roi": numpy.ones((3, 4))}, "the interest is of 4 x 3 pixels"),
        ({"roi": numpy.ones(4)}, r"\(H, W\)"),
    ],
)
def test_arguments_that_cannot_be(small: numpy.ndarray, keywords: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dcodec.encode(small, **keywords)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"bpp": 1, "layers": 2}, "at most one of bpp, bytes, layers"),
        ({"bytes": 2}, "inside the header"),
        ({"bpp": 0}, "bits per pixel must be a positive number"),
        ({"mode": "median"}, "mode must be"),
        ({"realism": 2}, "realism goes from 0 to 1"),
        ({"display": "best"}, "s, xs, l"),
        ({"orientations": 9}, "orientations must be 1 to 8"),
    ],
)
def test_arguments_of_decode_that_cannot_be(coded: bytes, keywords: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dcodec.decode(coded, **keywords)


def test_wrong_files_are_told(coded: bytes, small: numpy.ndarray) -> None:
    for function in (dcodec.decode, dcodec.info):
        with pytest.raises(dcodec.FormatError, match="not a .dfc file") as raised:
            function(b"\x89PNG and more of it")
        assert raised.value.clause and raised.value.part == "signature"
        with pytest.raises(dcodec.FormatError, match="inside the header"):
            function(coded[:5])
    broken = bytearray(coded)
    broken[8] ^= 1
    with pytest.raises(dcodec.FormatError):
        dcodec.decode(broken)
    with pytest.raises(dcodec.WrongPriorError, match="needs the prior"):
        dcodec.decode(coded, prior="l")
    with pytest.raises(dcodec.LimitError, match="pixels"):
        dcodec.decode(coded, max_pixels=100)
    with pytest.raises(dcodec.LimitError, match="layers"):
        dcodec.decode(coded, max_layers=2)
    with pytest.raises(dcodec.LimitError):
        dcodec.encode(small, max_memory=1000)
    with pytest.raises(ValueError, match="say where to cut"):
        dcodec.cut(coded)
    assert issubclass(dcodec.FormatError, dcodec.Error)
