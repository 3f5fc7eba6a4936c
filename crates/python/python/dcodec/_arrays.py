"""Arrays and bytes on their way to the compiled half and back. numpy is imported when needed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from ._dcodec import Prior

    Picture: TypeAlias = NDArray[numpy.uint8] | NDArray[numpy.uint16]
    Floats: TypeAlias = NDArray[numpy.float32]

# Samples, shape and type, as the compiled half returns a picture.
Raw: TypeAlias = "tuple[bytearray, list[int], str]"


def buffer_of(array: Any) -> Any:
    """An object of the buffer protocol: the array itself, or the numpy array that it can become."""
    try:
        memoryview(array)
        return array
    except (TypeError, ValueError, BufferError):
        pass
    if hasattr(array, "__array__") or hasattr(array, "__array_interface__"):
        import numpy

        return numpy.asarray(array)
    raise TypeError(
        "expected an array of uint8 or uint16 of the shape (H, W), (H, W, 3), or (H, W, 2) or "
        f"(H, W, 4) with alpha, not {type(array).__name__}"
    )


def bytes_of(data: Any) -> Any:
    """The bytes of a bytes-like object, of a path, or of an open file."""
    if isinstance(data, str | os.PathLike):
        with open(data, "rb") as file:
            return file.read()
    if hasattr(data, "read"):
        return data.read()
    return data


def picture(raw: Raw) -> Picture:
    """The array of a decoded picture. It shares the memory, and can be written to."""
    import numpy

    samples, shape, name = raw
    return numpy.frombuffer(samples, dtype=name).reshape(shape)


def floats(values: bytearray, width: int, height: int) -> Floats:
    """The array (3, H, W) of planes."""
    import numpy

    return numpy.frombuffer(values, dtype=numpy.float32).reshape(3, height, width)


def planes(x_t: Any) -> Floats:
    """x_t as the compiled half takes it."""
    import numpy

    array = numpy.ascontiguousarray(x_t, dtype=numpy.float32)
    if array.ndim != 3 or array.shape[0] != 3 or min(array.shape[1:]) < 16:
        shape = tuple(array.shape)
        raise ValueError(f"expected an array (3, H, W) with H and W from 16 up, not {shape}")
    return array


def x0_hat(
    function: Callable[[Any, float], Any],
    values: bytearray,
    width: int,
    height: int,
    sigma: float,
) -> Floats:
    """Call a denoiser of the user, and check what it returns."""
    import numpy

    x_t = floats(values, width, height)
    result = function(x_t, sigma)
    array = numpy.asarray(result, dtype=numpy.float32)
    if array.shape != x_t.shape:
        raise ValueError(
            f"the denoiser returned an array of the shape {array.shape}, not {x_t.shape} as x_t"
        )
    if not numpy.isfinite(array).all():
        raise ValueError("the denoiser returned values that are not finite")
    return array


def prior_of(maker: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Prior:
    """Make a pickled prior anew."""
    from ._dcodec import Prior

    made: Prior = getattr(Prior, maker)(*arguments, **keywords)
    return made
