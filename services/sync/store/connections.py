"""Queries about connections, their places, and what was found there."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import Statement, UnitOfWork
from servicekit.ids import new_id
from servicekit.pages import PageRequest
from services.sync.domain.connection import ConnectAttempt, Connection, Grant, Place, RemoteAccount, refresh_time
from services.sync.domain.reasons import Reason
from services.sync.domain.target import Seen
from services.sync.store.tables import connect_attempts, connections, places, registrations, snapshots

_REASON = TypeAdapter(Reason | None)
_SEEN = TypeAdapter(Seen | None)
_CONNECTION = TypeAdapter(Connection)
PLACE = TypeAdapter(Place)
_ATTEMPT = TypeAdapter(ConnectAttempt)


@dataclass(frozen=True)
class Snapshot:
    """A picture that was found on a platform, and our copy of it; or that there was one that we could not copy, or none at all."""

    id: str
    owner_id: str
    connection_id: str
    slot: str
    tag: str
    url: str
    sha256: str
    object_key: str
    content_type: str
    perceptual_hash: str
    taken_at: datetime

    @property
    def shows_nothing(self) -> bool:
        """True where there was no picture. A copy that is missing says nothing of the kind: what was there has an address."""
        return not (self.tag or self.url or self.sha256 or self.object_key)


class ConnectionQueries(UnitOfWork):
    # Beginnings

    async def add_attempt(self, attempt: ConnectAttempt) -> None:
        await self.session.execute(sa.insert(connect_attempts).values(**_ATTEMPT.dump_python(attempt)))

    async def attempt_by_state(self, state_hash: str, *, owner_id: str, platform: str) -> ConnectAttempt | None:
        """Returns a beginning and locks it, so that one callback alone uses it."""
        query = sa.select(connect_attempts).where(
            connect_attempts.c.state_hash == state_hash,
            connect_attempts.c.owner_id == owner_id,
            connect_attempts.c.platform == platform,
        )
        row = (await self.session.execute(query.with_for_update())).first()
        return None if row is None else _ATTEMPT.validate_python(dict(row._mapping))

    async def attempt(self, attempt_id: str, *, owner_id: str, lock: bool = False) -> ConnectAttempt | None:
        query = sa.select(connect_attempts).where(
            connect_attempts.c.id == attempt_id, connect_attempts.c.owner_id == owner_id
        )
        row = (await self.session.execute(query.with_for_update() if lock else query)).first()
        return None if row is None else _ATTEMPT.validate_python(dict(row._mapping))

    async def use_attempt(self, attempt_id: str, now: datetime) -> None:
        # What was kept for it is not needed again.
        change = sa.update(connect_attempts).where(connect_attempts.c.id == attempt_id)
        await self.session.execute(change.values(used_at=now, sealed=b""))

    async def empty_attempts(self, now: datetime) -> None:
        """Forgets what was kept for beginnings that nobody can end any more: there may be access to accounts among it."""
        change = sa.update(connect_attempts).where(
            connect_attempts.c.expires_at <= now, sa.func.length(connect_attempts.c.sealed) > 0
        )
        await self.session.execute(change.values(sealed=b""))

    async def purge_attempts(self, before: datetime) -> None:
        await self.session.execute(sa.delete(connect_attempts).where(connect_attempts.c.expires_at < before))

    # Connections

    async def connection(
        self, connection_id: str, *, owner_id: str | None = None, lock: bool = False
    ) -> Connection | None:
        """Returns a connection; with `owner_id` only if it is that owner's."""
        query = sa.select(connections).where(connections.c.id == connection_id)
        if owner_id is not None:
            query = query.where(connections.c.owner_id == owner_id)
        return await self._one_connection(query, lock)

    async def connection_by_identity(
        self, owner_id: str, platform: str, account: RemoteAccount, *, lock: bool = False
    ) -> Connection | None:
        query = sa.select(connections).where(
            connections.c.owner_id == owner_id,
            connections.c.platform == platform,
            connections.c.instance == account.instance,
            connections.c.remote_id == account.remote_id,
        )
        return await self._one_connection(query, lock)

    async def _one_connection(self, query: sa.Select[Any], lock: bool) -> Connection | None:  # of whole rows
        row = (await self.session.execute(query.with_for_update() if lock else query)).first()
        return None if row is None else connection_of(dict(row._mapping))

    async def connections_of(self, owner_id: str, page: PageRequest) -> list[Connection]:
        """Returns somebody's connections, newest first: one more than the page holds, if there are that many."""
        query = sa.select(connections).where(connections.c.owner_id == owner_id)
        query = query.order_by(connections.c.id.desc()).limit(page.size + 1)
        if page.after is not None:
            query = query.where(connections.c.id < page.after)
        return [connection_of(dict(row._mapping)) for row in await self.session.execute(query)]

    async def all_connections_of(self, owner_id: str) -> list[Connection]:
        """Returns all of somebody's connections, oldest first."""
        query = sa.select(connections).where(connections.c.owner_id == owner_id).order_by(connections.c.id)
        return [connection_of(dict(row._mapping)) for row in await self.session.execute(query)]

    async def lock_connections(self, ids: Collection[str]) -> None:
        """Makes others wait who want to change something about these connections."""
        query = sa.select(connections.c.id).where(connections.c.id.in_(list(ids))).order_by(connections.c.id)
        await self.session.execute(query.with_for_update())

    async def add_connection(self, connection: Connection, slots: Collection[str], *, look_at: datetime) -> None:
        account = connection.account
        values = {
            "id": connection.id,
            "owner_id": connection.owner_id,
            "platform": connection.platform,
            "instance": account.instance,
            "remote_id": account.remote_id,
            "remote_handle": account.handle,
            "remote_url": account.url,
            "state": connection.state,
            "sealed": connection.sealed,
            "created_at": connection.created_at,
            "checked_at": connection.checked_at,
            "expires_at": connection.expires_at,
            "refresh_at": connection.refresh_at,
            "grant_version": connection.grant_version,
        }
        await self.session.execute(sa.insert(connections).values(**values))
        await self.ensure_places(connection.id, slots, look_at=look_at)

    async def change_account(self, connection_id: str, account: RemoteAccount, now: datetime) -> None:
        """Notes how the account is called, and that the platform answered."""
        change = sa.update(connections).where(connections.c.id == connection_id)
        await self.session.execute(
            change.values(remote_handle=account.handle, remote_url=account.url, checked_at=now, unreachable_since=None)
        )

    async def set_grant(self, connection: Connection, sealed: bytes, grant: Grant, now: datetime) -> bool:
        """Stores new credentials unless others were stored meanwhile. False then."""
        change = sa.update(connections).where(
            connections.c.id == connection.id, connections.c.grant_version == connection.grant_version
        )
        changed = await self.session.execute(
            change.values(
                sealed=sealed,
                expires_at=grant.expires_at,
                refresh_at=refresh_time(grant, now),
                refresh_leased_until=None,
                grant_version=connection.grant_version + 1,
                expiry_notes=0,
                unreachable_since=None,
            ).returning(connections.c.id)
        )
        return changed.first() is not None

    async def lease_refresh(self, connection: Connection, *, now: datetime, until: datetime) -> bool:
        """Takes the right to renew the credentials, alone. False when somebody has it, or they are new already."""
        leased = connections.c.refresh_leased_until
        change = sa.update(connections).where(
            connections.c.id == connection.id,
            connections.c.grant_version == connection.grant_version,
            sa.or_(leased.is_(None), leased <= now),
        )
        taken = await self.session.execute(change.values(refresh_leased_until=until).returning(connections.c.id))
        return taken.first() is not None

    async def end_refresh(self, connection: Connection) -> None:
        """Gives the right to renew back without having renewed."""
        change = sa.update(connections).where(
            connections.c.id == connection.id, connections.c.grant_version == connection.grant_version
        )
        await self.session.execute(change.values(refresh_leased_until=None))

    async def set_health(self, connection_id: str, state: str, reason: Reason | None, *, now: datetime) -> None:
        change = sa.update(connections).where(connections.c.id == connection_id)
        await self.session.execute(
            change.values(state=state, reason=_REASON.dump_python(reason, mode="json"), checked_at=now)
        )

    async def remove_connection(self, connection_id: str) -> None:
        """Removes a connection with its credentials and places. Snapshots stay: they are its owner's pictures."""
        await self.session.execute(sa.delete(connections).where(connections.c.id == connection_id))

    # Places

    async def ensure_places(self, connection_id: str, slots: Collection[str], *, look_at: datetime) -> None:
        """Makes the places of a connection where they are missing, and has them looked at."""
        if not slots:
            return
        rows = [
            {"connection_id": connection_id, "slot": slot, "ours_tag": "", "ours_sha256": "", "failed_looks": 0}
            for slot in slots
        ]
        statement = insert(places).values([{**row, "look_at": look_at} for row in rows])
        await self.session.execute(
            statement.on_conflict_do_update(
                index_elements=["connection_id", "slot"], set_={"look_at": look_at, "failed_looks": 0}
            )
        )

    async def places_of(self, connection_ids: Collection[str]) -> dict[str, list[Place]]:
        """Returns the places of several connections in one query, avatar first."""
        query = sa.select(places).where(places.c.connection_id.in_(list(connection_ids))).order_by(places.c.slot)
        found: dict[str, list[Place]] = {connection_id: [] for connection_id in connection_ids}
        if connection_ids:
            for row in await self.session.execute(query):
                found[row.connection_id].append(PLACE.validate_python(dict(row._mapping)))
        return found

    async def place(self, connection_id: str, slot: str) -> Place | None:
        query = sa.select(places).where(places.c.connection_id == connection_id, places.c.slot == slot)
        row = (await self.session.execute(query)).first()
        return None if row is None else PLACE.validate_python(dict(row._mapping))

    async def set_seen(self, connection_id: str, slot: str, seen: Seen) -> None:
        """Notes what a place shows; a look that was planned has been taken."""
        await self.run(_SET_SEEN, connection=connection_id, slot_=slot, seen=_SEEN.dump_python(seen, mode="json"))

    async def set_ours(self, connection_id: str, slot: str, *, tag: str, sha256: str) -> None:
        """Notes which of our files a place was verified to show."""
        await self.run(_SET_OURS, connection=connection_id, slot_=slot, ours_tag=tag, ours_sha256=sha256)

    async def claim_looks(self, *, now: datetime, again_at: datetime, limit: int) -> list[tuple[str, str, int]]:
        """Takes places that are to be looked at; each comes again at `again_at` unless it was seen.

        Returns connection, slot and how many looks have failed, this one counted.
        """
        due = (
            sa.select(places.c.connection_id, places.c.slot)
            .where(places.c.look_at <= now)
            .order_by(places.c.look_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        claim = (
            sa.update(places)
            .where(places.c.connection_id == due.c.connection_id, places.c.slot == due.c.slot)
            .values(look_at=again_at, failed_looks=places.c.failed_looks + 1)
            .returning(places.c.connection_id, places.c.slot, places.c.failed_looks)
        )
        return [(row.connection_id, row.slot, row.failed_looks) for row in await self.session.execute(claim)]

    async def plan_look(self, connection_id: str, slot: str, look_at: datetime | None) -> None:
        change = sa.update(places).where(places.c.connection_id == connection_id, places.c.slot == slot)
        await self.session.execute(change.values(look_at=look_at))

    # Snapshots

    async def snapshot(self, connection_id: str, slot: str, tag: str) -> Snapshot | None:
        rows = await self.run(_SNAPSHOT, connection=connection_id, slot_=slot, tag_=tag)
        return Snapshot(**rows[0]) if rows else None

    async def add_snapshot(self, snapshot: Snapshot) -> None:
        """Keeps a snapshot; the same picture of the same place is there once, with a copy as soon as there is one."""
        await self.run(_ADD_SNAPSHOT, **{**vars(snapshot), "id": snapshot.id or new_id()})

    # Registrations

    async def registration(self, platform: str, instance: str) -> bytes | None:
        query = sa.select(registrations.c.sealed).where(
            registrations.c.platform == platform, registrations.c.instance == instance
        )
        return (await self.session.execute(query)).scalar_one_or_none()

    async def set_registration(self, platform: str, instance: str, sealed: bytes, now: datetime) -> None:
        values = {"sealed": sealed, "registered_at": now}
        statement = insert(registrations).values(platform=platform, instance=instance, **values)
        await self.session.execute(
            statement.on_conflict_do_update(index_elements=["platform", "instance"], set_=values)
        )


def connection_of(row: dict[str, Any]) -> Connection:
    """Returns the connection of a row of `connections`."""
    account = RemoteAccount(row["remote_id"], row["remote_handle"], row["remote_url"], row["instance"])
    return _CONNECTION.validate_python({**row, "account": account})


# What a worker asks for and writes with every look.
_THIS = (places.c.connection_id == sa.bindparam("connection")) & (places.c.slot == sa.bindparam("slot_"))
_SET_SEEN = Statement(sa.update(places).where(_THIS).values(seen=sa.bindparam("seen"), look_at=None, failed_looks=0))
_SET_OURS = Statement(
    sa.update(places).where(_THIS).values(ours_tag=sa.bindparam("ours_tag"), ours_sha256=sa.bindparam("ours_sha256"))
)
_SNAPSHOT = Statement(
    sa.select(snapshots).where(
        snapshots.c.connection_id == sa.bindparam("connection"),
        snapshots.c.slot == sa.bindparam("slot_"),
        snapshots.c.tag == sa.bindparam("tag_"),
    )
)
_SNAPSHOT_ROW = insert(snapshots).values({name: sa.bindparam(name) for name in Snapshot.__dataclass_fields__})
_ADD_SNAPSHOT = Statement(
    _SNAPSHOT_ROW.on_conflict_do_update(
        constraint="snapshots_of_place",
        set_={
            name: _SNAPSHOT_ROW.excluded[name] for name in ("sha256", "object_key", "content_type", "perceptual_hash")
        },
        where=(snapshots.c.object_key == "") & (_SNAPSHOT_ROW.excluded.object_key != ""),
    )
)
