"""What is read from servers' descriptions of themselves: facts of the platforms, and whatever else a stranger may send."""

from typing import Any

import pytest

from catalog import load_catalogue
from services.sync.domain.server import SlotTerms
from services.sync.fitting import narrowed
from services.sync.platforms.mastodon.terms import (
    BY_ACCOUNT,
    BY_CREDENTIALS,
    BY_EMPTY_FIELD,
    BY_PROFILE,
    DESCRIPTIONS,
    METHOD,
    REMOVALS,
    is_default_picture,
    is_instance,
    scopes_of,
    software_of,
    software_of_nodeinfo,
    terms_of,
)

SLOTS = load_catalogue().platforms["mastodon"].slots
WANTED = ("read:accounts", "write:accounts")


def instance(version: str, **more: Any) -> dict[str, Any]:
    return {"domain": "m.test", "version": version, **more}


def read(document: dict[str, Any]) -> Any:
    return terms_of(document, software_of(document))


def described_by(accounts: dict[str, Any]) -> dict[str, Any]:
    return instance("4.6.1", api_versions={"mastodon": 9}, configuration={"accounts": accounts})


def test_a_new_mastodon_takes_descriptions_as_long_as_it_says() -> None:
    terms = read(described_by({"max_avatar_description_length": 80}))
    assert terms.software == "Mastodon 4.6.1"
    assert terms.ways == {DESCRIPTIONS: BY_PROFILE}
    assert terms.slots["avatar"].alt_text_max == 80
    assert terms.slots["banner"].alt_text_max == 150


def test_a_mastodon_before_4_6_takes_none() -> None:
    terms = read(instance("4.5.2", api_versions={"mastodon": 7}))
    assert terms.slots["avatar"].alt_text_max == 0
    assert DESCRIPTIONS not in terms.ways


@pytest.mark.parametrize(("release", "limit"), [("4.3.9", 2_000_000), ("4.4.0", 8_000_000)])
def test_the_byte_limit_goes_by_the_release(release: str, limit: int) -> None:
    document = instance(release, api_versions={"mastodon": 6})
    assert read(document).slots["avatar"].max_bytes == limit


def test_pixelfed_has_an_avatar_alone_and_reads_files_from_a_post() -> None:
    document = instance("3.5.3 (compatible; Pixelfed 0.12.3)")
    terms = read(document)
    assert terms.software == "Pixelfed 0.12.3"
    assert terms.ways == {METHOD: "POST", REMOVALS: BY_ACCOUNT}
    assert narrowed(SLOTS["avatar"], terms).formats == ("image/jpeg", "image/png")
    assert narrowed(SLOTS["banner"], terms).mode == "none"
    assert scopes_of(software_of(document), WANTED) == "read write"


def test_gotosocial_is_known_by_nodeinfo_and_takes_descriptions_with_the_credentials() -> None:
    media = {"image_size_limit": 500_000, "supported_mime_types": ["image/jpeg", "image/png"]}
    document = instance("0.17.3+git-1a2b3c4", configuration={"media_attachments": media}, api_versions={"mastodon": 4})
    assert software_of(document) is None
    software = software_of_nodeinfo({"software": {"name": "gotosocial", "version": "0.17.3"}})
    terms = terms_of(document, software)
    assert terms.software == "GoToSocial 0.17.3"
    assert terms.ways == {DESCRIPTIONS: BY_CREDENTIALS}
    avatar = narrowed(SLOTS["avatar"], terms)
    assert (avatar.max_bytes, avatar.formats, avatar.alt_text_max) == (500_000, ("image/jpeg", "image/png"), 150)


@pytest.mark.parametrize("nested", [True, False], ids=["version 2", "version 1"])
def test_pleroma_and_its_kin_name_their_own_limits(nested: bool) -> None:
    limits = {"avatar_upload_limit": 100_000, "banner_upload_limit": 200_000}
    more: dict[str, Any] = {"pleroma": limits} if nested else limits
    terms = read({**instance("2.7.2 (compatible; Akkoma 3.10.4)"), **more})
    assert terms.software == "Akkoma 3.10.4"
    assert terms.ways == {REMOVALS: BY_EMPTY_FIELD}
    assert terms.slots == {
        "avatar": SlotTerms(max_bytes=100_000, alt_text_max=0),
        "banner": SlotTerms(max_bytes=200_000, alt_text_max=0),
    }
    assert scopes_of(software_of(instance(terms.software)), WANTED) == "read:accounts write:accounts"


@pytest.mark.parametrize("odd", [-1, 0, True, "9000", 1.5, None, [], {"a": 1}])
def test_figures_that_are_none_say_nothing(odd: object) -> None:
    terms = read({**instance("2.7.2 (compatible; Pleroma 2.6.0)"), "avatar_upload_limit": odd, "pleroma": odd})
    assert narrowed(SLOTS["avatar"], terms).max_bytes == SLOTS["avatar"].max_bytes
    described = described_by({"max_avatar_description_length": odd})
    assert read(described).slots["avatar"].alt_text_max == 150


def test_a_figure_beyond_all_measure_widens_nothing() -> None:
    terms = read({**instance("2.7.2 (compatible; Pleroma 2.6.0)"), "avatar_upload_limit": 10**30})
    assert narrowed(SLOTS["avatar"], terms) == narrowed(
        SLOTS["avatar"], read(instance("2.7.2 (compatible; Pleroma 1)"))
    )


def test_types_of_which_we_make_none_say_nothing() -> None:
    media = {"supported_mime_types": ["video/mp4", 7]}
    software = software_of_nodeinfo({"software": {"name": "gotosocial"}})
    document = instance("0.17", configuration={"media_attachments": media})
    assert narrowed(SLOTS["avatar"], terms_of(document, software)).formats == SLOTS["avatar"].formats


def test_names_of_software_are_short_and_printable() -> None:
    found = software_of_nodeinfo({"software": {"name": "gotosocial", "version": "0.1\u202e" + "x" * 900}})
    assert found is not None
    assert found.shown == "GoToSocial"
    assert software_of(instance("1 (compatible; <b>hi</b> 1)")) is None


@pytest.mark.parametrize("document", [{}, {"version": 4, "domain": "m.test"}, {"version": "4.6"}, {"uri": "m.test"}])
def test_other_documents_are_no_descriptions(document: dict[str, Any]) -> None:
    assert not is_instance(document)


@pytest.mark.parametrize(
    "path",
    [
        "https://m.test/avatars/original/missing.png",
        "https://cdn.test/m/headers/original/missing.png",
        "https://p.test/storage/avatars/default.jpg",
        "https://p.test/storage/headers/missing.png",
        "https://g.test/assets/default_avatars/GoToSocial_icon1.webp",
        "https://g.test/assets/default_header.webp",
        "https://pl.test/images/avi.png",
        "https://pl.test/images/banner.png",
    ],
)
def test_a_servers_own_picture_is_nobodys(path: str) -> None:
    assert is_default_picture(path)
    assert not is_default_picture(path.replace("missing", "found").replace("default", "own").replace("/images", "/i"))
