"""Measures of pictures and codecs.

Pictures are arrays as `dcodec.encode` takes them. Alpha is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from . import _arrays, _dcodec

__all__ = ["bd_rate", "ms_ssim", "psnr", "ssimulacra2"]


def psnr(a: Any, b: Any) -> float:
    """PSNR in dB over all colour samples, with a peak of 255 or 65535; inf for equal pictures.

    Raises ValueError for pictures that differ in size, colour or depth.
    """
    return _dcodec.psnr(_arrays.buffer_of(a), _arrays.buffer_of(b))


def ms_ssim(a: Any, b: Any) -> float:
    """MS-SSIM, the mean over the colours; 1 for equal pictures.

    The convention is that of the package pytorch-msssim and of CompressAI. Raises ValueError for
    pictures that differ in form, or with a side below 161 pixels.
    """
    value = _dcodec.ms_ssim(_arrays.buffer_of(a), _arrays.buffer_of(b))
    if value is None:
        raise ValueError("MS-SSIM has five scales, which need sides of 161 pixels or more")
    return value


def ssimulacra2(original: Any, shown: Any) -> float:
    """SSIMULACRA2 of a picture beside its original; 100 for an equal one, below 0 for a bad one.

    It is taken of sRGB samples of 8 bits, to which others are rounded. Raises ValueError for
    pictures of different sizes, or of less than 8 x 8 pixels.
    """
    original, shown = _arrays.buffer_of(original), _arrays.buffer_of(shown)
    value = _dcodec.ssimulacra2(original, shown)
    if value is None:
        raise ValueError("SSIMULACRA2 needs two pictures of one size, of 8 x 8 pixels or more")
    return value


def bd_rate(
    rate_anchor: Iterable[float],
    quality_anchor: Iterable[float],
    rate_test: Iterable[float],
    quality_test: Iterable[float],
) -> float:
    """Bjontegaard's average rate difference of the test to the anchor, in per cent.

    Negative where the test needs fewer bits. Curves are monotone cubics (PCHIP) of log rate over
    quality, as with `method="pchip"` of the package bjontegaard, whose order of arguments this is.
    A point that is no better than one of a lower rate is left out. Returns nan for curves that
    share no quality, and raises ValueError for rates and qualities that do not pair.
    """
    anchor, test = _curve(rate_anchor, quality_anchor), _curve(rate_test, quality_test)
    value = _dcodec.bd_rate(anchor, test)
    return math.nan if value is None else value


def _curve(rates: Iterable[float], qualities: Iterable[float]) -> list[tuple[float, float]]:
    return [(float(r), float(q)) for r, q in zip(rates, qualities, strict=True)]
