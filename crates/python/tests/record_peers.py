"""Values of pytorch-msssim for the tests, recorded where torch is too large to install.

pip install torch pytorch-msssim pillow numpy
python crates/python/tests/record_peers.py > crates/python/tests/peers.json
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy
from PIL import Image

SAMPLES = Path(__file__).parents[3] / "samples"

#: Pairs of pictures: a sample, and what was done to it.
PAIRS = [
    "coffee noise 8",
    "coffee noise 40",
    "astronaut box 5",
    "chelsea shift 3",
    "camera noise 20",
    "rocket even 16",
]


def pair(name: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The original and the other picture of a pair."""
    sample, kind, amount = name.split()
    original = numpy.asarray(Image.open(SAMPLES / f"{sample}.png"))
    n = int(amount)
    if kind == "noise":
        noise = numpy.random.default_rng(n).integers(-n, n + 1, original.shape)
        other = (original + noise).clip(0, 255)
    elif kind == "box":
        rolled = [
            numpy.roll(original.astype(float), (y, x), (0, 1)) for y in range(n) for x in range(n)
        ]
        other = numpy.mean(rolled, axis=0).round()
    elif kind == "shift":
        other = numpy.roll(original, n, axis=1)
    else:
        other = original // n * n
    return original, other.astype(numpy.uint8)


def torch_ms_ssim(a: numpy.ndarray, b: numpy.ndarray) -> float:
    """MS-SSIM by pytorch-msssim."""
    import torch
    from pytorch_msssim import ms_ssim

    def tensor(array: numpy.ndarray) -> torch.Tensor:
        array = array.reshape(*array.shape[:2], -1).transpose(2, 0, 1)
        return torch.from_numpy(array.astype(numpy.float64))[None]

    return float(ms_ssim(tensor(a), tensor(b), data_range=255))


if __name__ == "__main__":
    values = {name: torch_ms_ssim(*pair(name)) for name in PAIRS}
    print(json.dumps({"ms_ssim": values}, indent=4))
