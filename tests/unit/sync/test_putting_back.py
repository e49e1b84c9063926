"""What is put back, what is never taken away, and files that are made to fit."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pretended_platform import ADA
from pretended_store import Memory
from target_making import NOW, OLD, RULES, at, looked, middle, target

from catalog import load_catalogue
from servicekit.errors import UnavailableError
from servicekit.object_store import ObjectMissingError
from servicekit.pictures.model import PictureLimits
from servicekit.pictures.workers import PictureWorkerError
from services.sync.breaker import Admission
from services.sync.compare import NOTHING, Wanted, compared
from services.sync.domain import outcomes as o
from services.sync.domain import target as steps
from services.sync.domain.connection import Connection, Place
from services.sync.domain.target import Move, Seen, Target, TargetState, Verdict
from services.sync.places import Platforms
from services.sync.platforms.base import Adapter, Kind, Picture, Session
from services.sync.putting_back import cannot_put_back
from services.sync.refit import refit
from services.sync.store.connections import Snapshot
from services.sync.store.renditions import Rendition
from services.sync.store.targets import Sync
from services.sync.turn import Known, Turn, Worker

CATALOGUE = load_catalogue()
SLOT = CATALOGUE.slot("mastodon.avatar")
GREY = "80" * 48
HASH = "0" * 16 + GREY
LIMITS = PictureLimits(min_side=1)
S = TargetState


def snapshot(**changes: str) -> Snapshot:
    """What was found once: a picture, unless told otherwise."""
    texts = {
        "tag": "earlier",
        "url": "https://p.test/earlier.jpg",
        "sha256": "a" * 64,
        "object_key": "key",
        "content_type": "image/jpeg",
        "perceptual_hash": HASH,
    }
    return Snapshot(id="snapshot", owner_id="o", connection_id="c", slot="avatar", taken_at=NOW, **{**texts, **changes})


EMPTY = dict.fromkeys(("tag", "url", "sha256", "object_key", "content_type", "perceptual_hash"), "")
NO_PICTURE = snapshot(**EMPTY)


# What a snapshot says


@pytest.mark.parametrize("column", ["tag", "url", "sha256", "object_key"])
def test_a_snapshot_of_which_anything_is_known_is_not_one_of_nothing(column: str) -> None:
    assert NO_PICTURE.shows_nothing
    assert not snapshot(**{**EMPTY, column: "something"}).shows_nothing


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (snapshot(), None),
        (NO_PICTURE, None),
        (None, "NO_SNAPSHOT"),
        (snapshot(perceptual_hash=""), "SNAPSHOT_UNREADABLE"),
        (snapshot(object_key="", sha256="", perceptual_hash=""), "SNAPSHOT_UNREADABLE"),
    ],
)
def test_what_cannot_be_compared_is_not_put_back(found: Snapshot | None, code: str | None) -> None:
    trouble = cannot_put_back(found, platform="Plat")
    assert (trouble.code if trouble else None) == code


# What a look says


def test_an_empty_place_is_what_a_snapshot_of_nothing_wants() -> None:
    def look(seen: Seen, wanted: Wanted) -> bool:
        return compared(seen, wanted, slot=SLOT, place=None, sent=None).is_wanted

    assert look(Seen(NOW), NOTHING)
    assert not look(OLD, NOTHING)
    assert not look(Seen(NOW, "https://p.test/huge.jpg", "", trouble=steps.TOO_LARGE), NOTHING)
    assert not look(Seen(NOW), Wanted("a" * 64, HASH, found_tag=""))


def test_what_has_the_tag_under_which_it_was_found_is_that_also_where_we_brought_it() -> None:
    wanted = Wanted("copy", HASH, content_id="id of the copy", found_tag="ours")
    place = Place("c", "avatar", ours_tag="ours", ours_sha256="the file that was sent")
    seen = Seen(NOW, "https://p.test/ours.jpg", "ours", HASH)
    assert compared(seen, wanted, slot=SLOT, place=place, sent=None).is_wanted
    assert not compared(replace(seen, tag="x"), wanted, slot=SLOT, place=place, sent=None).is_wanted


# Taking away


def taking_away() -> Target:
    made = target(image_id=None, snapshot_id="snapshot")
    return steps.begin_sending(made, looked(0, "there"), sha256="", perceptual_hash="", now=NOW)


def test_a_removal_that_is_not_offered_is_left_to_the_person() -> None:
    after = steps.refused(taking_away(), o.Unsupported("no", "https://p.test/why"), RULES, now=at(1), jitter=middle)
    assert (after.state, after.reason and after.reason.code) == (S.NEEDS_YOU, "REMOVE_BY_HAND")
    assert after.waits_for_hand
    assert after.reason is not None
    assert after.reason.link == "https://p.test/why"


def test_a_removal_with_an_unknown_outcome_is_repeated_only_after_a_late_look_at_the_old_picture() -> None:
    lost = steps.refused(taking_away(), o.OutcomeUnknown(), RULES, now=at(1), jitter=middle)
    assert steps.judge(lost, looked(2, "there"), RULES) is Verdict.EARLY
    assert steps.judge(lost, looked(500, "there"), RULES) is Verdict.SEND
    assert steps.judge(lost, looked(500, "another"), RULES) is Verdict.WRONG
    assert steps.judge(lost, replace(looked(2, ""), is_wanted=True), RULES) is Verdict.RIGHT


def test_a_process_that_died_while_taking_away_is_taken_over_with_a_look() -> None:
    assert steps.next_move(taking_away(), at(60)) is Move.RECOVER
    after = steps.recovered(taking_away(), RULES, now=at(60))
    assert (after.state, after.next_attempt_at) == (S.WAITING, at(60))


# Never wipe: a whole turn, whatever is stored and whatever the object store says


class Recorder(Adapter):
    """A platform that shows a picture, and notes what is done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def begin_auth(self, **_: Any) -> Any:
        raise NotImplementedError

    async def revoke(self, session: Session) -> None:
        raise NotImplementedError

    async def whoami(self, session: Session) -> Any:
        raise NotImplementedError

    async def observe(self, session: Session, slot: Kind) -> Any:
        raise NotImplementedError

    async def submit(self, session: Session, slot: Kind, picture: Picture) -> o.Success:
        assert picture.content
        self.done.append("submit")
        return o.PendingReview(60)

    async def remove(self, session: Session, slot: Kind) -> o.Success:
        self.done.append("remove")
        return o.PendingReview(60)


class Shelf:
    """The object store, or what is left of it."""

    def __init__(self, trouble: Exception | None) -> None:
        self._trouble = trouble

    async def read(self, key: str) -> AsyncIterator[bytes]:
        if self._trouble is not None:
            raise self._trouble
        yield b"a picture"


class Workers:
    """A picture process that is not there."""

    async def run(self, *_: object, **__: object) -> object:
        raise PictureWorkerError("NOT_STARTED", "no worker came up")


class Eyes:
    workers, limits = Workers(), LIMITS

    async def look(self, *_: object) -> Seen:
        return Seen(NOW, "https://p.test/there.jpg", "there", "f" * 16 + GREY)


class Access:
    async def session(self, connection: Connection, adapter: Adapter) -> Session:
        return Session(connection.account, {})


def turned(wish: Target, known: Mapping[str, Any], trouble: Exception | None) -> tuple[list[str], Target]:
    """Takes one turn; returns what was done to the platform, and where the target is then."""

    async def take() -> Target:
        async def pause() -> None:
            """Nobody else is there."""

        memory = Memory(pause)
        connection = Connection("c", "o", "mastodon", ADA, b"", NOW)
        async with memory.stores() as store:
            await store.add_connection(connection, ["avatar"], look_at=NOW)
            await store.add_sync(Sync(wish.sync_id, "o", wish.image_id, "avatar", NOW, ""))
            await store.add_target(wish, ring_at=None)
            await store.commit()
        worker = Worker(
            memory.stores,
            cast("Any", Shelf(trouble)),
            Platforms(CATALOGUE, {"mastodon": adapter}, {}),
            cast("Any", Access()),
            cast("Any", Eyes()),
            lambda: NOW,
            read_timeout_seconds=10,
            write_timeout_seconds=10,
            jitter=middle,
        )
        place = Place("c", "avatar")
        await Turn(worker, Known(wish, "lease", connection, place, **known, admission=Admission())).take()
        return memory.tables.targets[wish.id].target

    adapter = Recorder()
    return adapter.done, asyncio.run(take())


RENDITION = Rendition("i", 1, "mastodon.avatar", "key", "image/jpeg", 9, "b" * 64, HASH)
# Each column as a found picture has it, or empty.
FOUND = st.builds(
    lambda **texts: snapshot(**texts),
    **{name: st.sampled_from([getattr(snapshot(), name), ""]) for name in EMPTY},
)


@given(
    image_id=st.sampled_from(["i", None]),
    snapshot_id=st.sampled_from(["snapshot", "another", None]),
    found=st.one_of(st.none(), st.just(NO_PICTURE), FOUND),
    rendition=st.sampled_from([RENDITION, None]),
    trouble=st.sampled_from([None, ObjectMissingError("key"), UnavailableError("The store is away.", reason="X")]),
)
def test_nothing_but_the_wish_for_what_was_found_empty_takes_a_picture_away(
    image_id: str | None,
    snapshot_id: str | None,
    found: Snapshot | None,
    rendition: Rendition | None,
    trouble: Exception | None,
) -> None:
    wish = target(image_id=image_id, snapshot_id=snapshot_id, platform="mastodon")
    done, after = turned(wish, {"image": None, "rendition": rendition, "snapshot": found}, trouble)
    is_explicit = snapshot_id == "snapshot" and found is not None and found.shows_nothing
    assert ("remove" in done) == is_explicit
    assert len(done) <= 1
    if not done:
        assert after.reason is not None


@pytest.mark.parametrize(
    ("found", "trouble", "done", "state", "code"),
    [
        (snapshot(), None, ["submit"], S.WAITING, "IN_REVIEW"),
        (NO_PICTURE, None, ["remove"], S.WAITING, "IN_REVIEW"),
        (snapshot(), ObjectMissingError("key"), [], S.FAILED, "SNAPSHOT_MISSING"),
        (snapshot(), UnavailableError("Away.", reason="X"), [], S.QUEUED, "OUR_SIDE_UNAVAILABLE"),
        (snapshot(perceptual_hash=""), None, [], S.FAILED, "SNAPSHOT_UNREADABLE"),
        (None, None, [], S.FAILED, "NO_SNAPSHOT"),
    ],
)
def test_a_turn_puts_back_what_was_found_or_says_why_not(
    found: Snapshot | None, trouble: Exception | None, done: list[str], state: TargetState, code: str
) -> None:
    wish = target(image_id=None, snapshot_id="snapshot", platform="mastodon")
    did, after = turned(wish, {"image": None, "rendition": None, "snapshot": found}, trouble)
    assert (did, after.state, after.reason and after.reason.code) == (done, state, code)


# Making files fit


def written(image: Image.Image, path: Path, kind: str) -> Path:
    image.save(path, kind)
    return path


def noise(mode: str = "RGB", side: int = 200) -> Image.Image:
    """A picture that shrinks badly, the same at each run."""
    bands = [Image.effect_mandelbrot((side, side), (-2, -1.5, 1, 1.5), 90 + band) for band in range(len(mode))]
    return Image.merge(mode, bands)


@pytest.mark.parametrize(
    ("mode", "formats", "kind"),
    [
        ("RGB", ("image/jpeg", "image/png"), "image/jpeg"),
        ("RGBA", ("image/jpeg", "image/png"), "image/png"),
        ("RGBA", ("image/jpeg",), "image/jpeg"),
        ("RGB", ("image/png",), "image/png"),
    ],
)
def test_a_file_is_written_anew_as_a_kind_that_is_taken(
    tmp_path: Path, mode: str, formats: tuple[str, ...], kind: str
) -> None:
    path = written(noise(mode), tmp_path / "picture", "WEBP")
    made = refit(path, LIMITS, formats, 10_000_000)
    assert made is not None
    assert made.content_type == kind
    assert Image.open(io.BytesIO(made.content)).size == (200, 200)


def test_a_file_loses_quality_first_and_size_only_then(tmp_path: Path) -> None:
    path = written(noise(), tmp_path / "picture", "PNG")
    large = refit(path, LIMITS, ("image/jpeg",), 10_000_000)
    assert large is not None
    worse = refit(path, LIMITS, ("image/jpeg",), len(large.content) - 1)
    assert worse is not None
    assert Image.open(io.BytesIO(worse.content)).size == (200, 200)
    smaller = refit(path, LIMITS, ("image/jpeg",), len(worse.content) // 3)
    assert smaller is not None
    assert Image.open(io.BytesIO(smaller.content)).width < 200


@pytest.mark.parametrize(("formats", "max_bytes"), [(("image/jpeg",), 100), (("image/webp",), 10_000_000)])
def test_what_cannot_be_made_to_fit_is_not_made(tmp_path: Path, formats: tuple[str, ...], max_bytes: int) -> None:
    assert refit(written(noise(), tmp_path / "picture", "PNG"), LIMITS, formats, max_bytes) is None
