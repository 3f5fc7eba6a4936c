"""dcodec in the bench of CompressAI.

    from dcodec.compressai import DFC
    codec = DFC(None)
    result = codec.run("kodim01.png", 75, metrics=["psnr-rgb", "ms-ssim-rgb"])

`result` has bpp, psnr-rgb, ms-ssim-rgb, encoding_time and decoding_time. The quality is that of
`dcodec.encode`, 0 to 100, in whole numbers.
"""

from __future__ import annotations

from compressai.utils.bench.codecs import PillowCodec

from . import pillow
from ._dcodec import __version__

__all__ = ["DFC"]


class DFC(PillowCodec):  # type: ignore[misc]
    """The codec by its plugin for Pillow."""

    fmt = pillow.FORMAT
    name = "dcodec"
    _description = f"dcodec. Version {__version__}"
