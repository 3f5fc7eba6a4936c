"""Encode, decode, cut, info."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from . import _arrays, _dcodec
from ._dcodec import Prior, Progress
from ._stream import Step, decode_options, prior_named

if TYPE_CHECKING:
    from os import PathLike

    from ._arrays import Picture

Report: TypeAlias = "Callable[[Progress], object]"
Rectangle: TypeAlias = "tuple[int, int, int, int] | tuple[int, int, int, int, float]"

#: The weight of a rectangle that has none of its own.
ROI_WEIGHT = 2.0


@dataclass(frozen=True)
class Encoded:
    """A file, and what the encoder measured on the way."""

    #: The bytes of the .dfc file.
    data: bytes
    #: A dict for each layer: `sigma`, the noise level at its end in 8-bit levels; `stages` of its
    #: trellis; `bits` in the file; `kl_bits`, the ideal cost of the step in bits; `delivered`, the
    #: share of the shift that came through; `psnr_before`, the RGB PSNR in dB of the picture shown
    #: before it; `end`, the offset in bytes of its end.
    layers: list[dict[str, Any]]
    #: Bytes of the exact samples of a lossless file, else None.
    exact_bytes: int | None
    #: True if the target was met, False if the lowest noise level came first.
    target_met: bool


def encode(
    array: Any,
    *,
    bpp: float | None = None,
    bytes: int | None = None,
    psnr: float | None = None,
    quality: float | None = None,
    lossless: bool = False,
    roi: Iterable[Rectangle] | Any = None,
    effort: int = 3,
    prior: Prior | str | None = None,
    orientations: int = 1,
    tune: Literal["eye", "psnr", "none"] | None = None,
    prefilter: bool = True,
    corrections: bool = True,
    seed: int = 0,
    icc: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    max_memory: int | None = None,
    progress: Report | None = None,
) -> bytes:
    """Encode a picture, and return the bytes of a .dfc file.

    array
        uint8 or uint16, of the shape (H, W) for grey, (H, W, 3) for RGB, and (H, W, 2) or
        (H, W, 4) with alpha, which is kept without loss. Any object of the buffer protocol will
        do, contiguous or not, and any that numpy takes, such as Pillow's images.
    bpp, bytes, psnr, quality
        Where the file ends, at most one of them: bits per pixel; bytes; RGB PSNR in dB of what
        `decode` shows; or a quality of 0 to 100 (the default is 75, about 1 bit per pixel).
        Every prefix of the file is a picture too.
    lossless
        The same progressive file goes on to the exact samples. `quality` may say where the layers
        before them end.
    roi
        Where most bits go: rectangles (x, y, width, height) or (x, y, width, height, weight) in
        pixels, of weight 2 beside 1 elsewhere unless they say otherwise; or an array (H, W) of
        weights.
    effort
        1 (four times faster, by a smaller network) to 5 (smallest files).
    prior
        The network: a `Prior`, or the name of one inside the package, "s", "xs" or "l". The
        default is "s", and "xs" for effort 1.
    orientations
        1, 2, 4 or 8: average the network over orientations of the picture. Files are smaller, for
        as many times its work here and in every decoder.
    tune
        The judge that the file is made for: "eye" (SSIMULACRA2), "psnr", or "none", which sends
        everything alike. The default is the eye, "psnr" with `psnr` and "none" with `lossless`.
    prefilter
        Leave out what is too faint for the file to show. False codes faint details too.
    corrections
        Move some predictions on by a small network instead of calling the large one.
    seed
        Seed of the shared noise.
    icc, exif, xmp
        The colour profile; EXIF from its byte order mark on, saying upright; the XMP packet.
    max_memory
        Refuse what would take more bytes of memory.
    progress
        A function that is called with a `Progress` after every layer. If it raises, the encode ends
        with that exception. So it does within a moment when Ctrl-C is pressed.

    Other threads run meanwhile. Raises TypeError and ValueError for arguments that cannot be, and
    dcodec.LimitError, dcodec.UnsupportedError or dcodec.BackendError.
    """
    return encode_report(
        array,
        bpp=bpp,
        bytes=bytes,
        psnr=psnr,
        quality=quality,
        lossless=lossless,
        roi=roi,
        effort=effort,
        prior=prior,
        orientations=orientations,
        tune=tune,
        prefilter=prefilter,
        corrections=corrections,
        seed=seed,
        icc=icc,
        exif=exif,
        xmp=xmp,
        max_memory=max_memory,
        progress=progress,
    ).data


def encode_report(
    array: Any,
    *,
    bpp: float | None = None,
    bytes: int | None = None,
    psnr: float | None = None,
    quality: float | None = None,
    lossless: bool = False,
    roi: Iterable[Rectangle] | Any = None,
    effort: int = 3,
    prior: Prior | str | None = None,
    orientations: int = 1,
    tune: Literal["eye", "psnr", "none"] | None = None,
    prefilter: bool = True,
    corrections: bool = True,
    seed: int = 0,
    icc: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    max_memory: int | None = None,
    progress: Report | None = None,
) -> Encoded:
    """Encode a picture as `encode` does, and return the file with the measures of its layers."""
    targets = {"bpp": bpp, "bytes": bytes, "psnr": psnr, "quality": quality}
    _at_most_one(targets, but="quality" if lossless else None)
    if lossless and (given := [n for n in ("bpp", "bytes", "psnr") if targets[n] is not None]):
        raise ValueError(f"a lossless file has an end of its own: leave out {given[0]}")
    if tune not in (None, "eye", "psnr", "none"):
        raise ValueError(f"tune must be 'eye', 'psnr' or 'none', not {tune!r}")
    regions, weights = _interest(roi)
    options = {
        **targets,
        "lossless": lossless,
        "regions": regions,
        "weights": weights,
        "effort": _in_range("effort", effort, 1, 5),
        "prior": prior_named(prior),
        "orientations": _in_range("orientations", orientations, 1, 8),
        "tune": tune,
        "prefilter": bool(prefilter),
        "corrections": corrections,
        "seed": _in_range("seed", seed, 0, 2**64 - 1),
        "icc": icc,
        "exif": exif,
        "xmp": xmp,
        "max_memory": max_memory,
        "progress": progress,
    }
    return Encoded(**_dcodec.encode(_arrays.buffer_of(array), options))


def _at_most_one(values: dict[str, Any], but: str | None = None) -> None:
    given = [name for name, value in values.items() if value is not None and name != but]
    if len(given) > 1:
        raise ValueError(
            f"at most one of {', '.join(values)} can be given, not {' and '.join(given)}"
        )


def _in_range(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise ValueError(f"{name} must be {least} to {most}, not {value}")
    return value


def _interest(roi: Any) -> tuple[list[tuple[int, int, int, int, float]] | None, Any]:
    """Rectangles with their weights, or an array of weights."""
    if roi is None:
        return None, None
    if hasattr(roi, "__array__"):
        import numpy

        weights = numpy.asarray(roi, dtype=numpy.float64)
        if weights.ndim != 2:
            raise ValueError(f"expected weights of the shape (H, W), not {weights.shape}")
        return None, weights
    regions = []
    for region in roi:
        if len(region) not in (4, 5):
            raise ValueError(
                f"expected (x, y, width, height) or (x, y, width, height, weight), not {region!r}"
            )
        x, y, width, height = (
            _in_range("a place of a region", n, 0, 2**32 - 1) for n in region[:4]
        )
        regions.append((x, y, width, height, float(region[4]) if len(region) == 5 else ROI_WEIGHT))
    return regions, None


def decode_step(
    data: bytes | str | PathLike[str] | Any,
    *,
    bpp: float | None = None,
    bytes: int | None = None,
    layers: int | None = None,
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
    progress: Report | None = None,
) -> Step:
    """Decode as `decode` does, and return the picture with its coverage and metadata: a `Step`."""
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
        progress=progress,
    )
    return Step(_dcodec.decode(_arrays.bytes_of(data), _extent(bpp, bytes, layers), options))


def decode(
    data: bytes | str | PathLike[str] | Any,
    *,
    bpp: float | None = None,
    bytes: int | None = None,
    layers: int | None = None,
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
    progress: Report | None = None,
) -> Picture:
    """Decode a .dfc file, or any prefix of one, and return its picture as a numpy array.

    The array is of uint8 or uint16 and of the shape (H, W), (H, W, 2), (H, W, 3) or (H, W, 4), as
    the picture was encoded.

    data
        The bytes of a file or of its beginning: a bytes-like object, a path, or an open file.
    bpp, bytes, layers
        Take the first bytes only, at most one of them: bits per pixel; bytes; or whole layers.
    mode
        "mean": closest to the original. "flow": with the texture that the mean lacks at low rates.
        "sample", "langevin": one of the pictures that the bytes allow.
    realism
        0 to 1: between mean (0) and flow (1).
    steps, seed
        Calls of the network of these modes, and the seed of their noise.
    prior
        The network of the file, if it is not inside the package: a `Prior`.
    display
        What shows the last state: "recommended", a larger network and a post-filter, the best PSNR;
        "vivid", these for the eye, with texture that the bits make likely; "own", the network of
        the file, averaged over four orientations; "plain", that network once, the fastest; a
        `Prior`, or the name of one inside the package.
    orientations
        1 to 8: average the display over so many orientations.
    max_pixels, max_memory, max_layers
        Refuse pictures of more pixels (the default is 100 million), work of more bytes of memory,
        and files of more layers (the default is 128), each a call of the network.
    progress
        A function that is called with a `Progress` after every layer. If it raises, the decode ends
        with that exception. So it does within a moment when Ctrl-C is pressed.

    Missing bytes are no error. Other threads run meanwhile. Raises dcodec.FormatError for bytes
    that are no .dfc file, dcodec.WrongPriorError, dcodec.UnsupportedError, dcodec.LimitError or
    dcodec.BackendError, TypeError and ValueError for arguments that cannot be.
    """
    return decode_step(
        data,
        bpp=bpp,
        bytes=bytes,
        layers=layers,
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
        progress=progress,
    ).picture


def _extent(bpp: float | None, bytes: int | None, layers: int | None) -> dict[str, Any]:
    extent = {"bpp": bpp, "bytes": bytes, "layers": layers}
    _at_most_one(extent)
    if bytes is not None:
        _in_range("bytes", bytes, 0, 2**64 - 1)
    if layers is not None:
        _in_range("layers", layers, 0, 2**32 - 1)
    return extent


def cut(
    data: bytes | str | PathLike[str] | Any,
    *,
    bpp: float | None = None,
    bytes: int | None = None,
    layers: int | None = None,
) -> bytes:
    """Cut a file to a lower rate, without any network, and return its first bytes.

    `data` is a bytes-like object, a path or an open file; the cut is at one of bits per pixel,
    bytes, or whole layers. A file that is shorter comes back as it is. Raises dcodec.FormatError
    for other bytes, and ValueError for a cut inside the header.
    """
    if bpp is None and bytes is None and layers is None:
        raise ValueError("say where to cut: bpp, bytes or layers")
    return _dcodec.cut(_arrays.bytes_of(data), _extent(bpp, bytes, layers))


def info(data: bytes | str | PathLike[str] | Any) -> dict[str, Any]:
    """Return what a file or a prefix of one holds, without any network, as a dict.

    `data` is a bytes-like object, a path or an open file. The keys are those of the command
    `dcodec info --json`: `width`, `height` and `colour`; `prior`, the identity of the network, and
    `prior_name` if it is inside the package; `bytes`, `bpp`, `complete`; `layers`, a list of dicts
    with `sigma` in 8-bit levels, `bits`, `end` in bytes and `bpp`; `parts`; and others. Raises
    dcodec.FormatError for other bytes.
    """
    contents: dict[str, Any] = json.loads(_dcodec.info(_arrays.bytes_of(data)))
    return contents
