import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from servicekit.pictures.model import PictureLimits, PictureRefused
from servicekit.pictures.perceptual import (
    SAME_PICTURE_DISTANCE,
    PerceptualHash,
    distance,
    hash_file,
    perceptual_hash,
)
from tests.unit.pictures.picture_files import encoded, photographs

PHOTOGRAPHS = photographs()
# Twelve pieces of each photograph: as many pictures as a library has, from real ones.
PIECES = [
    image.crop((left, top, left + 160, top + 142))
    for image in PHOTOGRAPHS.values()
    for left in range(0, 640, 160)
    for top in (0, 142, 284)
]


def reopened(image: Image.Image, format: str, **options: object) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, format, **options))).convert("RGB")


def between(first: Image.Image, second: Image.Image) -> int:
    return distance(perceptual_hash(first), perceptual_hash(second))


@pytest.mark.parametrize("picture", PHOTOGRAPHS.values(), ids=PHOTOGRAPHS.keys())
class TestAPhotograph:
    @pytest.mark.parametrize("quality", [40, 50, 60, 70, 80, 90, 95])
    def test_is_the_same_after_jpeg(self, picture, quality):
        assert between(picture, reopened(picture, "JPEG", quality=quality)) <= SAME_PICTURE_DISTANCE // 2

    @pytest.mark.parametrize(("format", "options"), [("PNG", {}), ("WEBP", {"quality": 50}), ("AVIF", {"quality": 50})])
    def test_is_the_same_in_another_format(self, picture, format, options):
        assert between(picture, reopened(picture, format, **options)) <= SAME_PICTURE_DISTANCE // 2

    @pytest.mark.parametrize("width", [48, 96, 200, 400, 1000])
    def test_is_the_same_at_another_size_and_low_quality(self, picture, width):
        resized = picture.resize((width, round(width * picture.height / picture.width)), Image.Resampling.LANCZOS)
        assert between(picture, reopened(resized, "JPEG", quality=40)) <= SAME_PICTURE_DISTANCE // 2

    @pytest.mark.parametrize(
        "change",
        [
            ImageOps.mirror,
            ImageOps.flip,
            ImageOps.invert,
            lambda image: image.rotate(180),
            lambda image: image.convert("L").convert("RGB"),
            lambda image: Image.merge("RGB", image.split()[1:] + image.split()[:1]),
            lambda image: ImageEnhance.Brightness(image).enhance(1.3),
            lambda image: ImageOps.crop(image, 50),
        ],
        ids=["mirrored", "flipped", "inverted", "turned", "grey", "other colours", "brighter", "cropped"],
    )
    def test_is_another_after_an_edit(self, picture, change):
        assert between(picture, change(picture)) > SAME_PICTURE_DISTANCE


def test_different_photographs_are_far_apart():
    hashes = [perceptual_hash(piece) for piece in PIECES]
    distances = [distance(a, b) for index, a in enumerate(hashes) for b in hashes[:index]]
    assert min(distances) > SAME_PICTURE_DISTANCE


@pytest.mark.parametrize(("first", "second"), [("red", "blue"), ("white", "black"), ("#d02020", "#c04020")])
def test_flat_pictures_differ_by_colour(first, second):
    assert between(Image.new("RGB", (400, 400), first), Image.new("RGB", (400, 400), second)) > SAME_PICTURE_DISTANCE


@given(colour=st.tuples(*[st.integers(0, 255)] * 3), quality=st.integers(40, 95), side=st.integers(32, 300))
def test_a_flat_picture_stays_the_same_when_encoded(colour, quality, side):
    flat = Image.new("RGB", (400, 400), colour)
    assert between(flat, reopened(flat.resize((side, side)), "JPEG", quality=quality)) <= SAME_PICTURE_DISTANCE


@given(
    piece=st.sampled_from(PIECES), quality=st.integers(40, 95), width=st.integers(64, 640), height=st.integers(64, 640)
)
def test_any_piece_of_a_photograph_survives_any_encoding_and_size(piece, quality, width, height):
    resized = piece.resize((width, height), Image.Resampling.LANCZOS)
    assert between(piece, reopened(resized, "JPEG", quality=quality)) <= SAME_PICTURE_DISTANCE


def test_transparent_pixels_count_as_white():
    see_through = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    assert perceptual_hash(see_through) == perceptual_hash(Image.new("RGB", (100, 100), "white"))


@given(st.integers(0, 2**64 - 1), st.binary(min_size=48, max_size=48))
def test_a_hash_survives_being_written(shape, colours):
    value = PerceptualHash(shape, colours)
    assert PerceptualHash.from_hex(value.hex()) == value
    assert distance(value, value) == 0


@pytest.mark.parametrize("text", ["", "00", "zz" * 56, "00" * 57])
def test_other_text_is_no_hash(text):
    with pytest.raises(ValueError, match=r"hash|hex"):
        PerceptualHash.from_hex(text)


def test_a_file_has_the_hash_of_its_upright_pixels(write):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = PHOTOGRAPHS["china"]
    stored = picture.transpose(Image.Transpose.ROTATE_90)
    found = hash_file(write(encoded(stored, "JPEG", quality=90, exif=exif)), PictureLimits())
    assert distance(found, perceptual_hash(picture)) <= SAME_PICTURE_DISTANCE // 2


def test_a_file_that_is_no_picture_has_no_hash(write):
    with pytest.raises(PictureRefused, match="UNSUPPORTED_FORMAT"):
        hash_file(write(b"hello"), PictureLimits())
