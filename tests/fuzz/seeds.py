"""Small healthy files of every format that is read: what the fuzzer damages."""

import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageCms, ImageDraw
from PIL.PngImagePlugin import PngInfo

from servicekit.pictures.model import AVIF, BMP, GIF, HEIC, HEIF, JPEG, PNG, READABLE, TIFF, WEBP
from servicekit.pictures.sniff import HEAD_BYTES, sniff

_SIZE = (72, 48)
# Damage to a larger file is mostly damage to its pixels.
_MAX_BYTES = 50_000
# Files of formats that Pillow cannot write.
_FILES = Path(__file__).parents[1] / "unit" / "pictures" / "files"


def seeds(folder: Path = _FILES) -> dict[str, list[bytes]]:
    """Returns files by media type, for all that is readable; small ones in `folder` are taken too, by their content."""
    found: dict[str, list[bytes]] = {content_type: [] for content_type in sorted(READABLE)}
    for content_type, content in (*_made(), *_kept(folder)):
        if content_type in found:
            found[content_type].append(content)
    return found


def _kept(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and path.stat().st_size <= _MAX_BYTES:
            content = path.read_bytes()
            content_type = sniff(content[:HEAD_BYTES]).content_type
            yield content_type, content
            if content_type == HEIC:
                # The same under its general brand.
                yield HEIF, content[:8] + b"mif1" + content[12:]


def _made() -> Iterator[tuple[str, bytes]]:
    picture = _picture()
    alpha = picture.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(_SIZE))
    frames = [picture.rotate(angle) for angle in (20, 40)]
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    text = PngInfo()
    text.add_text("Comment", "hello" * 20, zip=True)
    text.add_itxt("XML:com.adobe.xmp", "<x/>")

    for mode in ("RGB", "L", "CMYK"):
        yield JPEG, _file(picture.convert(mode), "JPEG", quality=80)
    yield JPEG, _file(picture, "JPEG", progressive=True, exif=exif, icc_profile=icc, comment="hello")
    yield JPEG, _file(picture, "JPEG", subsampling="4:4:4", restart_marker_blocks=2)

    for mode in ("RGB", "RGBA", "L", "LA", "1", "P"):
        yield PNG, _file(alpha.convert(mode), "PNG")
    yield PNG, _file(picture.convert("I;16"), "PNG")
    yield PNG, _file(picture.quantize(16), "PNG", transparency=3, icc_profile=icc, exif=exif, pnginfo=text)
    yield PNG, _file(picture, "PNG", save_all=True, append_images=frames)

    yield WEBP, _file(picture, "WEBP", quality=50, exif=exif, icc_profile=icc)
    yield WEBP, _file(alpha, "WEBP", lossless=True)
    yield WEBP, _file(alpha, "WEBP", quality=40, xmp=b"<x/>")
    yield WEBP, _file(picture, "WEBP", save_all=True, append_images=frames)

    yield GIF, _file(picture.quantize(32), "GIF", interlace=1, comment="hello")
    yield GIF, _file(picture.quantize(8), "GIF", transparency=2)
    yield GIF, _file(picture, "GIF", save_all=True, append_images=frames, loop=0)

    yield AVIF, _file(picture, "AVIF", speed=10, quality=40, exif=exif, icc_profile=icc)
    yield AVIF, _file(alpha, "AVIF", speed=10, quality=40)
    yield AVIF, _file(picture, "AVIF", speed=10, quality=30, save_all=True, append_images=frames)

    for compression in (None, "tiff_deflate", "tiff_lzw", "packbits", "jpeg", "tiff_adobe_deflate"):
        yield TIFF, _file(picture, "TIFF", compression=compression)
    yield TIFF, _file(picture.convert("1"), "TIFF", compression="group4")
    for mode in ("RGBA", "CMYK", "L", "P"):
        yield TIFF, _file(alpha.convert(mode), "TIFF", icc_profile=icc if mode == "RGBA" else None)
    yield TIFF, _file(picture.convert("I;16"), "TIFF")
    yield TIFF, _file(picture, "TIFF", save_all=True, append_images=frames, exif=exif)

    for mode in ("RGB", "RGBA", "L", "1", "P"):
        yield BMP, _file(alpha.convert(mode), "BMP")


def _picture() -> Image.Image:
    """Flat, smooth and busy parts in colour."""
    red, green, blue = (Image.radial_gradient("L").rotate(angle).resize(_SIZE) for angle in (0, 45, 90))
    blue.paste(Image.effect_noise((24, 48), 80), (0, 0))
    picture = Image.merge("RGB", (red, green.transpose(Image.Transpose.FLIP_LEFT_RIGHT), blue))
    ImageDraw.Draw(picture).ellipse((30, 10, 60, 40), fill=(220, 180, 150))
    return picture


def _file(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **{name: value for name, value in options.items() if value is not None})
    return buffer.getvalue()
