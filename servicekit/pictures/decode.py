"""Decodes a picture that `probe` accepted into upright sRGB pixels without metadata. Runs in a picture worker."""

import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pi_heif
from PIL import AvifImagePlugin, Image, ImageMath

from servicekit.pictures.colour import to_srgb
from servicekit.pictures.completeness import lacks_rows
from servicekit.pictures.model import HEIC, HEIF, PNG, TIFF, PictureInfo, PictureRefused

# A worker has one core. Previews, depth maps and gain maps are not looked at.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
pi_heif.options.DECODE_THREADS = 1
pi_heif.options.THUMBNAILS = pi_heif.options.DEPTH_IMAGES = pi_heif.options.AUX_IMAGES = False

# What Pillow's plugins and pi_heif raise for bad data.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    RuntimeError,
    ArithmeticError,
    Image.DecompressionBombError,
    struct.error,
    zlib.error,
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """The pixels, and in what they differ from those in the file."""

    # RGB, or RGBA if any pixel is see-through; upright; sRGB; `info` is empty.
    image: Image.Image
    # The colours were others.
    was_converted: bool
    # The file had more than 8 bits a channel.
    was_reduced: bool = False


def decode(path: Path, info: PictureInfo, *, scale: float = 1.0) -> DecodedPicture:
    """Decodes the first frame, at `scale` of its size or larger where the format can do that cheaply.

    `info` is what `probe` said of this file. Raises PictureRefused (BROKEN) if the content is damaged or cut off, or
    has another size than its header said; what the format's library mends by itself counts as whole, as it does in
    browsers.
    """
    with path.open("rb") as file, warnings.catch_warnings():
        # Pillow warns of broken metadata, which is dropped here anyway.
        warnings.simplefilter("ignore")
        try:
            loaded = _load_heic(file, info) if info.content_type in (HEIC, HEIF) else _load(file, info, scale)
            base, was_converted = to_srgb(_to_8_bits(loaded, info.bits), loaded.info.get("icc_profile"))
        except _DECODER_ERRORS as error:
            raise PictureRefused(
                "BROKEN",
                "The picture file is damaged: not all of it can be read. Copy or save it again, and upload that.",
            ) from error
    if base.mode == "RGBA" and base.getchannel("A").getextrema() == (255, 255):
        base = base.convert("RGB")
    # Pillow turns a TIFF when it loads it.
    if info.orientation in _TURNS and info.content_type != TIFF:
        base = base.transpose(_TURNS[info.orientation])
    base.info = {}
    return DecodedPicture(base, was_converted, was_reduced=info.bits > 8)


def _load(file: BinaryIO, info: PictureInfo, scale: float) -> Image.Image:
    image = Image.open(file, formats=[info.content_type.removeprefix("image/")])
    # XMP may ask Pillow for a turn that nobody else sees.
    for name in ("xmp", "XML:com.adobe.xmp"):
        image.info.pop(name, None)
    turned = info.orientation >= 5 and info.content_type != TIFF
    _check_size(image, (info.height, info.width) if turned else (info.width, info.height))
    if scale < 1:
        # Draft sizes are rounded up, so that asking for the size rounded down is enough.
        image.draft(None, (max(1, int(image.width * scale)), max(1, int(image.height * scale))))
    expected = image.size
    image.load()
    _check_size(image, expected)
    if info.content_type == PNG and lacks_rows(image, file):
        raise ValueError("the pixels end before the last row")
    return image


def _load_heic(file: BinaryIO, info: PictureInfo) -> Image.Image:
    """Decodes the primary picture; cropping and turning are libheif's."""
    container = pi_heif.open_heif(file, convert_hdr_to_8bit=True)
    picture = container[container.primary_index]
    image: Image.Image = picture.to_pillow()
    _check_size(image, (info.width, info.height))
    return image


def _check_size(image: Image.Image, expected: tuple[int, int]) -> None:
    """Raises ValueError for a picture of another size than the one that the limits were applied to."""
    if image.size != expected:
        raise ValueError(f"the header says {expected}, the decoder {image.size}")


def _to_8_bits(image: Image.Image, bits: int) -> Image.Image:
    """Turns palette, bilevel, premultiplied and 16-bit pixels into 8 bits a channel, and what is see-through into alpha.

    `bits` is the number of bits a channel in the file.
    """
    transparent = image.info.get("transparency")
    if image.mode.startswith("I"):
        return _deep_grey_to_8_bits(image, transparent)
    if isinstance(transparent, tuple) and bits == 16:
        # The pixels have lost their lower bits already.
        image.info["transparency"] = tuple(level >> 8 for level in transparent)
    elif isinstance(transparent, int) and image.mode == "L" and bits < 8:
        # The pixels are scaled already, this is not.
        image.info["transparency"] = transparent * 255 // ((1 << bits) - 1)
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode in ("P", "YCbCr"):
        return image.convert("RGB")
    if image.mode == "1":
        return image.convert("L")
    return image


def _deep_grey_to_8_bits(image: Image.Image, transparent: object) -> Image.Image:
    levels = image.convert("I")
    # Pillow's own conversion clips at 255 instead of scaling.
    grey = levels.point(lambda value: value / 256).convert("L")
    if not isinstance(transparent, int):
        return grey
    alpha = ImageMath.lambda_eval(
        lambda args: args["convert"]((args["levels"] != transparent) * 255, "L"), levels=levels
    )
    return Image.merge("RGBA", (grey, grey, grey, alpha))
