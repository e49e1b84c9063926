"""Edits pictures and chooses where they are shown, as the gateway does, and reads what the service has decided to say."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from upload_client import get, publish, variant

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from linkarooie.upload.v1 import upload_pb2
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.grpc_client import remote_errors
from servicekit.ids import utc_now
from servicekit.protobuf import timestamp
from services.upload import store


async def update_edits(
    upload: Any,
    image_id: str,
    base: processor_pb2.Edit | None = None,
    *,
    revision: int = 0,
    **overrides: processor_pb2.Edit,
) -> upload_pb2.UpdateEditsResponse:
    """Overrides are named with two underscores for the dot: `x__avatar`."""
    edits = upload_pb2.Edits(
        base=base,
        overrides=[
            processor_pb2.SlotEdit(key=key.replace("__", "."), edit=edit) for key, edit in sorted(overrides.items())
        ],
    )
    with remote_errors():
        answer: upload_pb2.UpdateEditsResponse = await upload.UpdateEdits(
            upload_pb2.UpdateEditsRequest(image_id=image_id, edits=edits, revision=revision)
        )
    return answer


async def get_edits(upload: Any, image_id: str, revision: int = 0) -> upload_pb2.Revision:
    with remote_errors():
        answer = await upload.GetEdits(upload_pb2.GetEditsRequest(image_id=image_id, revision=revision))
    found: upload_pb2.Revision = answer.revision
    return found


async def revisions(upload: Any, image_id: str, *, page_size: int = 100) -> list[int]:
    """Returns the numbers of all revisions, as the pages have them."""
    numbers: list[int] = []
    token = ""
    while True:
        request = upload_pb2.ListRevisionsRequest(image_id=image_id, page_size=page_size, page_token=token)
        with remote_errors():
            answer = await upload.ListRevisions(request)
        numbers += [revision.number for revision in answer.revisions]
        token = answer.next_page_token
        if not token:
            return numbers


async def said_about(database: Database, subject: str, owner_id: str) -> list[bytes]:
    """Returns what the service has decided to say about somebody on a subject, oldest first."""
    outbox = store.outbox
    query = sa.select(outbox.c.payload).where(
        outbox.c.subject == subject, outbox.c.headers["ce-subject"].astext == owner_id
    )
    async with database.sessions() as session:
        return [bytes(payload) for payload in await session.scalars(query.order_by(outbox.c.id))]


async def jobs_of(database: Database, subject: str, owner_id: str) -> list[processor_pb2.RenderImage]:
    return [processor_pb2.RenderImage.FromString(said) for said in await said_about(database, subject, owner_id)]


class Darkroom:
    """Says what the processor would of a revision, and waits until the picture has come to a state."""

    def __init__(self, upload: Any, bus: Bus, eventually: Callable[..., Any], owner_id: str) -> None:
        self._upload, self._bus, self._eventually, self._owner_id = upload, bus, eventually, owner_id

    async def ready(
        self, image_id: str, revision: int, *keys: str, made_at: datetime | None = None, **more: Any
    ) -> None:
        said = events.VariantsReady(
            image_id=image_id,
            owner_id=self._owner_id,
            revision=revision,
            variants=[variant(key) for key in keys or ("thumbnail.320.webp",)],
            event_time=timestamp(made_at or utc_now()),
            **more,
        )
        await publish(self._bus, said, self._owner_id)

    async def failed(self, image_id: str, revision: int) -> None:
        said = events.VariantsFailed(
            image_id=image_id, owner_id=self._owner_id, revision=revision, reason="BROKEN", message="It is broken."
        )
        await publish(self._bus, said, self._owner_id)

    async def comes_to(self, image_id: str, state: upload_pb2.ImageState) -> upload_pb2.Image:
        async def found() -> upload_pb2.Image | None:
            image = await get(self._upload, image_id)
            return image if image.state == state else None

        image: upload_pb2.Image = await self._eventually(found)
        return image
