"""Between the platforms and the caller's library: taking in what a place shows, and where a picture of the library is."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from servicekit.database import OpenStore
from servicekit.errors import InvalidInputError, PreconditionError
from servicekit.ids import new_id
from servicekit.object_store import ObjectMissingError, ObjectStore
from services.sync.domain.connection import Connection
from services.sync.domain.target import Target
from services.sync.library import Library
from services.sync.places import Platforms
from services.sync.store import Store
from services.sync.store.connections import Snapshot
from services.sync.use_cases.connections import existing_connection
from services.sync.use_cases.syncs import SLOTS

PLACES_AT_MOST = 200
# What the upload service takes.
TITLE_MAX_CHARACTERS = 200
# Who has deleted the same picture this often, and within the time in which it can be restored, gets a new one at each import.
REMEMBERED_IMPORTS = 10


@dataclass(frozen=True)
class Pictures:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    objects: ObjectStore
    platforms: Platforms
    library: Library

    async def take_shown(self, connection_id: str, slot: str, *, owner_id: str) -> str:
        """Takes what a place showed when it was last looked at into the owner's library; returns the picture's id.

        The same shown picture is taken in once; again only after it was deleted there. Raises `NotFoundError`, `PreconditionError`
        (NOTHING_SHOWN), and what the library refuses a picture with.
        """
        if slot not in SLOTS:
            raise InvalidInputError.of_field("slot", f"A slot is one of {', '.join(SLOTS)}.")
        async with self.stores() as store:
            connection = await existing_connection(store, connection_id, owner_id)
            place = await store.place(connection.id, slot)
            tag = place.seen.tag if place is not None and place.seen is not None else ""
            snapshot = await store.snapshot(connection.id, slot, tag) if tag else None
        if snapshot is None or not snapshot.object_key:
            raise self._nothing_shown(connection, slot)
        with tempfile.NamedTemporaryFile(prefix="linkarooie-import-") as file:
            try:
                await self.objects.get_file(snapshot.object_key, Path(file.name))
            except ObjectMissingError as error:
                raise self._nothing_shown(connection, slot) from error
            return await self._taken(Path(file.name), connection, snapshot)

    async def _taken(self, path: Path, connection: Connection, snapshot: Snapshot) -> str:
        take = partial(
            self.library.take, path, file_name=_file_name(connection, snapshot), title=self._title(connection, snapshot)
        )
        for number in range(1, REMEMBERED_IMPORTS + 1):
            key = f"snapshot:{snapshot.id}:{number}"
            image_id = await take(idempotency_key=key)
            if image_id is not None:
                return image_id
        image_id = await take(idempotency_key=f"snapshot:{new_id()}")
        assert image_id is not None, "a new key has made no picture before"  # noqa: S101  # for the types
        return image_id

    async def places_of(self, image_id: str, *, owner_id: str) -> Sequence[Target]:
        """Returns where a picture is shown or shall be. Raises `NotFoundError` for one that is not in the owner's library."""
        image = await self.library.image(image_id)
        async with self.stores() as store:
            return await store.places_of_image(owner_id, image.id, limit=PLACES_AT_MOST)

    def _title(self, connection: Connection, snapshot: Snapshot) -> str:
        """Returns what a picture is called in the library, such as `@ada on X, avatar`."""
        place = f" on {self.platforms.name(connection.platform)}, {snapshot.slot}"
        return connection.account.handle[: TITLE_MAX_CHARACTERS - len(place)] + place

    def _nothing_shown(self, connection: Connection, slot: str) -> PreconditionError:
        name = self.platforms.name(connection.platform)
        return PreconditionError(
            f"No {slot} of yours was seen on {name} when it was last looked at. Check the connection, then try again.",
            reason="NOTHING_SHOWN",
            metadata={"connection_id": connection.id, "slot": slot},
        )


def _file_name(connection: Connection, snapshot: Snapshot) -> str:
    """Returns a name that says where a picture was, such as `x-ada-avatar.jpg`."""
    handle = re.sub(r"[^\w.-]+", "-", connection.account.handle).strip("-.")
    kind = snapshot.content_type.removeprefix("image/").replace("jpeg", "jpg")
    return f"{connection.platform}-{handle}-{snapshot.slot}.{kind}"
