"""The files that come with the product."""

import json
from datetime import date

import pytest

from catalog import Catalogue, UnknownSlotError, load_catalogue

FIRST_PLATFORMS = {"x", "facebook", "instagram", "mastodon", "bluesky"}


def test_the_first_five_platforms_are_there(packaged: Catalogue) -> None:
    assert set(packaged.platforms) >= FIRST_PLATFORMS


def test_every_fact_names_a_source_that_somebody_checked(packaged: Catalogue) -> None:
    for slot in packaged.slots():
        sources = packaged.platforms[slot.platform].sources
        stated = dict(slot.facts.stated())
        assert {"size", "max_bytes", "formats", "mode", "settle_seconds"} <= set(stated)
        for name, evidence in [*stated.items(), *((zone.name, zone) for zone in slot.safe_zones)]:
            source = sources[evidence.source]
            assert source.title, f"{slot.key} {name}"
            assert date(2026, 1, 1) <= source.checked, f"{slot.key} {name}"


def test_documentation_and_source_code_are_cited_with_an_address(packaged: Catalogue) -> None:
    for slot in packaged.slots():
        for name, fact in slot.facts.stated():
            if fact.confidence in ("D", "S"):
                assert packaged.platforms[slot.platform].sources[fact.source].url, f"{slot.key} {name}"


@pytest.mark.parametrize(
    ("key", "size", "max_bytes", "mode", "read_back"),
    [
        ("x.avatar", (400, 400), 700_000, "write", "changed"),
        ("x.banner", (1500, 500), 5_000_000, "write", "changed"),
        ("facebook.avatar", (1080, 1080), 4_000_000, "write", "hash"),
        ("facebook.banner", (1640, 924), 4_000_000, "write", "hash"),
        ("instagram.avatar", (1080, 1080), 1_000_000, "assisted", "hash"),
        ("mastodon.avatar", (400, 400), 2_000_000, "write", "changed"),
        ("mastodon.banner", (1500, 500), 2_000_000, "write", "changed"),
        ("bluesky.avatar", (1000, 1000), 1_000_000, "write", "exact"),
        ("bluesky.banner", (3000, 1000), 1_000_000, "write", "exact"),
    ],
)
def test_slots_have_the_figures_of_their_platform(
    packaged: Catalogue, key: str, size: tuple[int, int], max_bytes: int, mode: str, read_back: str
) -> None:
    slot = packaged.slot(key)
    assert (slot.width, slot.height) == size
    assert slot.max_bytes == max_bytes
    assert slot.mode == mode
    assert slot.read_back == read_back


def test_x_shows_a_new_picture_five_seconds_after_the_write_at_the_earliest(packaged: Catalogue) -> None:
    assert packaged.slot("x.avatar").settle_seconds >= 5
    assert packaged.slot("x.banner").settle_seconds >= 5


def test_mastodon_takes_an_instance_and_its_settings_page_is_on_it(packaged: Catalogue) -> None:
    mastodon = packaged.platforms["mastodon"]
    assert mastodon.takes_instance
    assert mastodon.profile_settings_url.format(instance="social.test") == "https://social.test/settings/profile"


def test_a_platform_without_a_slot_says_why(packaged: Catalogue) -> None:
    for platform in packaged.platforms.values():
        explained = {entry.slot for entry in platform.not_allowed}
        missing = {"avatar", "banner"} - set(platform.slots)
        unwritable = {kind for kind, slot in platform.slots.items() if slot.mode != "write"}
        assert missing | unwritable <= explained, platform.id


def test_no_two_slots_share_a_key_and_each_is_found_by_it(packaged: Catalogue) -> None:
    slots = list(packaged.slots())
    assert len({slot.key for slot in slots}) == len(slots)
    assert all(packaged.slot(slot.key) is slot for slot in slots)


def test_an_unknown_slot_is_refused_with_those_that_exist(packaged: Catalogue) -> None:
    with pytest.raises(UnknownSlotError, match=r"no slot 'myspace\.avatar'; there are .*bluesky\.avatar"):
        packaged.slot("myspace.avatar")


def test_the_public_view_is_json_with_plain_values_and_their_evidence(packaged: Catalogue) -> None:
    view = json.loads(json.dumps({key: platform.public() for key, platform in packaged.platforms.items()}))
    banner = view["x"]["slots"]["banner"]
    assert banner["key"] == "x.banner"
    assert banner["size"] == [1500, 500]
    assert banner["alt_text_max"] is None
    assert banner["evidence"]["max_bytes"] == {"source": "size-guides", "confidence": "T", "note": ""}
    assert view["x"]["sources"]["size-guides"]["checked"] == "2026-11-01"
    assert view["instagram"]["slots"]["avatar"]["assist"]["steps"]


def test_loading_twice_gives_equal_catalogues(packaged: Catalogue) -> None:
    assert load_catalogue() == packaged
