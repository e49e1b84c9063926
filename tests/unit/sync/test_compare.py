import pytest
from target_making import NOW, OLD, looked, target

from catalog import Slot, load_catalogue
from services.sync.compare import Wanted, compared
from services.sync.domain import target as steps
from services.sync.domain.connection import Place
from services.sync.domain.target import Seen

CATALOGUE = load_catalogue()
SLOT: Slot = CATALOGUE.slot("x.avatar")
GREY = "80" * 48
WANTED = Wanted("ours", "0" * 16 + GREY)


def seen(shape: str, tag: str = "tag") -> Seen:
    """A look at a picture whose shape has these 64 bits, in hex."""
    return Seen(NOW, "https://p.test/a.jpg", tag, shape + GREY)


@pytest.mark.parametrize(
    ("shape", "bits", "is_wanted"),
    [("0" * 16, 0, True), ("00000000000003ff", 10, True), ("00000000000007ff", 11, False)],
)
def test_pictures_are_compared_by_how_they_look(shape: str, bits: int, is_wanted: bool) -> None:
    found = compared(seen(shape), WANTED, slot=SLOT, place=None, sent=None)
    assert (found.distance, found.is_wanted) == (bits, is_wanted)


def test_nothing_there_is_not_what_is_wanted() -> None:
    assert not compared(Seen(NOW), WANTED, slot=SLOT, place=None, sent=None).is_wanted


def test_what_cannot_be_read_is_not_what_is_wanted() -> None:
    found = compared(Seen(NOW, "https://p.test/a.webp", "tag"), WANTED, slot=SLOT, place=None, sent=None)
    assert (found.distance, found.is_wanted) == (None, False)


def test_another_file_of_ours_is_not_the_wanted_one_however_alike() -> None:
    place = Place("c", "avatar", ours_tag="tag", ours_sha256="an older file")
    assert not compared(seen("0" * 16), WANTED, slot=SLOT, place=place, sent=None).is_wanted
    same = Place("c", "avatar", ours_tag="tag", ours_sha256="ours")
    assert compared(seen("0" * 16), WANTED, slot=SLOT, place=same, sent=None).is_wanted
    changed_since = Place("c", "avatar", ours_tag="tag before", ours_sha256="an older file")
    assert compared(seen("0" * 16), WANTED, slot=SLOT, place=changed_since, sent=None).is_wanted


def test_after_a_send_the_address_must_have_changed() -> None:
    sending = steps.begin_sending(target(), looked(0, "old"), sha256="ours", perceptual_hash="", now=NOW)
    assert not compared(seen("0" * 16, "old"), WANTED, slot=SLOT, place=None, sent=sending.submission).is_wanted
    assert compared(seen("0" * 16, "new"), WANTED, slot=SLOT, place=None, sent=sending.submission).is_wanted


def test_where_the_content_has_an_id_the_id_alone_decides() -> None:
    slot = CATALOGUE.slot("bluesky.avatar")
    wanted = Wanted("ours", "0" * 16 + GREY, content_id="cid")
    alike = compared(seen("0" * 16, "another cid"), wanted, slot=slot, place=None, sent=None)
    exact = compared(seen("f" * 16, "cid"), wanted, slot=slot, place=None, sent=None)
    assert (alike.is_wanted, exact.is_wanted) == (False, True)


def test_without_a_wanted_file_a_look_stays_as_it_is() -> None:
    assert compared(OLD, None, slot=SLOT, place=None, sent=None) == OLD
