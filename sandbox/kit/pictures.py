"""Draws, reads and re-encodes pictures the way platforms do."""

import hashlib
import io
from functools import cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from sandbox.kit.gallery import Slot

Format = Literal["JPEG", "PNG", "GIF", "WEBP"]

MEDIA_TYPES: dict[Format, str] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
}
EXTENSIONS: dict[str, str] = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}

# Above any picture that a platform takes, and small enough to decode on a laptop without swapping.
MAX_PIXELS = 40_000_000


class BadPictureError(Exception):
    """The bytes are no picture that this platform reads."""


def decode(data: bytes, formats: tuple[Format, ...]) -> tuple[Image.Image, Format]:
    """Decodes the first frame, upright; raises `BadPictureError`."""
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
        if image.width * image.height > MAX_PIXELS:
            raise BadPictureError(f"{image.width}x{image.height} pixels")
        found = next(name for name in formats if name == image.format)
        image.load()
        upright = ImageOps.exif_transpose(image)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,
        ValueError,
        StopIteration,
    ) as error:
        raise BadPictureError(str(error)) from error
    return upright, found


def sniff(data: bytes, formats: tuple[Format, ...]) -> Format | None:
    """Tells the format by the first bytes, without decoding; None for anything else."""
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            return next((name for name in formats if name == image.format), None)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return None


def encode(image: Image.Image, form: Format, quality: int = 82) -> bytes:
    """Encodes anew, without metadata but with the colour profile, where that still fits."""
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
    if form == "JPEG":
        image = flatten(image)
    elif "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode not in ("RGB", "RGBA", "L", "LA", "P"):
        image = image.convert("RGB")
    plain = image.copy()
    plain.info = {}
    out = io.BytesIO()
    # A light compression: these pictures never leave the machine.
    plain.save(out, form, quality=quality, icc_profile=profile, compress_level=1)
    return out.getvalue()


def flatten(image: Image.Image) -> Image.Image:
    """Puts a picture with transparency on white."""
    if "A" in image.getbands() or "transparency" in image.info:
        over = image.convert("RGBA")
        ground = Image.new("RGBA", over.size, "white")
        ground.alpha_composite(over)
        return ground.convert("RGB")
    return image.convert("RGB")


def cover(image: Image.Image, width: int, height: int) -> Image.Image:
    """Scales and crops from the centre to exactly this size."""
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def fit_area(image: Image.Image, pixels: int) -> Image.Image:
    """Scales down, ratio kept, until the area is at most `pixels`."""
    area = image.width * image.height
    if area <= pixels:
        return image
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    scale = (pixels / area) ** 0.5
    size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS)


def fit_width(image: Image.Image, width: int) -> Image.Image:
    """Scales down, ratio kept, to at most this width."""
    if image.width <= width:
        return image
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)


@cache
def initial_picture(platform: str, account: str, slot: Slot) -> bytes:
    """Draws the picture an account starts with: a PNG that differs by platform, account and slot."""
    seed = hashlib.sha256(f"{platform}/{account}/{slot}".encode()).digest()
    width, height = (400, 400) if slot == "avatar" else (1500, 500)
    dark, light = _colour(seed[0], 38), _colour(seed[1], 72)
    image = Image.linear_gradient("L").rotate(90 * (seed[2] % 4)).resize((width, height))
    image = ImageOps.colorize(image, dark, light)
    draw = ImageDraw.Draw(image)
    for index in range(5):
        x, y, size = (seed[3 + 3 * index + part] / 255 for part in range(3))
        radius = height * (0.12 + size * 0.3)
        centre = x * width, y * height
        box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        draw.ellipse(box, fill=_colour(seed[20 + index], 45 + 8 * index))
    if slot == "avatar":
        font = ImageFont.load_default(230)
        draw.text((200, 200), account[0].upper(), "white", font, anchor="mm", stroke_width=6, stroke_fill=dark)
    return encode(image, "PNG")


def _colour(hue: int, lightness: int) -> str:
    return f"hsl({hue * 360 // 256}, 55%, {lightness}%)"
