"""What the operator does by commands on the server: the use cases on the database alone, while the service runs elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from servicekit.database import Database, OpenStore
from servicekit.errors import InvalidInputError
from servicekit.ids import Clock, is_id, utc_now
from servicekit.settings import DatabaseSettings, ServiceSettings
from servicekit.subjects import RENDER_BULK
from services.upload import store
from services.upload.domain.image import ImageState
from services.upload.jobs import ask

MIGRATIONS = Path(__file__).parent / "migrations"

# So many in one transaction: the service's relay sends them on before the next ones come.
ASKED_AT_ONCE = 200


class OperatorSettings(ServiceSettings, DatabaseSettings):
    """What the commands read of the service's environment."""

    service = "upload"


@dataclass(frozen=True)
class Operator:
    """The use cases. Made by `operator_of`; jobs wait in the outbox for the service to send them."""

    stores: OpenStore[store.Store]

    async def render_again(self, *, only_failed: bool = False, owner_id: str | None = None) -> int:
        """Has the variants of present revisions made anew, behind what people wait for. Returns of how many pictures.

        `only_failed` leaves out those that are ready; with `owner_id` it is about one account. What is there is used until it is
        replaced, and a failed picture stays failed until it succeeds. Raises `InvalidInputError` for an `owner_id` that is none.
        """
        if owner_id is not None and not is_id(owner_id):
            raise InvalidInputError.of_field(
                "owner_id", f"{owner_id!r} is no account id: those are UUIDs, as `owner_id` in the logs."
            )
        states = [ImageState.FAILED] if only_failed else [ImageState.READY, ImageState.FAILED]
        asked = 0
        after: str | None = None
        while True:
            async with self.stores() as opened:
                images = await opened.images_in(states, owner_id=owner_id, after=after, limit=ASKED_AT_ONCE)
                await ask(opened, images, subject=RENDER_BULK)
                await opened.commit()
            asked += len(images)
            if len(images) < ASKED_AT_ONCE:
                return asked
            after = images[-1].id


@asynccontextmanager
async def operator_of(settings: DatabaseSettings, *, clock: Clock = utc_now) -> AsyncIterator[Operator]:
    """Opens what the commands need within the block. Raises `OSError` when the database is away or not migrated."""
    database = Database(settings, schema=OperatorSettings.service)
    try:
        try:
            await database.expect_revision(MIGRATIONS)
        except (RuntimeError, sa.exc.SQLAlchemyError) as error:
            raise OSError(f"the database of the upload service cannot be used: {error}") from error
        yield Operator(partial(store.Store, database, clock=clock))
    finally:
        await database.stop()
