"""Uploads that go directly to the store, on the real store: what it refuses itself, and what is caught when they are completed."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from PIL import Image as Picture
from upload_client import get, jpeg, send

from linkarooie.upload.v1 import upload_pb2
from servicekit.database import Database
from servicekit.errors import (
    AlreadyExistsError,
    InvalidInputError,
    NotFoundError,
    PreconditionError,
    ServiceError,
    UnavailableError,
)
from servicekit.grpc_client import remote_errors
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id, utc_now
from servicekit.object_store import ObjectStore
from services.upload.api.intake import UPLOAD_STATES
from services.upload.domain.direct_uploads import KEPT_FOR, PATIENCE, Declaration, UploadState
from services.upload.domain.quota import Quota
from services.upload.settings import UploadSettings
from services.upload.staging import staged
from services.upload.store import Store
from services.upload.store.tables import uploads
from services.upload.use_cases.direct_uploads import DirectUploads
from services.upload.use_cases.intake import Intake

PENDING, COMPLETED, REFUSED, CANCELLED = (
    upload_pb2.UPLOAD_STATE_PENDING,
    upload_pb2.UPLOAD_STATE_COMPLETED,
    upload_pb2.UPLOAD_STATE_REFUSED,
    upload_pb2.UPLOAD_STATE_CANCELLED,
)
ADDRESS_LIFE = timedelta(hours=1)


@dataclass(frozen=True)
class Program:
    """A program that uploads for somebody: it knows the service's calls and what they answer, and has no keys of the store."""

    stub: Any
    http: httpx2.AsyncClient

    async def create(self, content: bytes, **declared: Any) -> upload_pb2.Upload:
        request = upload_pb2.CreateUploadRequest(
            **{"bytes": len(content), "content_type": "image/jpeg", "file_name": "fox.jpg", **declared}
        )
        with remote_errors():
            answer = await self.stub.CreateUpload(request)
        upload: upload_pb2.Upload = answer.upload
        return upload

    async def put(self, upload: upload_pb2.Upload, content: bytes, **headers: str) -> int:
        """Sends the bytes and returns the store's answer."""
        answer = await self.http.put(upload.url, content=content, headers={**upload.headers, **headers})
        return answer.status_code

    async def get(self, upload: upload_pb2.Upload) -> upload_pb2.Upload:
        with remote_errors():
            answer = await self.stub.GetUpload(upload_pb2.GetUploadRequest(id=upload.id))
        found: upload_pb2.Upload = answer.upload
        return found

    async def complete(self, upload: upload_pb2.Upload) -> upload_pb2.Image:
        with remote_errors():
            answer = await self.stub.CompleteUpload(upload_pb2.CompleteUploadRequest(id=upload.id), timeout=30)
        image: upload_pb2.Image = answer.image
        return image

    async def cancel(self, upload: upload_pb2.Upload) -> None:
        with remote_errors():
            await self.stub.CancelUpload(upload_pb2.CancelUploadRequest(id=upload.id))

    async def refusal(self, upload: upload_pb2.Upload) -> ServiceError:
        """Returns what completing an upload is refused with."""
        with pytest.raises(ServiceError) as refused:
            await self.complete(upload)
        return refused.value


@pytest.fixture
async def program(upload: Any) -> AsyncIterator[Program]:
    async with httpx2.AsyncClient(timeout=30) as http:
        yield Program(upload, http)


@pytest.fixture
async def database(service_settings: Callable[..., Any]) -> AsyncIterator[Database]:
    opened = Database(service_settings(UploadSettings), schema="upload")
    yield opened
    await opened.stop()


@pytest.fixture
async def objects(service_settings: Callable[..., Any]) -> AsyncIterator[ObjectStore]:
    opened = ObjectStore(service_settings(UploadSettings))
    yield opened
    await opened.stop()


@pytest.fixture
def inside(service_settings: Callable[..., Any], database: Database, objects: ObjectStore) -> DirectUploads:
    """One more replica, whose clock and quota tests may set."""
    return replica(service_settings(UploadSettings), database, objects)


def replica(
    settings: UploadSettings,
    database: Database,
    objects: ObjectStore,
    *,
    clock: Callable[[], datetime] = utc_now,
    quota_bytes: int = 0,
) -> DirectUploads:
    stores = partial(Store, database, clock=clock)
    quota = Quota(quota_bytes, restore_days=30)
    intake = Intake(stores=stores, objects=objects, limits=settings.picture_limits, quota=quota, clock=clock)
    return DirectUploads(stores, objects, intake, quota, address_life=ADDRESS_LIFE, clock=clock)


def staged_at(owner_id: str, upload: upload_pb2.Upload) -> str:
    return f"uploads/{owner_id}/{upload.id}"


async def pictures_of(database: Database, owner_id: str) -> int:
    query = sa.text("SELECT count(*) FROM images WHERE owner_id = :owner")
    async with database.sessions() as session:
        return int((await session.execute(query, {"owner": owner_id})).scalar_one())


async def test_a_file_that_was_put_to_the_store_becomes_a_picture(
    program: Program, objects: ObjectStore, owner: str
) -> None:
    content = jpeg()
    begun = await program.create(content, alt_text=" A fox ", sha256=hashlib.sha256(content).hexdigest())
    assert (begun.state, begun.bytes, begun.content_type) == (PENDING, len(content), "image/jpeg")
    assert await program.put(begun, content) == 200

    image = await program.complete(begun)

    assert (image.state, image.bytes, image.content_type) == (
        upload_pb2.IMAGE_STATE_PROCESSING,
        len(content),
        "image/jpeg",
    )
    assert (image.alt_text, image.file_name, image.title) == ("A fox", "fox.jpg", "fox")
    assert image == await get(program.stub, image.id)
    assert await objects.exists(f"originals/{owner}/{image.sha256}")
    assert not await objects.exists(staged_at(owner, begun))
    over = await program.get(begun)
    assert (over.state, over.image_id, over.url, dict(over.headers)) == (COMPLETED, image.id, "", {})
    assert (await program.complete(begun)).id == image.id, "the first answer, again"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x" * 99, {}),
        (b"x" * 101, {"content-length": "101"}),
        (b"x" * 100, {"content-type": "image/png"}),
        (b"x" * 100, {"content-type": "text/html"}),
    ],
    ids=["smaller", "larger", "other picture", "page"],
)
async def test_the_store_itself_refuses_what_was_not_declared(
    program: Program, objects: ObjectStore, owner: str, body: bytes, headers: dict[str, str]
) -> None:
    begun = await program.create(b"x" * 100)
    headers.setdefault("content-length", str(len(body)))

    assert await program.put(begun, body, **headers) == 403

    assert not await objects.exists(staged_at(owner, begun))
    assert (await program.refusal(begun)).reason == "UPLOAD_NOT_RECEIVED"
    assert (await program.get(begun)).state == PENDING, "it can still be sent"


async def test_an_address_is_for_one_object_and_one_way(program: Program, owner: str) -> None:
    begun = await program.create(b"x" * 100)
    elsewhere = begun.url.replace(begun.id, new_id())

    assert (await program.http.put(elsewhere, content=b"x" * 100, headers=dict(begun.headers))).status_code == 403
    assert (await program.http.get(begun.url)).status_code == 403
    assert (await program.http.delete(begun.url)).status_code == 403
    assert begun.expire_time.ToDatetime() - utc_now().replace(tzinfo=None) <= ADDRESS_LIFE


async def test_an_address_that_has_ended_takes_nothing(
    inside: DirectUploads, objects: ObjectStore, program: Program, owner: str
) -> None:
    earlier = replace(inside, clock=lambda: utc_now() - 2 * ADDRESS_LIFE)
    shown = await earlier.create(Declaration(3, "image/jpeg"), owner_id=owner, idempotency_key=None)

    assert shown.address is not None
    answer = await program.http.put(shown.address.url, content=b"abc", headers=dict(shown.address.headers))

    assert answer.status_code == 403
    assert (await inside.get(shown.upload.id, owner_id=owner)).address is None


def png() -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (64, 64), "teal").save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "stored_as", "declared", "field"),
    [
        (jpeg(), "image/jpeg", {"bytes": 100}, "bytes"),
        (jpeg(), "text/html", {}, "content_type"),
        (png(), "image/jpeg", {}, "content_type"),
        (jpeg(), "image/jpeg", {"sha256": "0" * 64}, "sha256"),
    ],
    ids=["size", "stored type", "true type", "hash"],
)
async def test_what_a_careless_store_lets_through_is_refused_when_it_is_completed(
    program: Program,
    objects: ObjectStore,
    owner: str,
    tmp_path: Any,
    content: bytes,
    stored_as: str,
    declared: dict[str, Any],
    field: str,
) -> None:
    begun = await program.create(content, **declared)
    (tmp_path / "file").write_bytes(content)
    await objects.put_file(staged_at(owner, begun), tmp_path / "file", content_type=stored_as)

    refusal = await program.refusal(begun)

    assert (type(refusal), refusal.reason, refusal.metadata["field"]) == (InvalidInputError, "UPLOAD_DIFFERS", field)
    assert refusal.metadata["declared"] != refusal.metadata["actual"]
    assert not await objects.exists(staged_at(owner, begun))
    over = await program.get(begun)
    assert (over.state, over.failure_reason, over.failure_message) == (REFUSED, "UPLOAD_DIFFERS", refusal.message)
    again = await program.refusal(begun)
    assert (type(again), again.reason, again.metadata) == (
        PreconditionError,
        "UPLOAD_REFUSED",
        {"refusal": "UPLOAD_DIFFERS"},
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"<html>no picture</html>", "UNSUPPORTED_FORMAT"), (jpeg(8, 8), "TOO_SMALL"), (jpeg()[:300], "BROKEN")],
    ids=["page", "tiny", "cut off"],
)
async def test_what_is_no_picture_for_us_is_refused_and_removed(
    program: Program, objects: ObjectStore, database: Database, owner: str, content: bytes, reason: str
) -> None:
    begun = await program.create(content)
    assert await program.put(begun, content) == 200

    assert (await program.refusal(begun)).reason == reason

    assert (await program.get(begun)).failure_reason == reason
    assert not await objects.exists(staged_at(owner, begun))
    assert await pictures_of(database, owner) == 0


@pytest.mark.parametrize(
    ("declared", "reason", "names"),
    [
        ({"content_type": "image/svg+xml"}, "UNSUPPORTED_FORMAT", "accepted"),
        ({"content_type": ""}, "UNSUPPORTED_FORMAT", "accepted"),
        ({"bytes": 25_000_001}, "TOO_MANY_BYTES", "max_bytes"),
        ({"bytes": 2**64 - 1}, "TOO_MANY_BYTES", "max_bytes"),
        ({"bytes": 0}, "INVALID_INPUT", None),
        ({"sha256": "0" * 63}, "INVALID_INPUT", None),
        ({"sha256": "x" * 64}, "INVALID_INPUT", None),
        ({"alt_text": "a" * 1501}, "INVALID_INPUT", None),
        ({"idempotency_key": "k" * 201}, "INVALID_INPUT", None),
    ],
)
async def test_what_would_be_refused_is_told_before_it_is_sent(
    program: Program, owner: str, declared: dict[str, Any], reason: str, names: str | None
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await program.create(b"x", **declared)
    assert refused.value.reason == reason
    assert names is None or refused.value.metadata[names]


async def test_the_same_key_again_gets_the_first_upload_and_address(program: Program, owner: str) -> None:
    key = new_id()
    first, second = await asyncio.gather(*(program.create(jpeg(), idempotency_key=key) for _ in range(2)))
    assert first == second
    with pytest.raises(AlreadyExistsError) as refused:
        await program.create(jpeg(), idempotency_key=key, alt_text="Another")
    assert refused.value.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_many_completions_at_once_make_one_picture(program: Program, database: Database, owner: str) -> None:
    content = jpeg(900, 700)
    begun = await program.create(content)
    await program.put(begun, content)

    made = await asyncio.gather(*(program.complete(begun) for _ in range(8)))

    assert len({image.id for image in made}) == 1
    assert await pictures_of(database, owner) == 1
    assert (await program.get(begun)).image_id == made[0].id


async def test_a_completion_that_died_after_storing_is_done_again(
    program: Program, inside: DirectUploads, objects: ObjectStore, database: Database, owner: str
) -> None:
    content = jpeg()
    begun = await program.create(content)
    await program.put(begun, content)

    async def die(*_: Any) -> None:
        raise ConnectionAbortedError

    # As far as it comes before the commit: the original is stored, and nothing says so.
    async with (
        inside.objects.opened(staged_at(owner, begun)) as sent,
        staged(sent.chunks, max_bytes=len(content)) as file,
    ):
        with pytest.raises(ConnectionAbortedError):
            await inside.intake.upload(file, owner_id=owner, alt_text="", file_name="", idempotency_key=None, along=die)
    assert (await pictures_of(database, owner), (await program.get(begun)).state) == (0, PENDING)

    image = await program.complete(begun)

    assert await objects.exists(f"originals/{owner}/{image.sha256}")
    assert await pictures_of(database, owner) == 1


async def test_while_the_store_is_away_nothing_is_decided(
    program: Program, service_settings: Callable[..., Any], database: Database, owner: str
) -> None:
    content = jpeg()
    begun = await program.create(content)
    await program.put(begun, content)
    settings = service_settings(UploadSettings)
    nowhere = ObjectStore(settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"}))

    with pytest.raises(UnavailableError):
        await replica(settings, database, nowhere).complete(begun.id, owner_id=owner)
    await nowhere.stop()

    assert (await program.get(begun)).state == PENDING
    assert (await program.complete(begun)).bytes == len(content)


async def test_an_upload_is_given_up(program: Program, objects: ObjectStore, owner: str) -> None:
    begun = await program.create(jpeg())
    await program.put(begun, jpeg())

    await program.cancel(begun)
    await program.cancel(begun)

    assert (await program.get(begun)).state == CANCELLED
    assert not await objects.exists(staged_at(owner, begun))
    assert (await program.refusal(begun)).reason == "UPLOAD_CANCELLED"


async def test_what_was_given_up_while_it_was_looked_at_makes_no_picture(
    program: Program, inside: DirectUploads, database: Database, owner: str
) -> None:
    content = jpeg()
    begun = await program.create(content)
    await program.put(begun, content)

    @dataclass(frozen=True)
    class Interrupted(Intake):
        async def upload(self, *args: Any, **more: Any) -> Any:
            await program.cancel(begun)
            return await super().upload(*args, **more)

    slow = replace(inside, intake=Interrupted(**vars(inside.intake)))
    with pytest.raises(PreconditionError) as refused:
        await slow.complete(begun.id, owner_id=owner)

    assert refused.value.reason == "UPLOAD_CANCELLED"
    assert await pictures_of(database, owner) == 0


async def test_a_completed_upload_is_given_up_no_more(program: Program, owner: str) -> None:
    begun = await program.create(jpeg())
    await program.put(begun, jpeg())
    image = await program.complete(begun)

    with pytest.raises(PreconditionError) as refused:
        await program.cancel(begun)

    assert refused.value.reason == "UPLOAD_COMPLETED"
    assert (await get(program.stub, image.id)).id == image.id


async def test_declared_bytes_count_against_the_quota_until_the_upload_is_over(
    service_settings: Callable[..., Any], database: Database, objects: ObjectStore, program: Program, owner: str
) -> None:
    small = replica(service_settings(UploadSettings), database, objects, quota_bytes=1000)

    async def begin(size: int) -> str:
        shown = await small.create(Declaration(size, "image/jpeg"), owner_id=owner, idempotency_key=None)
        return shown.upload.id

    outcomes = await asyncio.gather(*(begin(400) for _ in range(4)), return_exceptions=True)

    begun = [outcome for outcome in outcomes if isinstance(outcome, str)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, ServiceError)]
    assert (len(begun), {error.reason for error in refused}) == (2, {"QUOTA_EXCEEDED"})
    assert refused[0].metadata == {"used_bytes": "800", "quota_bytes": "1000", "bytes": "400"}
    await small.cancel(begun[0], owner_id=owner)
    assert await begin(600)


async def test_a_picture_that_does_not_fit_any_more_is_refused_and_removed(
    service_settings: Callable[..., Any], database: Database, objects: ObjectStore, program: Program, owner: str
) -> None:
    content = jpeg()
    begun = await program.create(content)
    await program.put(begun, content)
    await send(program.stub, jpeg(500, 500, "red"))
    full = replica(service_settings(UploadSettings), database, objects, quota_bytes=len(content))

    with pytest.raises(PreconditionError) as refused:
        await full.complete(begun.id, owner_id=owner)

    assert refused.value.reason == "QUOTA_EXCEEDED"
    assert not await objects.exists(staged_at(owner, begun))
    assert (await program.get(begun)).failure_reason == "QUOTA_EXCEEDED"
    assert await pictures_of(database, owner) == 1


async def test_what_is_not_completed_in_time_ends_and_is_forgotten_later(
    program: Program, inside: DirectUploads, objects: ObjectStore, database: Database, owner: str
) -> None:
    late, in_time = [await program.create(jpeg()) for _ in range(2)]
    for begun in (late, in_time):
        await program.put(begun, jpeg())
    image = await program.complete(in_time)

    await replace(inside, clock=lambda: utc_now() + ADDRESS_LIFE).expire()
    assert (await program.get(late)).state == PENDING, "its PUT may be under way"
    await asyncio.gather(*(replace(inside, clock=lambda: utc_now() + ADDRESS_LIFE + PATIENCE).expire() for _ in "ab"))

    assert (await program.get(late)).state == upload_pb2.UPLOAD_STATE_EXPIRED
    assert not await objects.exists(staged_at(owner, late))
    assert (await program.refusal(late)).reason == "UPLOAD_EXPIRED"
    assert (await program.get(in_time)).image_id == image.id

    await replace(inside, clock=lambda: utc_now() + ADDRESS_LIFE + KEPT_FOR).expire()
    async with database.sessions() as session:
        kept = await session.scalars(sa.select(uploads.c.state).where(uploads.c.owner_id == owner))
        assert list(kept) == []
    assert (await get(program.stub, image.id)).id == image.id


async def test_an_upload_of_somebody_else_does_not_exist(program: Program, owner: str, stranger: Caller) -> None:
    begun = await program.create(jpeg())
    with acting_for(stranger):
        for call in (program.get, program.complete, program.cancel):
            with pytest.raises(NotFoundError) as refused:
                await call(begun)
            assert refused.value.reason == "UPLOAD_NOT_FOUND"
        with pytest.raises(NotFoundError):
            await program.get(upload_pb2.Upload(id="no id"))
    assert (await program.get(begun)).state == PENDING


async def test_a_picture_that_was_deleted_is_not_made_again(program: Program, owner: str) -> None:
    begun = await program.create(jpeg())
    await program.put(begun, jpeg())
    image = await program.complete(begun)
    await program.stub.DeleteImage(upload_pb2.DeleteImageRequest(id=image.id))

    assert (await program.refusal(begun)).reason == "IMAGE_DELETED"


def test_every_state_is_told() -> None:
    assert set(UPLOAD_STATES) == set(UploadState)
