import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from services.processor.pipeline.encode import (
    LAST_RESORT_QUALITY,
    LOWEST_QUALITY,
    QUALITY,
    ByteLimitUnreachableError,
    Encoded,
    Encoder,
)
from tests.unit.pictures.picture_files import encoded, photographs

PIECES = [image.crop((left, 100, left + 200, 300)) for image in photographs().values() for left in (0, 200, 400)]
LOSSY = ["image/jpeg", "image/webp", "image/avif"]


@given(
    piece=st.sampled_from(PIECES),
    content_type=st.sampled_from(LOSSY),
    max_bytes=st.integers(500, 30_000),
    last_resort=st.booleans(),
)
def test_a_file_is_never_larger_than_allowed_and_only_the_impossible_fails(piece, content_type, max_bytes, last_resort):
    lowest_quality = (LAST_RESORT_QUALITY if last_resort else LOWEST_QUALITY)[content_type]
    lowest = _at(piece, content_type, lowest_quality)
    if lowest > max_bytes:
        with pytest.raises(ByteLimitUnreachableError) as caught:
            Encoder(piece).encode(content_type, max_bytes, last_resort=last_resort)
        assert caught.value.fewest == lowest
    else:
        result = Encoder(piece).encode(content_type, max_bytes, last_resort=last_resort)
        assert len(result.content) <= max_bytes
        assert lowest_quality <= result.quality <= QUALITY[content_type]


def _at(image: Image.Image, content_type: str, quality: int) -> int:
    if content_type == "image/webp":
        return len(encoded(image, "WEBP", quality=quality, method=2))
    if content_type == "image/avif":
        return len(encoded(image, "AVIF", quality=quality, speed=9, max_threads=1))
    return len(encoded(image, "JPEG", quality=quality, subsampling="4:2:0", optimize=True, progressive=True))


@pytest.mark.parametrize("content_type", LOSSY)
@pytest.mark.parametrize("share", [0.6, 0.7, 0.8, 0.9])
def test_a_limit_is_used_well(content_type, share):
    """One more step of quality would be over the limit, or the file fills it nearly."""
    for piece in PIECES:
        max_bytes = int(_at(piece, content_type, QUALITY[content_type]) * share)
        result = Encoder(piece).encode(content_type, max_bytes)
        filled = len(result.content) >= 0.95 * max_bytes
        assert filled or _at(piece, content_type, result.quality + 1) > max_bytes


@pytest.mark.parametrize("content_type", LOSSY)
def test_few_encodings_are_made(content_type):
    encodings, fills = [], []
    for piece in PIECES:
        usual = _at(piece, content_type, QUALITY[content_type])
        for share in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
            encoder = Encoder(piece)
            max_bytes = int(usual * share)
            with suppress(ByteLimitUnreachableError):
                fills.append(len(encoder.encode(content_type, max_bytes).content) / max_bytes)
            encodings.append(encoder.encodings)
    assert min(encodings) >= 2
    assert sum(encodings) / len(encodings) <= 3
    assert sum(fills) / len(fills) >= 0.95


def test_what_was_written_for_one_limit_serves_another():
    encoder = Encoder(PIECES[0])
    first = encoder.encode("image/jpeg", 8_000)
    made = encoder.encodings
    assert encoder.encode("image/jpeg", 8_000) == first
    assert encoder.encode("image/jpeg", None).quality == QUALITY["image/jpeg"]
    assert encoder.encodings == made


def test_a_last_resort_goes_below_what_looks_right_and_no_further():
    limit = _at(PIECES[0], "image/jpeg", 25)
    with pytest.raises(ByteLimitUnreachableError):
        Encoder(PIECES[0]).encode("image/jpeg", limit)
    assert 20 <= Encoder(PIECES[0]).encode("image/jpeg", limit, last_resort=True).quality <= 25


@pytest.mark.parametrize("content_type", [*LOSSY, "image/png"])
def test_the_same_pixels_give_the_same_bytes(content_type):
    first, second = (Encoder(piece).encode(content_type, None) for piece in (PIECES[0], PIECES[0].copy()))
    assert first == second


def test_without_a_limit_the_usual_quality_is_used():
    result = Encoder(PIECES[0]).encode("image/jpeg", None)
    assert result.quality == QUALITY["image/jpeg"]
    opened = Image.open(io.BytesIO(result.content))
    assert opened.info["progressive"] == 1


def test_png_loses_nothing_or_fails():
    result = Encoder(PIECES[0]).encode("image/png", None)
    assert result == Encoded(result.content, "image/png", None)
    assert Image.open(io.BytesIO(result.content)).tobytes() == PIECES[0].tobytes()
    with pytest.raises(ByteLimitUnreachableError) as caught:
        Encoder(PIECES[0]).encode("image/png", 20_000)
    assert caught.value.fewest > 20_000


def test_png_is_squeezed_where_that_makes_it_fit():
    drawing = Image.new("RGBA", (300, 300))
    for index in range(12):
        ImageDraw.Draw(drawing).ellipse((index * 11, index * 7, 290 - index * 3, 280), fill=(index * 20, 90, 200, 255))
    usual = len(Encoder(drawing).encode("image/png", None).content)
    encoder = Encoder(drawing)
    assert len(encoder.encode("image/png", usual - 1).content) < usual
    assert encoder.encodings == 2
    hopeless = Encoder(drawing)
    with pytest.raises(ByteLimitUnreachableError):
        hopeless.encode("image/png", usual // 2)
    assert hopeless.encodings == 1
