"""Editing pictures: revisions, what is asked of the processor for them, and results that come late."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from edit_client import Darkroom, get_edits, jobs_of, revisions, said_about, update_edits
from upload_client import get, jpeg, send

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1.processor_pb2 import Edit, Point, Rectangle
from linkarooie.upload.v1 import upload_pb2
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.errors import ConflictError, InvalidInputError, NotFoundError
from servicekit.grpc_client import remote_errors
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id, utc_now
from servicekit.subjects import RENDER_BULK, RENDER_INTERACTIVE, subject_of
from services.upload import store
from services.upload.domain.edits import REVISIONS_KEPT
from services.upload.operator import Operator
from services.upload.settings import UploadSettings
from services.upload.store.tables import images, variants
from services.upload.sweeper import Sweeper
from services.upload.use_cases.edits import Editing

PROCESSING, READY, FAILED = (
    upload_pb2.IMAGE_STATE_PROCESSING,
    upload_pb2.IMAGE_STATE_READY,
    upload_pb2.IMAGE_STATE_FAILED,
)
TURNED = Edit(quarter_turns=1, crop=Rectangle(left=0.1, top=0.2, right=0.9, bottom=1), focus=Point(x=0.5, y=0.3))
MIRRORED = Edit(mirrored=True, background=0)


@pytest.fixture
async def database(service_settings: Callable[..., Any]) -> AsyncIterator[Database]:
    opened = Database(service_settings(UploadSettings), schema="upload")
    yield opened
    await opened.stop()


@pytest.fixture
def darkroom(upload: Any, bus: Bus, eventually: Callable[..., Any], owner: str) -> Darkroom:
    return Darkroom(upload, bus, eventually, owner)


@pytest.fixture
async def image_id(upload: Any, owner: str) -> str:
    return (await send(upload, jpeg())).id


async def column(database: Database, image_id: str, name: str) -> Any:
    async with database.sessions() as session:
        return await session.scalar(sa.select(images.c[name]).where(images.c.id == image_id))


async def keys_of_revisions(database: Database, image_id: str) -> list[tuple[int, str]]:
    query = sa.select(variants.c.revision, variants.c.key).where(variants.c.image_id == image_id)
    async with database.sessions() as session:
        return [(row.revision, row.key) for row in await session.execute(query.order_by(variants.c.revision))]


async def test_what_is_done_to_a_picture_is_its_next_revision_and_is_made_at_once(
    upload: Any, owner: str, image_id: str, darkroom: Darkroom, database: Database
) -> None:
    await darkroom.ready(image_id, 1)
    before = await darkroom.comes_to(image_id, READY)

    answer = await update_edits(upload, image_id, TURNED, x__avatar=MIRRORED, bluesky__banner=TURNED)

    assert (answer.revision.number, answer.image.revision, answer.image.state) == (2, 2, PROCESSING)
    assert answer.revision.edits.base == TURNED
    assert [(one.key, one.edit) for one in answer.revision.edits.overrides] == [("x.avatar", MIRRORED)]
    assert await get_edits(upload, image_id) == answer.revision
    assert await get_edits(upload, image_id, 1) == upload_pb2.Revision(
        number=1, edits=upload_pb2.Edits(base=Edit()), create_time=before.create_time
    )
    [job] = await jobs_of(database, RENDER_INTERACTIVE, owner)
    assert (job.image_id, job.revision, job.attempt, job.edit) == (image_id, 2, 1, TURNED)
    assert list(job.overrides) == list(answer.revision.edits.overrides)
    [told] = await said_about(database, subject_of(events.ImageEdited), owner)
    assert events.ImageEdited.FromString(told).revision == 2
    assert await column(database, image_id, "edited")
    assert await column(database, image_id, "version") == 2


async def test_what_changes_nothing_is_no_revision(upload: Any, owner: str, image_id: str, database: Database) -> None:
    await update_edits(upload, image_id, TURNED)

    again = await update_edits(upload, image_id, TURNED, x__avatar=TURNED, revision=2)

    assert (again.revision.number, again.revision.edits) == (2, upload_pb2.Edits(base=TURNED))
    assert len(await jobs_of(database, RENDER_INTERACTIVE, owner)) == 1
    assert await column(database, image_id, "version") == 2


async def test_of_two_who_edit_what_they_both_read_one_is_told_of_the_other(
    upload: Any, owner: str, image_id: str, database: Database
) -> None:
    edits = [Edit(background=colour) for colour in (1, 2, 3, 4)]

    answers = await asyncio.gather(
        *(update_edits(upload, image_id, edit, revision=1) for edit in edits), return_exceptions=True
    )

    late = [answer for answer in answers if isinstance(answer, ConflictError)]
    assert [(error.reason, error.metadata) for error in late] == [("ETAG_MISMATCH", {"revision": "2"})] * 3
    assert await revisions(upload, image_id) == [2, 1]
    assert len(await jobs_of(database, RENDER_INTERACTIVE, owner)) == 1


async def test_edits_that_name_no_revision_follow_each_other(upload: Any, image_id: str) -> None:
    answers = await asyncio.gather(*(update_edits(upload, image_id, Edit(background=colour)) for colour in range(4)))

    assert sorted(answer.revision.number for answer in answers) == [2, 3, 4, 5]


async def test_undoing_is_a_revision_and_can_be_undone(upload: Any, image_id: str, database: Database) -> None:
    await update_edits(upload, image_id, TURNED, x__avatar=MIRRORED)
    first, second = await get_edits(upload, image_id, 1), await get_edits(upload, image_id, 2)

    undone = await update_edits(upload, image_id, first.edits.base, revision=2)
    assert not await column(database, image_id, "edited")
    redone = await update_edits(upload, image_id, second.edits.base, x__avatar=second.edits.overrides[0].edit)

    assert (undone.revision.number, undone.revision.edits) == (3, first.edits)
    assert (redone.revision.number, redone.revision.edits) == (4, second.edits)


async def test_results_of_an_earlier_revision_that_come_late_change_nothing(
    upload: Any, image_id: str, darkroom: Darkroom, database: Database
) -> None:
    await update_edits(upload, image_id, TURNED)

    await darkroom.ready(image_id, 1, "late")
    await darkroom.failed(image_id, 1)
    # By a clock that is behind that of whoever made the revision before.
    await darkroom.ready(image_id, 2, "present", made_at=utc_now() - timedelta(hours=1), recipes="abc")

    image = await darkroom.comes_to(image_id, READY)
    assert image.revision == 2
    assert await keys_of_revisions(database, image_id) == [(2, "present")]
    assert await column(database, image_id, "recipes") == "abc"


async def test_an_edit_that_fails_leaves_the_files_of_the_revision_before(
    upload: Any, owner: str, image_id: str, darkroom: Darkroom, database: Database
) -> None:
    await darkroom.ready(image_id, 1, "before")
    await darkroom.comes_to(image_id, READY)
    await update_edits(upload, image_id, TURNED)

    await darkroom.failed(image_id, 2)

    failed = await darkroom.comes_to(image_id, FAILED)
    assert failed.failure_reason == "BROKEN"
    assert await keys_of_revisions(database, image_id) == [(1, "before")]
    another = await update_edits(upload, image_id, MIRRORED)
    assert (another.image.state, another.image.failure_reason) == (PROCESSING, "")


@pytest.mark.parametrize("asker", ["retry", "sweeper", "operator"])
async def test_whoever_asks_again_asks_for_what_is_done_to_the_picture(
    upload: Any, owner: str, image_id: str, darkroom: Darkroom, database: Database, asker: str
) -> None:
    await update_edits(upload, image_id, TURNED, x__avatar=MIRRORED)
    [asked] = await jobs_of(database, RENDER_INTERACTIVE, owner)
    stores = partial(store.Store, database)

    match asker:
        case "retry":
            await darkroom.failed(image_id, 2)
            await darkroom.comes_to(image_id, FAILED)
            await upload.RetryImage(upload_pb2.RetryImageRequest(id=image_id))
            again = (await jobs_of(database, RENDER_INTERACTIVE, owner))[1]
        case "sweeper":
            long_after = utc_now() + timedelta(days=1)
            await Sweeper(stores, timedelta(minutes=10), timedelta(days=30), lambda: long_after).ask_again()
            [again] = await jobs_of(database, RENDER_BULK, owner)
        case _:
            await darkroom.ready(image_id, 2)
            await darkroom.comes_to(image_id, READY)
            await Operator(stores).render_again(owner_id=owner)
            [again] = await jobs_of(database, RENDER_BULK, owner)

    assert (again.edit, list(again.overrides), again.revision) == (TURNED, list(asked.overrides), 2)


async def test_restoring_an_edited_picture_asks_anew_under_an_attempt_that_nobody_has_heard_of(
    upload: Any, owner: str, image_id: str, database: Database
) -> None:
    await update_edits(upload, image_id, TURNED)
    await upload.DeleteImage(upload_pb2.DeleteImageRequest(id=image_id))
    for call in (get_edits, update_edits, revisions):
        with pytest.raises(NotFoundError) as deleted:
            await call(upload, image_id)
        assert deleted.value.reason == "IMAGE_DELETED"

    await upload.RestoreImage(upload_pb2.RestoreImageRequest(id=image_id))

    asked = await jobs_of(database, RENDER_INTERACTIVE, owner)
    assert [(job.edit, job.revision, job.attempt) for job in asked] == [(TURNED, 2, 1), (TURNED, 2, 2)]


async def test_what_is_told_can_be_sent_back_after_a_place_has_left_the_catalogue(
    upload: Any, owner: str, image_id: str, database: Database
) -> None:
    await update_edits(upload, image_id, TURNED, x__avatar=MIRRORED, bluesky__avatar=MIRRORED)
    later = Editing(partial(store.Store, database), {"bluesky.avatar"}, utc_now)

    told = await later.get(image_id, 0, owner_id=owner)
    sent_back, _ = await later.update(
        image_id, told.edits.base, list(told.edits.overrides.items()), revision=2, owner_id=owner
    )

    assert (told.number, list(told.edits.overrides)) == (2, ["bluesky.avatar"])
    assert sent_back == told


async def test_revisions_come_in_pages_newest_first(upload: Any, image_id: str) -> None:
    for colour in range(4):
        await update_edits(upload, image_id, Edit(background=colour))

    for page_size in (1, 2, 5, 30):
        assert await revisions(upload, image_id, page_size=page_size) == [5, 4, 3, 2, 1]
    with pytest.raises(InvalidInputError), remote_errors():
        await upload.ListRevisions(upload_pb2.ListRevisionsRequest(image_id=image_id, page_token="bm90aGluZw"))


async def test_revisions_long_past_are_forgotten_but_for_the_upload_and_the_files_that_are_shown(
    upload: Any, image_id: str, darkroom: Darkroom, database: Database
) -> None:
    await darkroom.ready(image_id, 1, "first")
    await darkroom.comes_to(image_id, READY)
    for number in range(2, REVISIONS_KEPT + 4):
        await update_edits(upload, image_id, Edit(background=number))

    newest = REVISIONS_KEPT + 3
    assert await revisions(upload, image_id) == [*range(newest, newest - REVISIONS_KEPT, -1), 1]
    for gone in (2, 3, newest + 1, 2**32 - 1):
        with pytest.raises(NotFoundError) as missing:
            await get_edits(upload, image_id, gone)
        assert (missing.value.reason, missing.value.metadata) == ("REVISION_NOT_FOUND", {"revision": str(newest)})
    assert (await get_edits(upload, image_id, 1)).edits == upload_pb2.Edits(base=Edit())
    assert await keys_of_revisions(database, image_id) == [(1, "first")]
    await darkroom.ready(image_id, newest, "newest")
    await darkroom.comes_to(image_id, READY)
    await update_edits(upload, image_id, Edit())
    assert await keys_of_revisions(database, image_id) == [(newest, "newest")]


async def test_values_that_make_no_sense_are_refused_by_name_and_nothing_changes(
    upload: Any, owner: str, image_id: str, database: Database
) -> None:
    outside = Edit(crop=Rectangle(left=0, top=-0.5, right=1, bottom=math.nan))
    endless = Edit(quarter_turns=2**32 - 1, focus=Point(x=math.inf, y=0), background=2**32 - 1)

    with pytest.raises(InvalidInputError) as refusal:
        await update_edits(upload, image_id, outside, x__avatar=endless, x__door=Edit())
    with pytest.raises(InvalidInputError) as flood:
        await update_edits(upload, image_id, endless, **{f"ä{number}" * 40: endless for number in range(90)})

    assert [problem.field for problem in refusal.value.violations] == [
        "base.crop",
        "overrides.x.avatar.quarter_turns",
        "overrides.x.avatar.focus",
        "overrides.x.avatar.background",
        "overrides.x.door",
    ]
    assert refusal.value.metadata["field"] == "base.crop"
    assert refusal.value.metadata["actual"] == "left=0 top=-0.5 right=1 bottom=nan"
    assert flood.value.reason == "EDIT_INVALID"
    assert await revisions(upload, image_id) == [1]
    assert await jobs_of(database, RENDER_INTERACTIVE, owner) == []


async def test_who_is_not_the_owner_sees_and_changes_nothing(upload: Any, image_id: str, stranger: Caller) -> None:
    calls = (
        partial(get_edits, upload),
        partial(update_edits, upload, base=TURNED),
        partial(revisions, upload),
    )
    for call in calls:
        for nobodys in (new_id(), "no id"):
            with pytest.raises(NotFoundError):
                await call(image_id=nobodys)
        with acting_for(stranger), pytest.raises(NotFoundError):
            await call(image_id=image_id)

    assert (await get(upload, image_id)).revision == 1
