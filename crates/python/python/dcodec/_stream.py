"""Files as they come: steps of a stream."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from . import _arrays, _dcodec
from ._dcodec import Prior

if TYPE_CHECKING:
    from ._arrays import Picture

# Bytes that are handed over at once.
_PIECE = 1 << 16


class Step:
    """A decoded picture, and what it was made from."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._raw: _arrays.Raw = fields["raw"]
        #: Bytes of the file that it shows.
        self.bytes: int = fields["bytes"]
        #: Whole layers.
        self.layers: int = fields["layers"]
        #: Share of the next layer that had come, 0 to 1.
        self.partial: float = fields["partial"]
        #: Noise level of the state shown in 8-bit levels; None before the first layer.
        self.sigma: float | None = fields["sigma"]
        #: True if the end of the file was reached.
        self.complete: bool = fields["complete"]
        #: What is exact: None for nothing, "all", a number of rows from the top, or "unusable".
        self.exact: int | Literal["all", "unusable"] | None = fields["exact"]
        #: The colour profile, if it has come.
        self.icc: bytes | None = fields["icc"]
        #: EXIF from its byte order mark on, if it has come.
        self.exif: bytes | None = fields["exif"]
        #: The XMP packet, if it has come.
        self.xmp: bytes | None = fields["xmp"]

    @cached_property
    def picture(self) -> Picture:
        """The picture, as an array of uint8 or uint16 of the shape (H, W[, channels])."""
        return _arrays.picture(self._raw)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the picture."""
        return tuple(self._raw[1])

    @property
    def bpp(self) -> float:
        """Bits per pixel of the bytes that it shows."""
        return 8 * self.bytes / (self.shape[0] * self.shape[1])

    def png(self) -> bytes:
        """Return the picture as a PNG file with its colour profile."""
        return _dcodec.png(self.picture, self.icc)

    def _repr_png_(self) -> bytes:
        return self.png()

    def __repr__(self) -> str:
        shape = " x ".join(str(n) for n in self.shape)
        sigma = "" if self.sigma is None else f", sigma {self.sigma:.2f}"
        size = f"{self.layers} layers, {self.bytes} bytes, {self.bpp:.4f} bpp"
        return f"<dcodec.Step {shape}, {size}{sigma}>"


def prior_named(prior: Any) -> Prior | None:
    """The prior that an argument names."""
    if prior is None or isinstance(prior, Prior):
        return prior
    if isinstance(prior, str) and prior in ("s", "xs", "l"):
        made: Prior = getattr(Prior, prior)()
        return made
    if isinstance(prior, str):
        raise ValueError(
            f"no prior {prior!r} is inside the package: s, xs, l, or Prior.from_file(path)"
        )
    raise TypeError(f"expected a dcodec.Prior or the name of one, not {type(prior).__name__}")


def decode_options(**options: Any) -> dict[str, Any]:
    """The settings of a decode as the compiled half takes them."""
    display, orientations = options["display"], options["orientations"]
    named = isinstance(display, str) and display in ("recommended", "vivid", "own", "plain")
    if orientations is not None and not 1 <= orientations <= 8:
        raise ValueError(f"orientations must be 1 to 8, not {orientations}")
    return {
        **options,
        "prior": prior_named(options["prior"]),
        "display": display if named else "",
        "display_prior": None if named else prior_named(display),
    }


class Stream:
    """A file that is decoded as its bytes come.

        for step in dcodec.Stream(response):
            show(step.picture, step.bytes, step.sigma)

    It takes the bytes of a file, a path, an open file or anything with `read(n)`, or pieces of
    bytes from an iterable, and yields a `Step` after every layer and one for all bytes at the end.
    What comes after the end of the file is ignored. With `every=n` there are steps after every n-th
    layer only: each is a call or more of the network.

    Without a source, `feed` takes bytes and `step` shows them.

    mode, realism, steps, seed, prior, display, orientations, max_pixels, max_memory, max_layers are
    those of `dcodec.decode`; so are the exceptions. After one the stream is of no more use.
    """

    def __init__(
        self,
        source: bytes | str | os.PathLike[str] | Iterable[bytes] | Any = None,
        *,
        every: int = 1,
        mode: Literal["mean", "flow", "sample", "langevin"] = "mean",
        realism: float | None = None,
        steps: int | None = None,
        seed: int = 0,
        prior: Prior | str | None = None,
        display: Prior | str = "recommended",
        orientations: int | None = None,
        max_pixels: int | None = None,
        max_memory: int | None = None,
        max_layers: int | None = None,
    ) -> None:
        if every < 1:
            raise ValueError(f"every must be 1 or more, not {every}")
        options = decode_options(
            mode=mode,
            realism=realism,
            steps=steps,
            seed=seed,
            prior=prior,
            display=display,
            orientations=orientations,
            max_pixels=max_pixels,
            max_memory=max_memory,
            max_layers=max_layers,
            progress=None,
        )
        self._decoder = _dcodec.Stream(options)
        self._pieces = None if source is None else _pieces(source)
        self._every = every
        #: Whole layers so far.
        self.layers = 0
        #: Bytes taken so far.
        self.bytes = 0
        #: True once the header of the file has come, so that there is a picture to show.
        self.started = False

    def feed(self, data: Any) -> int:
        """Take the next bytes of the file, and return the number of layers that they complete."""
        before = self.layers
        for _ in self._layers(data):
            pass
        return self.layers - before

    def step(self) -> Step:
        """Show all bytes so far.

        The stream goes on. Raises dcodec.FormatError while the header has not come.
        """
        return Step(self._decoder.step())

    def state(self) -> tuple[Any, float] | None:
        """Return x_t of all bytes so far, and sigma; None before the first layer.

        x_t is an array (3, H, W) of float32: x_0 and normal noise of sigma levels, in 8-bit levels
        minus 127.5, as `Prior.x0_hat` takes it. H and W are padded. It is what a file holds of a
        picture: where methods for inverse problems may start. The stream goes on.
        """
        return self._decoder.state()

    def __iter__(self) -> Iterator[Step]:
        if self._pieces is None:
            raise TypeError("a stream without a source has no steps of its own: use feed and step")
        pieces, self._pieces = self._pieces, iter(())
        shown = -1
        for piece in pieces:
            for bytes_so_far in self._layers(piece):
                if self.layers % self._every == 0:
                    shown = bytes_so_far
                    yield self.step()
        if shown < self.bytes:
            yield self.step()

    def _layers(self, data: Any) -> Iterator[int]:
        """Take bytes, with a stop at the end of each layer."""
        view = memoryview(data).cast("B")
        while len(view):
            used, layer, self.started = self._decoder.push(view[:_PIECE])
            view = view[used:]
            self.bytes += used
            if layer:
                self.layers += 1
                yield self.bytes


def _pieces(source: Any) -> Iterator[Any]:
    """Pieces of bytes, as they come."""
    if isinstance(source, str | os.PathLike):
        return _opened(source)
    if hasattr(source, "read"):
        return _read(source)
    try:
        memoryview(source)
    except TypeError:
        return iter(source)
    return iter([source])


def _opened(path: Any) -> Iterator[bytes]:
    with open(path, "rb") as file:
        yield from _read(file)


def _read(file: Any) -> Iterator[bytes]:
    # What is there, and not what could still come.
    read = getattr(file, "read1", file.read)
    while piece := read(_PIECE):
        yield piece
