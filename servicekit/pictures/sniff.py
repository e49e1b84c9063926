"""Tells what a file is from its first bytes. Names and declared types are not asked: anyone can write them."""

import zlib
from dataclasses import dataclass

from servicekit.pictures.model import JPEG, PNG, WEBP

# Enough for the longest prologue before `<svg` that drawing programs write.
HEAD_BYTES = 16_384

_BY_START = (
    (b"\xff\xd8\xff", JPEG, "a JPEG"),
    (b"\x89PNG\r\n\x1a\n", PNG, "a PNG"),
    (b"GIF87a", "image/gif", "a GIF"),
    (b"GIF89a", "image/gif", "a GIF"),
    (b"BM", "image/bmp", "a BMP"),
    (b"II*\x00", "image/tiff", "a TIFF or camera raw file"),
    (b"MM\x00*", "image/tiff", "a TIFF or camera raw file"),
    (b"8BPS", "image/vnd.adobe.photoshop", "a Photoshop file"),
    (b"\xff\x0a", "image/jxl", "a JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "image/jxl", "a JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "image/jp2", "a JPEG 2000"),
    (b"\x00\x00\x01\x00", "image/vnd.microsoft.icon", "an icon file"),
    (b"%PDF", "application/pdf", "a PDF"),
    (b"%!PS", "application/postscript", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "application/postscript", "a PostScript file"),
    (b"PK\x03\x04", "application/zip", "a ZIP archive or office document"),
    (b"\x1a\x45\xdf\xa3", "video/webm", "a video"),
)

# ISO base media files name their kind after `ftyp`.
_BY_BRAND = {
    b"avif": ("image/avif", "an AVIF"),
    b"avis": ("image/avif", "an AVIF"),
    b"heic": ("image/heic", "a HEIC photo"),
    b"heix": ("image/heic", "a HEIC photo"),
    b"hevc": ("image/heic", "a HEIC photo"),
    b"mif1": ("image/heif", "a HEIF photo"),
    b"msf1": ("image/heif", "a HEIF photo"),
}

SVG = "image/svg+xml"


@dataclass(frozen=True, slots=True)
class FileKind:
    """A media type, and the words for it: `a GIF`. Unknown content has the type `application/octet-stream`."""

    content_type: str
    words: str


def sniff(head: bytes) -> FileKind:
    """Names what the file that begins with these bytes is."""
    for start, content_type, words in _BY_START:
        if head.startswith(start):
            return FileKind(content_type, words)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FileKind(WEBP, "a WebP")
    if head[4:8] == b"ftyp":
        return FileKind(*_BY_BRAND.get(head[8:12], ("video/mp4", "a video")))
    return _sniff_text(head)


def _sniff_text(head: bytes) -> FileKind:
    if head.startswith(b"\x1f\x8b"):
        inner = _unzipped_start(head)
        if b"<svg" in inner.lower():
            return FileKind(SVG, "a packed SVG drawing")
        return FileKind("application/gzip", "a gzip archive")
    # UTF-16 puts zero bytes between the letters; without them one look serves every encoding.
    text = head.replace(b"\x00", b"").removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    text = text.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return FileKind("text/html", "a web page")
    if text.startswith(b"<") and b"<svg" in text:
        return FileKind(SVG, "an SVG drawing")
    if text.startswith(b"<"):
        return FileKind("text/xml", "an XML document")
    return FileKind("application/octet-stream", "not a picture that we know")


def _unzipped_start(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""
