"""Narrowing to an instance's rules, and the fingerprint that decides when to render again."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from catalog import Catalogue, Slot, load_catalogue

Example = Callable[..., Catalogue]
SLOTS = list(load_catalogue().slots())
MODES = ["write", "assisted", "read_only", "none"]
MEDIA_TYPES = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"]


@given(
    slot=st.sampled_from(SLOTS),
    mode=st.none() | st.sampled_from(MODES),
    max_bytes=st.none() | st.integers(min_value=1, max_value=50_000_000),
    others=st.none() | st.sets(st.sampled_from(MEDIA_TYPES)),
    alt_text_max=st.none() | st.integers(min_value=0, max_value=2_000),
)
def test_narrowing_never_widens(
    slot: Slot, mode: str | None, max_bytes: int | None, others: set[str] | None, alt_text_max: int | None
) -> None:
    assume(mode != "assisted" or slot.assist is not None)
    formats = None if others is None else {slot.formats[-1], *others}
    narrowed = slot.narrowed(mode=mode, max_bytes=max_bytes, formats=formats, alt_text_max=alt_text_max)
    assert MODES.index(narrowed.mode) == max(MODES.index(slot.mode), MODES.index(mode or slot.mode))
    assert narrowed.max_bytes == min(slot.max_bytes, max_bytes or slot.max_bytes)
    assert list(narrowed.formats) == [one for one in slot.formats if formats is None or one in formats]
    assert (narrowed.alt_text_max or 0) <= (slot.alt_text_max or 0)
    assert alt_text_max is None or (narrowed.alt_text_max or 0) <= alt_text_max
    assert narrowed.model_copy(update={"facts": slot.facts}) == slot


def test_narrowing_leaves_the_slot_as_it_was_and_notes_the_reason(example: Example) -> None:
    slot = example().slot("example.avatar")
    narrowed = slot.narrowed(max_bytes=1_000)
    assert (slot.max_bytes, slot.facts.max_bytes.note) == (700_000, "as documented")
    assert (narrowed.max_bytes, narrowed.facts.max_bytes.note) == (1_000, "narrowed by the instance")


def test_an_instance_without_alternative_text_leaves_none(example: Example) -> None:
    slot = example().slot("example.avatar")
    assert slot.alt_text_max == 150
    assert slot.narrowed(alt_text_max=0).alt_text_max is None


def test_an_instance_that_takes_none_of_our_formats_is_refused(example: Example) -> None:
    with pytest.raises(ValueError, match=r"example\.avatar: the instance takes \['image/tiff'\]"):
        example().slot("example.avatar").narrowed(formats=["image/tiff"])


def test_an_instance_that_allows_no_bytes_is_refused(example: Example) -> None:
    with pytest.raises(ValueError, match="allows 0 bytes"):
        example().slot("example.avatar").narrowed(max_bytes=0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value = [400, 300]", "value = [401, 300]"),
        ("value = 700_000", "value = 699_999"),
        ('["image/jpeg", "image/png"]', '["image/png", "image/jpeg"]'),
        ("alpha = { value = false", "alpha = { value = true"),
        ("animation = { value = false", "animation = { value = true"),
    ],
)
def test_the_fingerprint_changes_with_what_affects_rendering(example: Example, old: str, new: str) -> None:
    assert _fingerprint(example()) != _fingerprint(example(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('mask = { value = "circle"', 'mask = { value = "square"'),
        ("settle_seconds = { value = 5", "settle_seconds = { value = 60"),
        ("checked = 2026-11-01", "checked = 2026-11-02"),
        ('note = "as documented"', 'note = "still so"'),
        ("y = 50", "y = 40"),
    ],
)
def test_the_fingerprint_ignores_what_does_not(example: Example, old: str, new: str) -> None:
    assert _fingerprint(example()) == _fingerprint(example(old, new))


def test_guidance_is_refused_where_the_catalogue_has_none(example: Example) -> None:
    with pytest.raises(ValueError, match="narrow it to read_only"):
        example().slot("example.avatar").narrowed(mode="assisted")


def test_the_fingerprint_is_the_same_in_every_process(example: Example) -> None:
    assert _fingerprint(example()) == "b9dc6332a52ed2f1"


def test_narrowing_that_affects_rendering_changes_the_fingerprint(example: Example) -> None:
    slot = example().slot("example.avatar")
    assert Catalogue.fingerprint(slot.narrowed(max_bytes=1_000)) != Catalogue.fingerprint(slot)
    assert Catalogue.fingerprint(slot.narrowed(alt_text_max=10)) == Catalogue.fingerprint(slot)


def _fingerprint(catalogue: Catalogue) -> str:
    return Catalogue.fingerprint(catalogue.slot("example.avatar"))
