"""Tells what a file is from its first bytes. Names and declared types are not asked: anyone can write them."""

import codecs
import zlib
from dataclasses import dataclass

from servicekit.pictures.model import AVIF, BMP, GIF, HEIC, HEIF, JPEG, PNG, TIFF, WEBP

# Enough for the longest prologue before `<svg` that drawing programs write.
HEAD_BYTES = 16_384

SVG = "image/svg+xml"
UNKNOWN = "application/octet-stream"
_RAW = ("image/x-raw", "a camera raw file")

_BY_START = (
    (b"\xff\xd8\xff", JPEG, "a JPEG"),
    (b"\x89PNG\r\n\x1a\n", PNG, "a PNG"),
    (b"GIF87a", GIF, "a GIF"),
    (b"GIF89a", GIF, "a GIF"),
    # Cameras put their own letters where a TIFF has its next bytes.
    (b"II*\x00\x10\x00\x00\x00CR", *_RAW),
    (b"II*\x00", TIFF, "a TIFF"),
    (b"MM\x00*", TIFF, "a TIFF"),
    (b"II+\x00", "image/x-bigtiff", "a TIFF of the large kind (BigTIFF)"),
    (b"MM\x00+", "image/x-bigtiff", "a TIFF of the large kind (BigTIFF)"),
    (b"IIU\x00", *_RAW),
    (b"IIRO", *_RAW),
    (b"IIRS", *_RAW),
    (b"MMOR", *_RAW),
    (b"FUJIFILMCCD-RAW", *_RAW),
    (b"8BPS", "image/vnd.adobe.photoshop", "a Photoshop file"),
    (b"gimp xcf", "image/x-xcf", "a GIMP file"),
    (b"\xff\x0a", "image/jxl", "a JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "image/jxl", "a JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "image/jp2", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "image/jp2", "a JPEG 2000"),
    (b"\x00\x00\x01\x00", "image/vnd.microsoft.icon", "an icon file"),
    (b"\x00\x00\x02\x00", "image/vnd.microsoft.icon", "a cursor file"),
    (b"icns", "image/icns", "an icon file"),
    (b"\x76\x2f\x31\x01", "image/x-exr", "an OpenEXR file"),
    (b"#?RADIANCE", "image/vnd.radiance", "a Radiance HDR file"),
    (b"qoif", "image/qoi", "a QOI file"),
    (b"\xd7\xcd\xc6\x9a", "image/wmf", "a Windows drawing"),
    (b"%PDF", "application/pdf", "a PDF"),
    (b"%!PS", "application/postscript", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "application/postscript", "a PostScript file"),
    (b"PK\x03\x04", "application/zip", "a ZIP archive or office document"),
    (b"Rar!", "application/vnd.rar", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", "a 7-Zip archive"),
    (b"\x1a\x45\xdf\xa3", "video/webm", "a video"),
    (b"OggS", "application/ogg", "a sound or video"),
    (b"ID3", "audio/mpeg", "a sound"),
    (b"fLaC", "audio/flac", "a sound"),
)

_BY_RIFF_KIND = {
    b"WEBP": (WEBP, "a WebP"),
    b"AVI ": ("video/x-msvideo", "a video"),
    b"WAVE": ("audio/wav", "a sound"),
}

# ISO base media files name their kind after `ftyp`.
_BY_BRAND = {
    b"avif": (AVIF, "an AVIF"),
    b"avis": (AVIF, "an AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), (HEIC, "a HEIC photo")),
    b"mif1": (HEIF, "a HEIF photo"),
    b"msf1": (HEIF, "a HEIF photo"),
    b"crx ": _RAW,
    b"M4A ": ("audio/mp4", "a sound"),
}
# These say how the file is built, not with what; the codec's brand is among those that follow.
_GENERAL_BRANDS = {b"mif1", b"msf1"}

# Lengths of the headers that a BMP can have: two letters alone would make it of any text that begins with them.
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}


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
    if head[:4] == b"RIFF" and head[8:12] in _BY_RIFF_KIND:
        return FileKind(*_BY_RIFF_KIND[head[8:12]])
    if head[4:8] == b"ftyp":
        return FileKind(*_BY_BRAND.get(_brand(head), ("video/mp4", "a video")))
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return FileKind(BMP, "a BMP")
    return _sniff_text(head)


def _brand(head: bytes) -> bytes:
    brand = head[8:12]
    if brand in _GENERAL_BRANDS:
        others = head[16 : int.from_bytes(head[:4])]
        for other in (others[at : at + 4] for at in range(0, len(others), 4)):
            if other in _BY_BRAND and other not in _GENERAL_BRANDS:
                return other
    return brand


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
    if _is_text(head):
        return FileKind("text/plain", "a text")
    return FileKind(UNKNOWN, "not a picture that we know")


def _is_text(head: bytes) -> bool:
    try:
        # Letter by letter, because the last one may be cut in two.
        text = codecs.getincrementaldecoder("utf-8")().decode(head[:1000])
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter.isspace() for letter in text)


def _unzipped_start(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""
