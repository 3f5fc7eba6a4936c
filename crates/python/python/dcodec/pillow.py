"""Pillow opens and saves .dfc files once this module is imported.

    import dcodec.pillow
    from PIL import Image
    Image.open("photo.png").save("photo.dfc", bpp=0.3)
    Image.open("photo.dfc").show()

`save` takes the arguments of `dcodec.encode`: quality, bpp, bytes, psnr, lossless, roi, effort,
prior, orientations, tune, prefilter and others. The colour profile, EXIF and XMP of the picture go with it;
`icc_profile=`, `exif=` and `xmp=` set others, None leaves them out. A picture that its EXIF turns
is saved upright, and its EXIF then says so.

`open` reads the size and the mode only; the picture is decoded when it is first used. Beginnings of
files are pictures too. Set `img.decode_options = {"realism": 0.5}` before that to decode in other
ways of `dcodec.decode`.

Modes are L, LA, RGB, RGBA and I;16. Pillow has no other mode of 16 bits, so colours and alpha of 16
bits are rounded to 8; use `dcodec.decode` to get them.
"""

from __future__ import annotations

from typing import IO, Any

from PIL import Image, ImageFile, ImageOps

from . import _coding
from ._stream import Step

__all__ = ["EXTENSION", "FORMAT", "MIME", "DfcImageFile"]

FORMAT = "DFC"
EXTENSION = ".dfc"
MIME = "image/x-dfc"

_SIGNATURE = b"\x89DF"
_EXIF_PREFIX = b"Exif\0\0"
_ORIENTATION = 0x0112
# More than a header takes.
_HEADER_BYTES = 64

# The mode of a picture, by the name that `info` has for its form.
_MODES = {
    "grey": "L",
    "grey with alpha": "LA",
    "RGB": "RGB",
    "RGB with alpha": "RGBA",
    "grey, 16 bits": "I;16",
    "grey with alpha, 16 bits": "LA",
    "RGB, 16 bits": "RGB",
    "RGB with alpha, 16 bits": "RGBA",
}

# Modes that are saved as another, which holds all that they say.
_SAVED_AS = {"1": "L", "La": "LA", "RGBX": "RGB", "RGBa": "RGBA", "PA": "RGBA"}
_SAVED = ("L", "LA", "RGB", "RGBA", "I;16")


class DfcImageFile(ImageFile.ImageFile):
    """A .dfc file, or the beginning of one."""

    format = FORMAT
    format_description = "dcodec progressive picture"

    #: Arguments of `dcodec.decode` for the picture, to be set before it is used.
    decode_options: dict[str, Any]

    def _open(self) -> None:
        assert self.fp is not None
        try:
            contents = _coding.info(self.fp.read(_HEADER_BYTES))
        except Exception as e:
            raise SyntaxError(str(e)) from e
        self._size = (contents["width"], contents["height"])
        self._mode = _MODES[contents["colour"]]
        self.decode_options = {}
        self._step: Step | None = None

    def load(self) -> Any:
        """Decode the picture, if that has not been done."""
        if self._step is None and self.fp is not None:
            self.fp.seek(0)
            # Pillow's own limits have been asked in `open`.
            options = {"max_pixels": 2**64 - 1, **self.decode_options}
            step = _coding.decode_step(self.fp.read(), **options)
            picture = step.picture
            if picture.dtype != "uint8" and self._mode != "I;16":
                picture = ((picture.astype("uint32") * 255 + 32767) // 65535).astype("uint8")
            self.im = Image.fromarray(picture).im
            self._step = step
            if step.icc is not None:
                self.info["icc_profile"] = step.icc
            if step.exif is not None:
                self.info["exif"] = _EXIF_PREFIX + step.exif
            if step.xmp is not None:
                self.info["xmp"] = step.xmp
            if self._exclusive_fp:
                self.fp.close()
            self.fp = None
        return Image.Image.load(self)

    def getexif(self) -> Image.Exif:
        """Return the EXIF of the file, which stands after the header."""
        self.load()
        return super().getexif()


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(_SIGNATURE)


def _exif_bytes(exif: Any) -> bytes | None:
    """EXIF from its byte order mark on."""
    data = exif.tobytes() if isinstance(exif, Image.Exif) else exif
    data = data.removeprefix(_EXIF_PREFIX) if data else None
    return data or None


def _upright(image: Image.Image, exif: bytes | None) -> tuple[Image.Image, bytes | None]:
    """The picture as its EXIF wants it to be seen, and EXIF that says so."""
    if exif is None:
        return image, None
    parsed = Image.Exif()
    parsed.load(_EXIF_PREFIX + exif)
    if parsed.get(_ORIENTATION, 1) == 1:
        return image, exif
    turned = image.copy()
    turned.getexif()[_ORIENTATION] = parsed[_ORIENTATION]
    turned = ImageOps.exif_transpose(turned)
    parsed[_ORIENTATION] = 1
    return turned, _exif_bytes(parsed)


def _savable(image: Image.Image) -> Image.Image:
    """The picture in a mode that can be coded."""
    mode = _SAVED_AS.get(image.mode, image.mode)
    if mode == "P":
        mode = "RGBA" if image.has_transparency_data else "RGB"
    elif mode in ("L", "RGB") and image.has_transparency_data:
        mode = "LA" if mode == "L" else "RGBA"
    if mode not in _SAVED:
        raise OSError(f"cannot write mode {image.mode} as {FORMAT}: convert it to RGB or L first")
    return image if mode == image.mode else image.convert(mode)


def _save(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    import numpy

    options = dict(image.encoderinfo)
    # Given to every plugin.
    options.pop("save_all", None)
    options.pop("append_images", None)
    info = image.info
    icc = options.pop("icc_profile", info.get("icc_profile")) or None
    xmp = options.pop("xmp", info.get("xmp")) or None
    exif = _exif_bytes(options.pop("exif", info.get("exif")))
    image, exif = _upright(image, exif)
    image = _savable(image)
    samples = numpy.asarray(image)
    if samples.dtype.itemsize == 2:
        samples = samples.astype(numpy.uint16)
    file.write(_coding.encode(samples, icc=icc, exif=exif, xmp=xmp, **options))


Image.register_open(FORMAT, DfcImageFile, _accept)
Image.register_save(FORMAT, _save)
Image.register_extension(FORMAT, EXTENSION)
Image.register_mime(FORMAT, MIME)
