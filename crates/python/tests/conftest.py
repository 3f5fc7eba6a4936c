"""Pictures and programs of the tests. They run against the installed package."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy
import pytest
from PIL import Image

import dcodec

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "samples"


def sample(name: str) -> numpy.ndarray:
    """A sample picture of the repository."""
    return numpy.asarray(Image.open(SAMPLES / name))


@pytest.fixture(scope="session")
def coffee() -> numpy.ndarray:
    """A photograph, (144, 192, 3)."""
    return numpy.ascontiguousarray(sample("coffee.png")[100:244, 200:392])


@pytest.fixture(scope="session")
def small(coffee: numpy.ndarray) -> numpy.ndarray:
    """A small photograph, (32, 48, 3)."""
    return numpy.ascontiguousarray(coffee[40:72, 60:108])


@pytest.fixture(scope="session")
def coded(coffee: numpy.ndarray) -> bytes:
    """A file of `coffee` that ends by itself, of about 1 bit per pixel."""
    return dcodec.encode(coffee, quality=65)


@pytest.fixture(scope="session")
def command() -> Path:
    """The command in the environment of the package."""
    path = Path(sys.executable).parent / "dcodec"
    assert os.access(path, os.X_OK), f"the package has no command {path}"
    return path
