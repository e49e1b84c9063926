"""Calls about the library as a whole, and the service's own tables beside them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
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
from servicekit.pictures.perceptual import PerceptualHash
from servicekit.subjects import subject_of
from services.upload import store
from services.upload.domain.quota import Quota
from services.upload.store import Store
from services.upload.use_cases.library import Library

RESTORABLE = timedelta(days=30)


class LibraryClient:
    """Calls the service for whoever is acting. Every refusal comes as an error of `servicekit.errors`."""

    def __init__(self, upload: Any) -> None:
        self._upload = upload

    async def _call(self, method: str, **fields: Any) -> Any:  # an answer of the contract
        request = getattr(upload_pb2, f"{method}Request")(**fields)
        with remote_errors():
            return await getattr(self._upload, method)(request, timeout=30)

    async def update(self, image_id: str, *paths: str, **fields: Any) -> upload_pb2.Image:
        mask = {"paths": list(paths or fields.keys() - {"etag"})}
        answer = await self._call("UpdateImage", id=image_id, update_mask=mask, **fields)
        image: upload_pb2.Image = answer.image
        return image

    async def found(self, **wanted: Any) -> list[str]:
        """Returns the ids of a page of the library."""
        return [image.id for image in await self.listed(**wanted)]

    async def listed(self, **wanted: Any) -> list[upload_pb2.Image]:
        return list((await self._call("ListImages", **wanted)).images)

    async def similar(self, image_id: str) -> tuple[list[str], list[str]]:
        answer = await self._call("ListSimilarImages", image_id=image_id)
        return [image.id for image in answer.same], [image.id for image in answer.alike]

    async def library(self) -> upload_pb2.GetLibraryResponse:
        answer: upload_pb2.GetLibraryResponse = await self._call("GetLibrary")
        return answer

    async def delete(self, image_id: str) -> upload_pb2.Image:
        image: upload_pb2.Image = (await self._call("DeleteImage", id=image_id)).image
        return image

    async def restore(self, image_id: str) -> upload_pb2.Image:
        image: upload_pb2.Image = (await self._call("RestoreImage", id=image_id)).image
        return image

    async def published(self, object_key: str) -> None:
        await self._call("GetPublishedFile", object_key=object_key)

    async def call(self, method: str, **fields: Any) -> Any:  # an answer of the contract
        """Calls any method."""
        return await self._call(method, **fields)


class Rendered:
    """Says what the processor would of somebody's pictures."""

    def __init__(self, bus: Bus, upload: Any, eventually: Callable[..., Any], owner_id: str) -> None:
        self._bus, self._upload, self._eventually, self._owner_id = bus, upload, eventually, owner_id

    async def say_ready(self, image_id: str, *variants: processor_pb2.Variant, revision: int = 1) -> None:
        event = events.VariantsReady(
            image_id=image_id, owner_id=self._owner_id, revision=revision, variants=variants or own(image_id)
        )
        event.event_time.FromDatetime(utc_now())
        await publish(self._bus, event, self._owner_id)

    async def say_failed(self, image_id: str) -> None:
        event = events.VariantsFailed(
            image_id=image_id, owner_id=self._owner_id, revision=1, reason="BROKEN", message="It ends too soon."
        )
        await publish(self._bus, event, self._owner_id)

    async def ready(self, image_id: str, *variants: processor_pb2.Variant, revision: int = 1) -> upload_pb2.Image:
        """Says it, and returns the picture when that is taken."""
        await self.say_ready(image_id, *variants, revision=revision)

        async def taken() -> upload_pb2.Image | None:
            image = await get(self._upload, image_id)
            return image if image.state == upload_pb2.IMAGE_STATE_READY and image.revision == revision else None

        image: upload_pb2.Image = await self._eventually(taken)
        return image


def own(image_id: str, *, look: PerceptualHash | None = None) -> list[processor_pb2.Variant]:
    """Makes two thumbnails of a picture, which look so, and the square that avatars are made from, which does not."""
    small, large, square = variant("thumbnail.160.webp"), variant("thumbnail.320.webp"), variant("avatar.1024")
    small.width = small.height = 160
    square.width = square.height = 1024
    for made in (small, large, square):
        made.object_key = f"variants/{image_id}/{made.key}"
    large.perceptual_hash = look.hex() if look else ""
    square.perceptual_hash = PerceptualHash(0, bytes(48)).hex()
    return [small, large, square]


def stores(database: Database, *, later: timedelta = timedelta()) -> partial[Store]:
    return partial(Store, database, clock=clock(later))


def clock(later: timedelta) -> Callable[[], datetime]:
    now = utc_now() + later
    return lambda: now


def library_at(database: Database, *, later: timedelta) -> Library:
    """The use cases at another time."""
    return Library(stores(database, later=later), Quota(0, 30), RESTORABLE, clock(later))


async def told(database: Database, message: type, owner_id: str) -> list[Any]:
    """Returns what the service has decided to tell of somebody, by kind, oldest first."""
    return await recorded(database, message, subject_of(message), owner_id)


async def recorded(database: Database, message: Any, subject: str, owner_id: str) -> list[Any]:
    outbox = store.outbox
    query = sa.select(outbox.c.payload).where(
        outbox.c.subject == subject, outbox.c.headers["ce-subject"].astext == owner_id
    )
    async with database.sessions() as session:
        payloads = await session.scalars(query.order_by(outbox.c.id))
        return [message.FromString(bytes(payload)) for payload in payloads]
