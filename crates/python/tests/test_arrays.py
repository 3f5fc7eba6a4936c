"""Every form of array goes in and comes out, and others are refused with a reason."""

from __future__ import annotations

import numpy
import pytest
from PIL import Image

import dcodec

FORMS = [(), (2,), (3,), (4,)]
TYPES = [numpy.uint8, numpy.uint16]


def picture(form: tuple[int, ...], dtype: type) -> numpy.ndarray:
    """A smooth picture with some noise, 24 x 40."""
    y, x = numpy.mgrid[0:24, 0:40]
    noise = numpy.random.default_rng(7).integers(0, 9, (24, 40, 4))
    planes = numpy.stack([4 * x + y, 3 * y + 90, 200 - 2 * x - y, 5 * x + 40], axis=-1) + noise
    channels = form[0] if form else 1
    planes = planes[
        ..., [3 if channels in (2, 4) and c == channels - 1 else c for c in range(channels)]
    ]
    planes = planes.reshape(24, 40, *form)
    if dtype == numpy.uint16:
        planes = planes * 257 + noise[..., : planes.shape[-1] if form else 1].reshape(planes.shape)
    return planes.astype(dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("form", FORMS)
def test_lossless_round_trip(form: tuple[int, ...], dtype: type) -> None:
    array = picture(form, dtype)
    decoded = dcodec.decode(dcodec.encode(array, lossless=True, effort=1))
    assert decoded.dtype == dtype
    assert decoded.shape == array.shape
    assert numpy.array_equal(decoded, array)
    decoded[0, 0] = 0  # it can be written to


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("form", FORMS)
def test_lossy_round_trip(form: tuple[int, ...], dtype: type) -> None:
    array = picture(form, dtype)
    decoded = dcodec.decode(dcodec.encode(array, quality=80, effort=1))
    assert (decoded.dtype, decoded.shape) == (array.dtype, array.shape)
    assert dcodec.metrics.psnr(array, decoded) > 30
    if form and form[0] in (2, 4):
        assert numpy.array_equal(decoded[..., -1], array[..., -1])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("form", FORMS)
def test_strides_do_not_matter(form: tuple[int, ...], dtype: type) -> None:
    array = picture(form, dtype)
    expected = dcodec.encode(array, effort=1)
    every_second = numpy.zeros((48, 80, *form), dtype)
    every_second[::2, ::2] = array
    others = [
        numpy.asfortranarray(array),
        array[::-1, ::-1].copy()[::-1, ::-1],
        every_second[::2, ::2],
        memoryview(array),
    ]
    for other in others[:3]:
        assert not other.flags.c_contiguous
    for other in others:
        assert dcodec.encode(other, effort=1) == expected
    array.flags.writeable = False
    assert dcodec.encode(array, effort=1) == expected


def test_what_becomes_an_array_is_taken(small: numpy.ndarray) -> None:
    class Tensor:
        def __array__(self, dtype: object = None, copy: object = None) -> numpy.ndarray:
            return small

    expected = dcodec.encode(small, effort=1)
    assert dcodec.encode(Tensor(), effort=1) == expected
    assert dcodec.encode(Image.fromarray(small), effort=1) == expected


@pytest.mark.parametrize(
    ("array", "error", "words"),
    [
        (numpy.zeros((8, 8), numpy.float32), TypeError, "uint8 or uint16"),
        (numpy.zeros((8, 8), numpy.int8), TypeError, "uint8 or uint16"),
        (numpy.zeros((8, 8), ">u2"), TypeError, "byte order"),
        (numpy.zeros((8, 8), bool), TypeError, "uint8 or uint16"),
        (numpy.zeros((8, 8), "M8[s]"), TypeError, "uint8 or uint16"),
        ([[1, 2], [3, 4]], TypeError, "uint8 or uint16"),
        (None, TypeError, "uint8 or uint16"),
        (numpy.zeros(8, numpy.uint8), ValueError, r"\(H, W, 3\).*\(8,\)"),
        (numpy.zeros((8, 8, 1), numpy.uint8), ValueError, r"\(H, W\).*\(8, 8, 1\)"),
        (numpy.zeros((8, 8, 5), numpy.uint16), ValueError, r"\(8, 8, 5\)"),
        (numpy.zeros((1, 8, 8, 3), numpy.uint8), ValueError, r"\(1, 8, 8, 3\)"),
        (numpy.zeros((0, 8, 3), numpy.uint8), ValueError, "no pixels"),
        (b"bytes", ValueError, r"\(5,\)"),
    ],
)
def test_other_arrays_are_refused(array: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        dcodec.encode(array)
    with pytest.raises(error, match=words):
        dcodec.metrics.psnr(array, array)
