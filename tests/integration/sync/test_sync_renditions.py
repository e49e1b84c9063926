"""What the processor tells of a picture, in whatever order it comes."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from devstack import Endpoints
from servicekit.database import Database
from servicekit.ids import new_id
from services.sync.settings import SyncSettings
from services.sync.store import Store
from services.sync.store.renditions import Rendition

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
async def store(stack: Endpoints, service_settings: Callable[..., SyncSettings]) -> AsyncIterator[Store]:
    database = Database(service_settings(SyncSettings), schema="sync")
    await database.start()
    async with Store(database) as opened:
        yield opened
    await database.stop()


def avatar(image_id: str, sha256: str) -> Rendition:
    return Rendition(image_id, 1, "x.avatar", f"variants/{sha256}", "image/jpeg", 1000, sha256, "00")


async def tell(store: Store, image_id: str, minute: int) -> None:
    """Fails in minute 0, and is made in minutes 1 and 2, by another recipe each."""
    told_at, owner = NOON + timedelta(minutes=minute), "01990000-0000-7000-8000-000000000001"
    if minute:
        made = [avatar(image_id, f"made in minute {minute}")]
        await store.add_renditions(image_id, 1, owner, made, {}, told_at=told_at)
    else:
        await store.add_image_failure(image_id, 1, owner, "It is broken.", told_at=told_at)


@pytest.mark.parametrize("order", [*permutations(range(3))])
async def test_what_was_made_last_counts_in_whatever_order_it_is_told(store: Store, order: tuple[int, ...]) -> None:
    image_id = new_id()
    for minute in order:
        await tell(store, image_id, minute)
    known = await store.image_revision(image_id, 1)
    assert known is not None
    assert known.failure_of("x.avatar") is None
    rendition = await store.rendition(image_id, 1, "x.avatar")
    assert rendition is not None
    assert rendition.sha256 == "made in minute 2"


async def test_a_slot_that_is_not_made_any_more_has_no_old_file(store: Store) -> None:
    image_id = new_id()
    await tell(store, image_id, 1)
    await store.add_renditions(
        image_id, 1, new_id(), [], {"x.avatar": "It does not fit."}, told_at=NOON + timedelta(hours=1)
    )
    assert await store.rendition(image_id, 1, "x.avatar") is None
    known = await store.image_revision(image_id, 1)
    assert known is not None
    assert known.failure_of("x.avatar") == "It does not fit."


async def test_a_failure_leaves_what_was_made_before(store: Store) -> None:
    image_id = new_id()
    await tell(store, image_id, 1)
    await store.add_image_failure(image_id, 1, new_id(), "Out of memory.", told_at=NOON + timedelta(hours=1))
    known = await store.image_revision(image_id, 1)
    assert known is not None
    assert known.failure is None
    assert await store.rendition(image_id, 1, "x.avatar") is not None


async def test_a_word_of_deletion_that_comes_late_takes_nothing_from_a_picture_that_is_back(store: Store) -> None:
    image_id = new_id()
    await tell(store, image_id, 1)
    await store.forget_image(image_id, told_before=NOON + timedelta(minutes=1))
    assert await store.rendition(image_id, 1, "x.avatar") is not None

    await store.forget_image(image_id, told_before=NOON + timedelta(minutes=2))
    assert await store.rendition(image_id, 1, "x.avatar") is None
    assert await store.image_revision(image_id, 1) is None
