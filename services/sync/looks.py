"""Looks what a place shows, and keeps a copy of every picture found there, or that there was none, so that it can be put back."""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

import structlog

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import UnavailableError
from servicekit.ids import Clock, new_id
from servicekit.object_store import ObjectStore
from servicekit.outbound import AnswerTooLargeError, OutboundError, RefusedHostError
from servicekit.pictures.model import PictureLimits
from servicekit.pictures.workers import PictureWorkerError, PictureWorkers
from servicekit.protobuf import timestamp
from services.sync.domain.connection import Connection
from services.sync.domain.outcomes import PlatformError, Transient, cut
from services.sync.domain.target import NO_PICTURE, TOO_LARGE, Seen
from services.sync.examine import examine, is_picture
from services.sync.platforms.base import Adapter, Kind, Observation, Session
from services.sync.store import Store
from services.sync.store.connections import Snapshot

log = structlog.get_logger()

# Pictures come from a platform's own picture servers, which answer within a few seconds or not at all.
DOWNLOAD_SECONDS = 10.0
EXAMINE_SECONDS = 10.0


class NotCopiedError(Exception):
    """There is something at the picture's address that is no picture for us, and will not be one at the next look either."""

    def __init__(self, trouble: str, why: str) -> None:
        super().__init__(why)
        self.trouble = trouble


def snapshot_key(owner_id: str, sha256: str) -> str:
    """Returns where a found picture is kept: apart by owner, so that erasing one erases nobody else's."""
    return f"snapshots/{owner_id}/{sha256}"


@dataclass(frozen=True)
class Looker:
    """Dependencies of what is done here. The limits bound what is downloaded and decoded: it comes from strangers."""

    stores: OpenStore[Store]
    objects: ObjectStore
    workers: PictureWorkers
    limits: PictureLimits
    clock: Clock

    async def look(self, connection: Connection, adapter: Adapter, session: Session, slot: str) -> Seen:
        """Returns what a place shows now and notes it. Nothing is decided here on whether it is right.

        Raises `PlatformError`.
        """
        # Taken before the question: what is answered was true at this time or later.
        at = self.clock()
        shown = await adapter.observe(session, cast("Kind", slot))
        kept = await self._kept(connection, slot, shown.tag) if shown.url else None
        is_new = bool(shown.url) and kept is None
        trouble = ""
        if is_new:
            try:
                kept = await self._keep(connection, adapter, slot, shown)
            except NotCopiedError as error:
                log.info("picture_not_copied", connection_id=connection.id, slot=slot, why=str(error))
                is_new, trouble = False, error.trouble
        if kept is not None:
            seen = Seen(at, shown.url, shown.tag, kept.perceptual_hash, object_key=kept.object_key)
        else:
            seen = Seen(at, shown.url, shown.tag, trouble=trouble) if trouble else Seen(at)
        async with self.stores() as store:
            await store.set_seen(connection.id, slot, seen)
            if kept is None:
                # What comes next is not what was there first.
                await store.add_snapshot(_without_copy(connection, slot, seen))
            elif is_new:
                await store.add_snapshot(kept)
            if connection.unreachable_since is not None:
                await store.note_answer(connection.id, at)
            if is_new:
                store.record(_observed(connection, slot, at), owner_id=connection.owner_id)
            await store.commit()
        return seen

    async def _kept(self, connection: Connection, slot: str, tag: str) -> Snapshot | None:
        async with self.stores() as store:
            found = await store.snapshot(connection.id, slot, tag)
        return found if found is not None and found.object_key else None

    async def _keep(self, connection: Connection, adapter: Adapter, slot: str, shown: Observation) -> Snapshot:
        """Copies a picture; returns what is to be stored of it."""
        with tempfile.NamedTemporaryFile(prefix="linkarooie-look-") as file:
            path = Path(file.name)
            await self._download(adapter, shown.url, path)
            try:
                examined = await self.workers.run(examine, path, self.limits, timeout_seconds=EXAMINE_SECONDS)
                if not is_picture(examined.content_type):
                    raise NotCopiedError(NO_PICTURE, f"it is {examined.content_type}")
                key = snapshot_key(connection.owner_id, examined.sha256)
                await self.objects.put_file(key, path, content_type=examined.content_type)
            except (PictureWorkerError, UnavailableError) as error:
                raise PlatformError(Transient(cut(str(error)), is_ours=True)) from error
        return Snapshot(
            id=new_id(),
            owner_id=connection.owner_id,
            connection_id=connection.id,
            slot=slot,
            tag=shown.tag,
            url=shown.url,
            sha256=examined.sha256,
            object_key=key,
            content_type=examined.content_type,
            perceptual_hash=examined.perceptual_hash,
            taken_at=self.clock(),
        )

    async def _download(self, adapter: Adapter, url: str, path: Path) -> None:
        try:
            status = await adapter.api.outbound.download(
                url, path, timeout_seconds=DOWNLOAD_SECONDS, max_bytes=self.limits.max_bytes
            )
        except AnswerTooLargeError as error:
            raise NotCopiedError(TOO_LARGE, str(error)) from error
        except RefusedHostError as error:
            raise NotCopiedError(NO_PICTURE, str(error)) from error
        except OutboundError as error:
            raise PlatformError(Transient(cut(str(error)))) from error
        if status != 200:
            # Most often the picture was changed between the two questions.
            raise PlatformError(Transient(f"the picture's address answers HTTP {status}"))


def _without_copy(connection: Connection, slot: str, seen: Seen) -> Snapshot:
    """Says that there was no picture, or one that we could not copy."""
    return Snapshot(
        id=new_id(),
        owner_id=connection.owner_id,
        connection_id=connection.id,
        slot=slot,
        tag=seen.tag,
        url=seen.url,
        sha256="",
        object_key="",
        content_type="",
        perceptual_hash="",
        taken_at=seen.at,
    )


def _observed(connection: Connection, slot: str, at: datetime) -> events.ConnectionObserved:
    return events.ConnectionObserved(
        connection_id=connection.id,
        owner_id=connection.owner_id,
        platform=connection.platform,
        slot=slot,
        event_time=timestamp(at),
    )
