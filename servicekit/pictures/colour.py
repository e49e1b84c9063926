"""Turns the colours of a decoded picture into sRGB."""

import io
import struct

from PIL import Image, ImageCms

# The colour spaces of ICC profiles, and the modes that their numbers can stand for.
_PROFILE_MODES = {"RGB": ("RGB", "RGBA"), "GRAY": ("L",), "CMYK": ("CMYK",)}

# sRGB's primaries as profiles hold them, adapted to D50 light, in 65536ths: red, green, blue, each X, Y and Z.
_PRIMARIES = (0x6FA0, 0x38F5, 0x0390, 0x6297, 0xB787, 0x18D9, 0x249F, 0x0F84, 0xB6C3)
# Programs round them differently; the next colour spaces are 50 times as far away.
_PRIMARY_TOLERANCE = 66
# Light at three levels, and how far a curve may be off there: less than one step of 255.
_LEVELS = (0.1, 0.5, 0.8)
_CURVE_TOLERANCE = 0.002
_FIXED = 65536


def to_srgb(image: Image.Image, icc: bytes | None) -> tuple[Image.Image, bool]:
    """Returns the picture as RGB or RGBA in sRGB, and whether its colours were converted.

    Without a profile, or with one that is of no use, the pixels are taken to be sRGB. May change `image`.
    """
    converted = _through_profile(image, icc) if icc else None
    if converted is not None:
        return converted, True
    if image.mode in ("RGB", "RGBA"):
        return image, False
    return image.convert("RGB"), image.mode == "CMYK"


def is_srgb(icc: bytes) -> bool:
    """Tells whether an RGB profile is sRGB by what it does: its primaries and its curve. Names are not asked.

    False for what cannot be read; see ICC.1, section 7.3 for the table of tags.
    """
    try:
        (count,) = struct.unpack_from(">I", icc, 128)
        tags = {}
        for entry in range(132, 132 + min(count, 100) * 12, 12):
            tag, start, length = struct.unpack_from(">4sII", icc, entry)
            tags[tag] = icc[start : start + length]
        if b"A2B0" in tags:
            return False
        primaries = [value for tag in (b"rXYZ", b"gXYZ", b"bXYZ") for value in struct.unpack_from(">3i", tags[tag], 8)]
        curves = {tags[tag] for tag in (b"rTRC", b"gTRC", b"bTRC")}
        return all(
            abs(found - expected) <= _PRIMARY_TOLERANCE for found, expected in zip(primaries, _PRIMARIES, strict=True)
        ) and all(
            abs(_light(curve, level) - _srgb_light(level)) <= _CURVE_TOLERANCE for curve in curves for level in _LEVELS
        )
    except (struct.error, KeyError, IndexError, ValueError, ArithmeticError):
        return False


def _srgb_light(level: float) -> float:
    return float(((level + 0.055) / 1.055) ** 2.4)


def _light(curve: bytes, level: float) -> float:
    """Returns the light from 0 to 1 that a `curv` or `para` tag gives for a level above its linear part."""
    if curve[:4] == b"curv":
        (count,) = struct.unpack_from(">I", curve, 8)
        if count == 0:
            return level
        if count == 1:
            return float(level ** (struct.unpack_from(">H", curve, 12)[0] / 256))
        values = struct.unpack_from(f">{count}H", curve, 12)
        position = level * (count - 1)
        below = int(position)
        share = position - below
        return float((values[below] * (1 - share) + values[min(below + 1, count - 1)] * share) / 65535)
    # Only the kind with which sRGB is written; any other is not sRGB, or is converted without harm.
    if curve[:4] != b"para" or struct.unpack_from(">H", curve, 8)[0] != 3:
        raise ValueError("not a curve that sRGB is written with")
    gamma, a, b = (value / _FIXED for value in struct.unpack_from(">3i", curve, 12))
    return float((a * level + b) ** gamma)


def _through_profile(image: Image.Image, icc: bytes) -> Image.Image | None:
    """Returns the converted picture, or None where there is nothing to convert or the profile is of no use."""
    if image.mode in ("RGB", "RGBA") and is_srgb(icc):
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if image.mode not in _PROFILE_MODES.get(profile.profile.xcolor_space.strip(), ()):
            return None
        in_place = image.mode in ("RGB", "RGBA")
        converted = ImageCms.profileToProfile(
            image,
            profile,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode=None if in_place else "RGB",
            inPlace=in_place,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        return None
    return image if in_place else converted
