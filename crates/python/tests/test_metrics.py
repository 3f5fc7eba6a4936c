"""Measures beside the packages that others use."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy
import pytest
from bjontegaard import bd_rate as reference_bd_rate

from dcodec.metrics import bd_rate, ms_ssim, psnr, ssimulacra2

from record_peers import PAIRS, pair, torch_ms_ssim

RECORDED = json.loads((Path(__file__).parent / "peers.json").read_text())


@pytest.mark.parametrize("name", PAIRS)
def test_ms_ssim_is_that_of_pytorch_msssim(name: str) -> None:
    a, b = pair(name)
    own = ms_ssim(a, b)
    recorded = RECORDED["ms_ssim"][name]
    print(f"{name}: {own:.7f}, recorded {recorded:.7f}")
    assert abs(own - recorded) < 1e-4
    try:
        import pytorch_msssim  # noqa: F401
    except ImportError:
        return
    assert abs(own - torch_ms_ssim(a, b)) < 1e-4


def test_ms_ssim_needs_five_scales(small: numpy.ndarray) -> None:
    with pytest.raises(ValueError, match="161"):
        ms_ssim(small, small)


def curve(rng: numpy.random.Generator, factor: float) -> tuple[list[float], list[float]]:
    """A rising curve of a codec."""
    rates = numpy.sort(rng.uniform(0.05, 2, 6)) * factor
    return list(rates), list(
        30 + 6 * numpy.log2(rates / factor) + rng.uniform(-0.2, 0.2, 6).cumsum() / 3
    )


def test_bd_rate_is_that_of_bjontegaard() -> None:
    rng = numpy.random.default_rng(11)
    worst = 0.0
    compared = 0
    for _ in range(40):
        anchor, test = curve(rng, 1), curve(rng, rng.uniform(0.5, 1.5))
        shared = min(anchor[1][-1], test[1][-1]) - max(anchor[1][0], test[1][0])
        if shared <= 0 or any(numpy.diff(q).min() <= 0 for _, q in (anchor, test)):
            continue
        compared += 1
        theirs = reference_bd_rate(
            *anchor, *test, method="pchip", require_matching_points=False, min_overlap=0
        )
        worst = max(worst, abs(bd_rate(*anchor, *test) - theirs))
    print(f"{compared} pairs of curves, at most {worst:.2e} per cent apart")
    assert compared >= 20
    assert worst < 0.01


def test_bd_rate_of_what_cannot_be_compared() -> None:
    assert bd_rate([1, 2, 3], [30, 33, 35], [0.8, 1.6, 2.4], [30, 33, 35]) == pytest.approx(-20)
    assert math.isnan(bd_rate([1, 2], [30, 33], [1, 2], [40, 43]))
    with pytest.raises(ValueError):
        bd_rate([1, 2, 3], [30, 33], [1, 2], [30, 33])


def test_psnr(coffee: numpy.ndarray) -> None:
    noisy = coffee.copy()
    noisy[::2] ^= 3
    mse = ((coffee.astype(float) - noisy) ** 2).mean()
    assert psnr(coffee, noisy) == pytest.approx(10 * math.log10(255**2 / mse), abs=1e-9)
    assert psnr(coffee, coffee) == math.inf
    wide = [a.astype(numpy.uint16) * 257 for a in (coffee, noisy)]
    assert psnr(*wide) == pytest.approx(psnr(coffee, noisy), abs=1e-9)
    with pytest.raises(ValueError):
        psnr(coffee, coffee[:-1])
    with pytest.raises(ValueError):
        psnr(coffee, coffee.astype(numpy.uint16))


def test_ssimulacra2(coffee: numpy.ndarray) -> None:
    assert ssimulacra2(coffee, coffee) == pytest.approx(100, abs=1e-3)
    rng = numpy.random.default_rng(2)
    scores = []
    for level in (2, 8, 30):
        noisy = (coffee + rng.normal(0, level, coffee.shape)).clip(0, 255).astype(numpy.uint8)
        scores.append(ssimulacra2(coffee, noisy))
    assert 100 > scores[0] > scores[1] > scores[2]
    with pytest.raises(ValueError, match="one size"):
        ssimulacra2(coffee, coffee[:-1])
