"""Whatever bytes come: a judgement or a refusal, and no other error."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from servicekit.pictures.decode import decode
from servicekit.pictures.model import PictureInfo, PictureLimits, PictureRefused
from servicekit.pictures.probe import probe
from tests.unit.pictures.picture_bytes import CORNERS, bmp, clap, heic, irot, tiff
from tests.unit.pictures.picture_files import encoded, photographs

SMALL = photographs()["china"].resize((64, 48))
VEILED = SMALL.copy()
VEILED.putalpha(100)
FRAMES = [SMALL.rotate(angle) for angle in (0, 90, 180)]
MOVING = {"save_all": True, "append_images": FRAMES[1:]}


def exif() -> bytes:
    tags = Image.Exif()
    tags[0x0112] = 6
    tags.get_ifd(0x8825)[1] = "N"
    return tags.tobytes()


SEEDS = {
    "JPEG": encoded(SMALL, "JPEG", exif=exif()),
    "progressive JPEG": encoded(SMALL, "JPEG", progressive=True, xmp=b"<x/>"),
    "PNG": encoded(SMALL.quantize(16), "PNG", exif=exif(), transparency=3),
    "moving PNG": encoded(FRAMES[0], "PNG", **MOVING),
    "WebP": encoded(VEILED, "WEBP", exif=exif(), xmp=b"<x/>"),
    "lossless WebP": encoded(SMALL, "WEBP", lossless=True),
    "moving WebP": encoded(FRAMES[0], "WEBP", **MOVING),
    "GIF": encoded(SMALL, "GIF", comment=b"hello"),
    "moving GIF": encoded(FRAMES[0], "GIF", **MOVING),
    "AVIF": encoded(VEILED, "AVIF", exif=exif(), xmp=b"<x/>"),
    "moving AVIF": encoded(FRAMES[0], "AVIF", **MOVING),
    "TIFF": tiff(40, 40, {258: (8, 8, 8), 259: (1,), 262: (2,), 277: (3,)}, bytes(4800)),
    "TIFF of pages": encoded(FRAMES[0].copy(), "TIFF", compression="tiff_lzw", **MOVING),
    "BMP": bmp(40, 40, bytes(4800)),
    "HEIC": heic(irot(1), clap(48, 40), exif=exif(), xmp=b"<x/>"),
    "HEIC of a library": CORNERS,
}
STARTS = sorted({content[:length] for content in SEEDS.values() for length in (2, 4, 12, 40)})
# Where mutations do something: most of the rest is pixels.
HEADER = 1_500

everyday = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def judged(path) -> str:
    """`accepted` or the reason of the refusal. Anything else is an error."""
    try:
        info = probe(path, PictureLimits())
    except PictureRefused as error:
        outcome = error.reason
        assert error.message  # noqa: PT017 - both outcomes are right, a third is not
    else:
        outcome = "accepted"
        assert isinstance(info, PictureInfo)
        assert info.width * info.height <= 50_000_000
        assert info.orientation in range(1, 9)
        assert info.frames in range(1, 501)
    return outcome


@pytest.mark.parametrize("content", SEEDS.values(), ids=SEEDS.keys())
def test_the_seeds_are_accepted(write, content):
    assert judged(write(content)) == "accepted"


@given(start=st.sampled_from(STARTS), more=st.binary(max_size=400))
@everyday
def test_any_bytes_after_any_known_start_are_judged(write, start, more):
    judged(write(start + more))


@given(name=st.sampled_from(sorted(SEEDS)), data=st.data())
@everyday
def test_any_cut_of_any_file_is_judged(write, name, data):
    content = SEEDS[name]
    judged(write(content[: data.draw(st.integers(0, len(content)))]))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    content = bytearray(SEEDS[draw(st.sampled_from(sorted(SEEDS)))])
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, min(HEADER, len(content)) - 1))
        length = draw(st.sampled_from([1, 1, 2, 4, 8]))
        new = draw(
            st.one_of(st.binary(min_size=length, max_size=length), st.sampled_from([b"\xff" * length, bytes(length)]))
        )
        kept = draw(st.sampled_from([length, length, 0, 12]))
        content[at : at + kept] = new
    return bytes(content)


@given(content=mutated())
@everyday
def test_any_mutation_of_any_file_is_judged(write, content):
    judged(write(content))


# Decoders are libraries in C: what could crash them is tried where a crash is survived.
@given(content=mutated().filter(lambda content: content[4:8] != b"ftyp"))
@settings(everyday, max_examples=100)
def test_what_is_judged_good_is_decoded_as_judged_or_refused(write, content):
    path = write(content)
    try:
        info = probe(path, PictureLimits(max_pixels=1_000_000))
        image = decode(path, info).image
    except PictureRefused:
        return
    assert image.size == (info.width, info.height)
    assert image.mode in ("RGB", "RGBA")
