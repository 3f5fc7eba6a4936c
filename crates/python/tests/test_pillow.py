"""Pillow opens and saves .dfc files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy
import pytest
from PIL import Image, ImageOps, UnidentifiedImageError

import dcodec
import dcodec.pillow


def saved(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "DFC", **options)
    return file.getvalue()


def test_files_are_those_of_encode(small: numpy.ndarray, tmp_path: Path) -> None:
    image = Image.fromarray(small)
    for options in (
        {},
        {"quality": 40},
        {"bpp": 2},
        {"lossless": True, "effort": 1},
        {"prefilter": False, "effort": 1},
        {"prior": "l", "bytes": 500},
    ):
        path = tmp_path / "small.dfc"
        image.save(path, **options)
        assert path.read_bytes() == dcodec.encode(small, **options)
        with Image.open(path) as opened:
            assert (opened.format, opened.size, opened.mode) == ("DFC", (48, 32), "RGB")
            assert opened.get_format_mimetype() == "image/x-dfc"
            assert numpy.array_equal(numpy.asarray(opened), dcodec.decode(path))


@pytest.mark.parametrize(
    ("mode", "opened_as"),
    [("L", "L"), ("LA", "LA"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("I;16", "I;16"),
     ("1", "L"), ("P", "RGB"), ("PA", "RGBA"), ("RGBX", "RGB")],
)  # fmt: skip
def test_modes(small: numpy.ndarray, mode: str, opened_as: str) -> None:
    image = Image.fromarray(small)
    if mode == "I;16":
        image = Image.fromarray(small[..., 0].astype(numpy.uint16) * 250)
    elif mode in ("LA", "RGBA"):
        image.putalpha(image.getchannel("G"))
        image = image.convert(mode)
    elif mode == "PA":
        image = image.convert("P").convert("PA")
    else:
        image = image.convert(mode)
    assert image.mode == mode
    opened = Image.open(io.BytesIO(saved(image, lossless=True, effort=1)))
    assert opened.mode == opened_as
    opened.load()
    wanted = image if mode == "I;16" else image.convert(opened_as)
    assert opened.tobytes() == wanted.tobytes()


def test_transparency_of_palettes_is_kept(small: numpy.ndarray) -> None:
    image = Image.fromarray(small).convert("P")
    image.info["transparency"] = 3
    opened = Image.open(io.BytesIO(saved(image, lossless=True, effort=1)))
    assert opened.mode == "RGBA" and opened.tobytes() == image.convert("RGBA").tobytes()


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "F", "I", "HSV"])
def test_other_modes_are_refused(small: numpy.ndarray, mode: str) -> None:
    image = Image.fromarray(small[..., 0] if mode in "FI" else small).convert(mode)
    with pytest.raises(OSError, match=f"cannot write mode {mode} as DFC: convert it"):
        saved(image)


def test_colours_of_16_bits_are_rounded(small: numpy.ndarray) -> None:
    deep = small.astype(numpy.uint16) * 257 + 40
    for array, mode in [(deep, "RGB"), (deep[..., :2], "LA")]:
        opened = Image.open(io.BytesIO(dcodec.encode(array, lossless=True, effort=1)))
        assert opened.mode == mode
        assert numpy.array_equal(numpy.asarray(opened), small[..., : array.shape[2]])


def test_metadata_goes_through(small: numpy.ndarray) -> None:
    image = Image.fromarray(small)
    exif = Image.Exif()
    exif[0x010F] = "maker"
    icc, xmp = bytes(range(128)) * 3, b"<x:xmpmeta/>"
    data = saved(image, effort=1, exif=exif, icc_profile=icc, xmp=xmp)
    opened = Image.open(io.BytesIO(data))
    assert opened.getexif()[0x010F] == "maker"
    assert opened.info["icc_profile"] == icc and opened.info["xmp"] == xmp
    # They go on to other formats, and come back.
    jpeg = io.BytesIO()
    opened.save(jpeg, "JPEG", exif=opened.info["exif"], icc_profile=icc)
    again = Image.open(jpeg)
    assert again.getexif()[0x010F] == "maker"
    last = Image.open(io.BytesIO(saved(again, effort=1)))
    last.load()
    assert last.getexif()[0x010F] == "maker" and last.info["icc_profile"] == icc
    bare = Image.open(io.BytesIO(saved(again, effort=1, exif=None, icc_profile=None, xmp=None)))
    bare.load()
    assert not {"exif", "icc_profile", "xmp"} & set(bare.info)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_saved_upright(small: numpy.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "maker"
    stored = io.BytesIO()
    Image.fromarray(small).save(stored, "PNG", exif=exif)
    image = Image.open(stored)
    upright = ImageOps.exif_transpose(image)
    opened = Image.open(io.BytesIO(saved(image, lossless=True, effort=1)))
    assert opened.size == upright.size and opened.tobytes() == upright.tobytes()
    assert opened.getexif().get(0x0112, 1) == 1 and opened.getexif()[0x010F] == "maker"


def test_opening_reads_the_header_only(coded: bytes) -> None:
    opened = Image.open(io.BytesIO(coded[:40]))
    assert opened.size == (192, 144)
    prefix = Image.open(io.BytesIO(coded[: len(coded) // 2]))
    assert prefix.tobytes() == dcodec.decode(coded[: len(coded) // 2]).tobytes()
    sharp = Image.open(io.BytesIO(coded))
    sharp.decode_options = {"realism": 1.0, "steps": 2}
    assert sharp.tobytes() == dcodec.decode(coded, realism=1.0, steps=2).tobytes()


def test_what_is_no_dfc_file_is_refused(coded: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (b"\x89DF", b"\x89DF\xff" + bytes(60), coded[:9]):
        with pytest.raises(UnidentifiedImageError):
            Image.open(io.BytesIO(data))
    broken = bytearray(coded)
    broken[len(coded) // 2] ^= 0x55
    broken[len(coded) // 3] ^= 0x55
    with pytest.raises((dcodec.FormatError, OSError)):
        Image.open(io.BytesIO(broken)).load()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(coded))
    with pytest.raises(TypeError, match="unexpected"):
        Image.new("L", (16, 16)).save(io.BytesIO(), "DFC", speed=3)
