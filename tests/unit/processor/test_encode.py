import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.processor.pipeline.encode import LOWEST_QUALITY, QUALITY, ByteLimitUnreachableError, encode
from tests.unit.pictures.picture_files import encoded, photographs

PIECES = [image.crop((left, 100, left + 200, 300)) for image in photographs().values() for left in (0, 200, 400)]
LOSSY = ["image/jpeg", "image/webp"]


@given(piece=st.sampled_from(PIECES), content_type=st.sampled_from(LOSSY), max_bytes=st.integers(1_000, 30_000))
def test_a_file_is_never_larger_than_allowed_and_only_the_impossible_fails(piece, content_type, max_bytes):
    lowest = _at(piece, content_type, LOWEST_QUALITY)
    if lowest > max_bytes:
        with pytest.raises(ByteLimitUnreachableError) as caught:
            encode(piece, content_type, max_bytes)
        assert caught.value.fewest == lowest
    else:
        result = encode(piece, content_type, max_bytes)
        assert len(result.content) <= max_bytes
        assert LOWEST_QUALITY <= result.quality <= QUALITY[content_type]


def _at(image: Image.Image, content_type: str, quality: int) -> int:
    if content_type == "image/webp":
        return len(encoded(image, "WEBP", quality=quality, method=2))
    return len(encoded(image, "JPEG", quality=quality, subsampling="4:2:0", optimize=True, progressive=True))


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("share", [0.5, 0.6, 0.7, 0.8, 0.9])
def test_a_limit_is_used_well(piece, share):
    """One more step of quality would be over the limit, or the file fills it nearly."""
    max_bytes = int(_at(piece, "image/jpeg", QUALITY["image/jpeg"]) * share)
    result = encode(piece, "image/jpeg", max_bytes)
    assert len(result.content) >= 0.95 * max_bytes or _at(piece, "image/jpeg", result.quality + 1) > max_bytes


def test_few_encodings_are_made(monkeypatch):
    made = []
    save = Image.Image.save

    def counted(self, *args, **options):
        made.append(options.get("quality"))
        save(self, *args, **options)

    monkeypatch.setattr(Image.Image, "save", counted)
    searches = 0
    for piece in PIECES:
        for max_bytes in range(6_000, 12_000, 1_000):
            try:
                searches += encode(piece, "image/jpeg", max_bytes).quality < QUALITY["image/jpeg"]
            except ByteLimitUnreachableError:
                searches += 1
    searched = len(made) - (len(PIECES) * 6 - searches)
    assert searches > 10
    assert searched / searches <= 3


def test_without_a_limit_the_usual_quality_is_used():
    result = encode(PIECES[0], "image/jpeg", None)
    assert result.quality == 85
    opened = Image.open(io.BytesIO(result.content))
    assert opened.info["progressive"] == 1


def test_png_loses_nothing_or_fails():
    result = encode(PIECES[0], "image/png", None)
    assert result.quality is None
    assert Image.open(io.BytesIO(result.content)).tobytes() == PIECES[0].tobytes()
    with pytest.raises(ByteLimitUnreachableError) as caught:
        encode(PIECES[0], "image/png", len(result.content) - 1)
    assert caught.value.fewest == len(result.content)
