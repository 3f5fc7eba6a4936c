"""Files as they come."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
from PIL import Image

import dcodec


def test_steps_are_the_prefixes(coded: bytes) -> None:
    ends = [layer["end"] for layer in dcodec.info(coded)["layers"]]
    steps = list(dcodec.Stream(coded, display="plain"))
    assert [step.bytes for step in steps] == [*ends, len(coded)]
    assert [step.layers for step in steps[:-1]] == list(range(1, len(ends) + 1))
    for step in steps[:: len(steps) // 4]:
        prefix = dcodec.decode(coded[: step.bytes], display="plain")
        assert numpy.array_equal(step.picture, prefix)
    sigmas = [step.sigma for step in steps]
    assert sigmas == sorted(sigmas, reverse=True)
    assert steps[-1].complete
    assert numpy.array_equal(steps[-1].picture, dcodec.decode(coded, display="plain"))


def test_all_sources_give_the_same_end(coded: bytes, tmp_path: Path) -> None:
    file = tmp_path / "coffee.dfc"
    file.write_bytes(coded + b"what follows the end is ignored")
    expected = dcodec.decode(coded)

    def packets() -> Iterator[bytes]:
        for at in range(0, len(coded), 333):
            yield coded[at : at + 333]

    class Response:
        """An HTTP response, which gives less than it is asked for."""

        def __init__(self) -> None:
            self.body = io.BytesIO(coded)

        def read(self, n: int) -> bytes:
            return self.body.read(min(n, 700))

    sources = [
        file,
        str(file),
        file.open("rb"),
        io.BytesIO(coded),
        packets(),
        Response(),
        memoryview(coded),
    ]
    for source in sources:
        *_, last = dcodec.Stream(source, every=1000)
        assert last.complete and last.bytes == len(coded)
        assert numpy.array_equal(last.picture, expected)


def test_every_leaves_steps_out(coded: bytes) -> None:
    layers = [step.layers for step in dcodec.Stream(coded, every=5, display="plain")]
    n = dcodec.decode_step(coded).layers
    assert layers == [*range(5, n + 1, 5), n]


def test_feed_and_step(coded: bytes) -> None:
    stream = dcodec.Stream(display="plain")
    with pytest.raises(dcodec.FormatError, match="header"):
        stream.step()
    stream = dcodec.Stream(display="plain")
    assert stream.feed(coded[:3]) == 0 and not stream.started
    third = len(coded) // 3
    layers = stream.feed(coded[3:third])
    assert layers == stream.layers > 2 and stream.started
    assert numpy.array_equal(stream.step().picture, dcodec.decode(coded[:third], display="plain"))
    stream.feed(coded[third:])
    assert stream.bytes == len(coded) and stream.step().complete
    with pytest.raises(TypeError, match="use feed and step"):
        list(stream)


def test_modes(coded: bytes) -> None:
    *_, step = dcodec.Stream(coded, realism=1.0, steps=2, every=1000)
    assert numpy.array_equal(step.picture, dcodec.decode(coded, realism=1.0, steps=2))


def test_steps_show_in_notebooks(coffee: numpy.ndarray) -> None:
    icc = bytes(128)
    for array in (coffee, coffee[..., 0], coffee.astype(numpy.uint16) * 257):
        step = dcodec.decode_step(dcodec.encode(array, bpp=0.5, effort=1, icc=icc))
        image = Image.open(io.BytesIO(step._repr_png_()))
        assert image.format == "PNG"
        shown = numpy.asarray(image)
        wanted = step.picture
        if wanted.ndim == 3 and wanted.dtype == numpy.uint16:
            # Pillow has no such mode: it keeps the high bytes.
            wanted = (wanted >> 8).astype(numpy.uint8)
        assert numpy.array_equal(shown, wanted)
        assert f"{step.layers} layers" in repr(step)
        assert step.bpp == pytest.approx(8 * step.bytes / (192 * 144))


def test_a_broken_stream_says_so(coded: bytes) -> None:
    stream = dcodec.Stream()
    with pytest.raises(dcodec.FormatError, match="not a .dfc file"):
        stream.feed(b"GIF89a")
    with pytest.raises(RuntimeError, match="failed"):
        stream.feed(coded)
    with pytest.raises(dcodec.FormatError, match="inside the header"):
        list(dcodec.Stream(coded[:6]))
    with pytest.raises(ValueError, match="every"):
        dcodec.Stream(coded, every=0)
    with pytest.raises(dcodec.FormatError, match="after 0 bytes"):
        list(dcodec.Stream(b""))


def test_state_is_what_the_picture_is_made_of(coded: bytes) -> None:
    with pytest.raises(dcodec.FormatError):
        dcodec.Stream().state()
    stream = dcodec.Stream()
    stream.feed(coded[:20])
    assert stream.state() is None
    stream.feed(coded[20:])
    x_t, sigma = stream.state()
    assert x_t.shape == (3, 144, 192) and sigma == stream.step().sigma
    x0_hat = dcodec.Prior.s().x0_hat(x_t, sigma)
    shown = numpy.clip(numpy.rint(x0_hat + 127.5), 0, 255).transpose(1, 2, 0)
    plain = dcodec.decode(coded, display="plain")
    assert numpy.abs(shown - plain).max() <= 1
