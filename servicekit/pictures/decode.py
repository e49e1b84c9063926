"""Decodes a picture that `probe` accepted into upright sRGB pixels without metadata. Runs in a picture worker."""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms

from servicekit.pictures.model import PictureInfo, PictureRefused

# What Pillow's plugins raise for bad data.
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error, zlib.error)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# The colour spaces of ICC profiles, and the modes that their numbers can stand for.
_PROFILE_MODES = {"RGB": ("RGB", "RGBA"), "GRAY": ("L",), "CMYK": ("CMYK",)}


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """The pixels, and whether their colours are others than in the file."""

    # RGB, or RGBA if any pixel is see-through; upright; sRGB; `info` is empty.
    image: Image.Image
    was_converted: bool


def decode(path: Path, info: PictureInfo, *, scale: float = 1.0) -> DecodedPicture:
    """Decodes the first frame, at `scale` of its size or larger where the format can do that cheaply.

    `info` is what `probe` said of this file. Raises PictureRefused (BROKEN) if the content is damaged or cut off; what
    the format's library mends by itself counts as whole, as it does in browsers.
    """
    with path.open("rb") as file, warnings.catch_warnings():
        # Pillow warns of broken metadata, which is dropped here anyway.
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=[info.content_type.removeprefix("image/")]) as image:
                if scale < 1:
                    # Draft sizes are rounded up, so that asking for the size rounded down is enough.
                    image.draft(None, (max(1, int(image.width * scale)), max(1, int(image.height * scale))))
                image.load()
                base, was_converted = _to_srgb(_to_8_bits(image))
        except _DECODER_ERRORS as error:
            raise PictureRefused(
                "BROKEN",
                "The picture file is damaged: not all of it can be read. Copy or save it again, and upload that.",
            ) from error
    if info.orientation in _TURNS:
        base = base.transpose(_TURNS[info.orientation])
    base.info = {}
    return DecodedPicture(base, was_converted)


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Turns palette, bilevel and 16-bit pixels into 8 bits a channel. The profile stays in `info`."""
    if image.mode.startswith("I"):
        # Pillow's own conversion clips at 255 instead of scaling.
        grey = image.convert("I").point(lambda value: value / 256).convert("L")
        grey.info = image.info
        return grey
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("P", "YCbCr"):
        return image.convert("RGB")
    if image.mode == "1":
        return image.convert("L")
    return image


def _to_srgb(image: Image.Image) -> tuple[Image.Image, bool]:
    """Turns the colours into sRGB as the embedded profile says; without one the pixels are taken to be sRGB."""
    converted = _through_profile(image)
    was_converted = converted is not None or image.mode == "CMYK"
    image = converted or image
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        return image, was_converted
    return image if image.mode == "RGB" else image.convert("RGB"), was_converted


def _through_profile(image: Image.Image) -> Image.Image | None:
    """Returns the converted picture, or None where there is nothing to convert or the profile is of no use."""
    icc = image.info.get("icc_profile")
    if not icc:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if image.mode not in _PROFILE_MODES.get(profile.profile.xcolor_space.strip(), ()):
            return None
        if "srgb" in (profile.profile.profile_description or "").lower():
            return None
        return ImageCms.profileToProfile(
            image,
            profile,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGBA" if image.mode == "RGBA" else "RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        return None
