"""A progressive image codec whose prior is a diffusion model: one file, every rate.

    import dcodec
    data = dcodec.encode(array, bpp=0.3)          # bytes of a .dfc file
    array = dcodec.decode(data)                   # what the command `dcodec decode` shows
    array = dcodec.decode(data, bpp=0.1)          # any prefix of the file is a picture
    for step in dcodec.Stream(response): ...      # a picture after every layer, as bytes come

Arrays are of uint8 or uint16: (H, W) grey, (H, W, 3) RGB, and (H, W, 2) and (H, W, 4) with alpha.
`import dcodec.pillow` teaches Pillow to open and save .dfc files.
"""

from typing import Any

from . import metrics
from ._coding import Encoded, cut, decode, decode_step, encode, encode_report, info
from ._dcodec import Prior, Progress, __version__, set_threads
from ._errors import (
    BackendError,
    Error,
    FormatError,
    LimitError,
    UnsupportedError,
    WrongPriorError,
)
from ._stream import Step, Stream

__all__ = [
    "BackendError",
    "Encoded",
    "Error",
    "FormatError",
    "LimitError",
    "Prior",
    "Progress",
    "Step",
    "Stream",
    "UnsupportedError",
    "WrongPriorError",
    "__version__",
    "cut",
    "decode",
    "decode_step",
    "encode",
    "encode_report",
    "info",
    "metrics",
    "plot_rd",
    "set_threads",
]


def plot_rd(results: Any, metric: str = "psnr", ax: Any = None) -> Any:
    """Draw rate-distortion curves; see `dcodec.plot.plot_rd`. Needs matplotlib."""
    from .plot import plot_rd

    return plot_rd(results, metric, ax)
