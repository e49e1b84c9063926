"""Connecting accounts, looking after them, disconnecting them."""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
import structlog

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import (
    InvalidInputError,
    NotFoundError,
    PreconditionError,
    ServiceError,
    TooManyRequestsError,
    UnavailableError,
)
from servicekit.ids import Clock, is_id, new_id
from servicekit.pages import Page, PageRequest, page_of
from servicekit.protobuf import timestamp
from servicekit.vault import Vault, VaultError
from services.sync.breaker import Breaker
from services.sync.domain import outcomes as o
from services.sync.domain import reasons
from services.sync.domain.care import FIRST_PROBE_AFTER
from services.sync.domain.connection import (
    ATTEMPT_LIFE,
    ConnectAttempt,
    Connection,
    ConnectionState,
    OpenedAccount,
    Place,
    link_expired,
    refresh_time,
)
from services.sync.domain.outcomes import PlatformError
from services.sync.domain.server import ServerTerms
from services.sync.domain.target import TargetState, resumed, stopped, woken
from services.sync.lifecycle import PARKABLE, park_connection, save_step
from services.sync.looks import Looker
from services.sync.places import Platforms
from services.sync.platforms.base import Adapter, DifferentAccountError, Session
from services.sync.probes import identified, is_no_answer
from services.sync.servers import Servers
from services.sync.store import Store
from services.sync.tokens import Tokens
from services.sync.use_cases.choices import Choice, Choices

log = structlog.get_logger()

# A host name has at most this many characters (RFC 1035), and so has a handle on the networks that use host names for them.
INSTANCE_MAX_CHARACTERS = 253
# What a platform may take to hear that we give its access back, while a person waits.
REVOKE_SECONDS = 5.0
KEPT_FIELD = "connect_attempt"
# Beside what the adapter keeps of a beginning: the connection that is to be connected again, and what the beginning became.
_EXPECTED, _BECAME = "@expected", "@became"

# What a reconnect resolves.
_RESUMED_BY_RECONNECT = ("AUTH_REVOKED", "MISSING_PERMISSION")
_UNFINISHED = (*PARKABLE, TargetState.SENDING, TargetState.NEEDS_YOU, TargetState.DIFFERS)


@dataclass(frozen=True)
class ShownConnection:
    """A connection with its places, avatar first, and what its server takes, as far as that is known.

    `waiting` counts the targets that wait until it is connected again; `next_check_at` is when its places are looked at next.
    """

    connection: Connection
    places: Sequence[Place] = ()
    terms: ServerTerms | None = None
    waiting: int = 0
    next_check_at: datetime | None = None

    @property
    def id(self) -> str:
        return self.connection.id


@dataclass(frozen=True)
class Begun:
    authorize_url: str
    attempt: ConnectAttempt


@dataclass(frozen=True)
class Finished:
    """What a consent led to: a connection, or a choice that its owner has to make first."""

    shown: ShownConnection | None = None
    reconnected: bool = False
    choice_id: str = ""


@dataclass(frozen=True)
class Connections:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    platforms: Platforms
    tokens: Tokens
    looker: Looker
    vault: Vault
    clock: Clock
    secret: Callable[[], str]
    callback_url: Callable[[str], str]

    @property
    def choices(self) -> Choices:
        return Choices(self.stores, self.vault, self.clock)

    async def begin(self, platform: str, instance: str, *, owner_id: str, connection_id: str = "") -> Begun:
        """Begins to connect an account; with `connection_id` that one again, where it is, whatever else is said.

        Raises `PreconditionError` for a platform that is not served here, `InvalidInputError` for a server that cannot be used, and
        `NotFoundError`.
        """
        expected: Mapping[str, str] = {}
        if connection_id:
            async with self.stores() as store:
                known = await existing_connection(store, connection_id, owner_id)
            platform, expected = known.platform, {_EXPECTED: known.id}
            takes_instance = self.platforms.catalogue.platforms[platform].takes_instance
            instance = (known.account.instance or known.account.handle) if takes_instance else ""
        adapter = self._adapter(platform)
        if len(instance) > INSTANCE_MAX_CHARACTERS:
            raise InvalidInputError.of_field(
                "instance", "This is longer than the name of any server.", reason="INSTANCE_REFUSED"
            )
        try:
            start = await adapter.begin_auth(
                callback_url=self.callback_url(platform), state=self.secret(), instance=instance.strip()
            )
        except PlatformError as error:
            raise self._unavailable(platform, error) from error
        attempt_id = new_id()
        attempt = ConnectAttempt(
            id=attempt_id,
            owner_id=owner_id,
            platform=platform,
            state_hash=_hash(start.state),
            sealed=self._seal(attempt_id, owner_id, {**start.kept, **expected}),
            expires_at=self.clock() + ATTEMPT_LIFE,
        )
        async with self.stores() as store:
            await store.add_attempt(attempt)
            await store.commit()
        return Begun(start.authorize_url, attempt)

    async def finish(self, platform: str, parameters: Mapping[str, str], *, owner_id: str) -> Finished:
        """Ends what `begin` began, unless the consent has opened several accounts, or another one than was to be connected again: then
        their owner has to choose first.

        What is on the platform now is looked at right after it by the sweeper, so that the browser is answered at once and a crash
        forgets nothing. Raises `PreconditionError` with the reason why the link leads nowhere, and `UnavailableError`.
        """
        adapter = self._adapter(platform)
        attempt = await self._use_attempt(adapter, platform, parameters, owner_id)
        if adapter.is_denied(parameters):
            name = self.platforms.name(platform)
            raise PreconditionError(
                f"{name} says that you did not allow it. Nothing was connected; you can start again at any time.",
                reason="CONSENT_DENIED",
            )
        try:
            kept = self.vault.open(attempt.sealed, user=owner_id, thing=attempt.id, field=KEPT_FIELD)
        except VaultError as error:
            log.error("connect_attempt_not_opened", error=str(error))
            raise link_expired() from error
        async with self.stores() as store:
            expected = await store.connection(kept.pop(_EXPECTED), owner_id=owner_id) if _EXPECTED in kept else None
        try:
            with self._consenting(platform):
                opened = await adapter.open_accounts(parameters, kept=kept, callback_url=self.callback_url(platform))
        except DifferentAccountError as error:
            if expected is None:
                raise PreconditionError(
                    "You signed in with another account than the one that you named. Start again, and sign in with that one.",
                    reason="DIFFERENT_ACCOUNT",
                ) from error
            opened = [error.opened]
        if not opened:
            raise PreconditionError(
                f"{self.platforms.name(platform)} has opened no account there that you look after. Nothing was connected; start again, "
                "and choose one when it asks.",
                reason="NO_ACCOUNTS",
            )
        is_other = expected is not None and not expected.account.is_same(opened[0].account)
        if len(opened) > 1 or is_other:
            expected_id = "" if expected is None else expected.id
            choice_id = await self.choices.offer(platform, opened, adapter, owner_id=owner_id, expected_id=expected_id)
            return Finished(choice_id=choice_id)
        async with self.stores() as store:
            known = await store.connection_by_identity(owner_id, platform, opened[0].account)
        if known is not None:
            await self._prove(platform, adapter, opened[0])
        try:
            return await self._finish(attempt, opened[0])
        except sa.exc.IntegrityError:
            # The same account was connected twice at once; the other one was first, so now it is a reconnect.
            return await self._finish(attempt, opened[0])

    @contextmanager
    def _consenting(self, platform: str) -> Iterator[None]:
        """Says for people what goes wrong with a platform while they connect an account."""
        try:
            yield
        except PlatformError as error:
            if isinstance(error.problem, o.Transient | o.RateLimited | o.OutcomeUnknown):
                raise self._unavailable(platform, error) from error
            log.warning("connect_refused", platform=platform, problem=str(error))
            raise self._refused(platform, error.problem) from error

    async def _prove(self, platform: str, adapter: Adapter, opened: OpenedAccount) -> None:
        """Asks the platform with new access to a known account, before it is called healthy and what waits goes on with it."""
        with self._consenting(platform):
            try:
                account = await adapter.whoami(Session(opened.account, opened.grant.credentials))
            except PlatformError as error:
                if not isinstance(error.problem, o.AuthRevoked | o.AuthExpired):
                    raise
                account = None
        if account is None or not account.is_same(opened.account):
            raise PreconditionError(
                f"{self.platforms.name(platform)} does not let us in with the access that it has just given. Nothing was changed; start again.",
                reason="ACCESS_REFUSED",
            )

    def _refused(self, platform: str, problem: o.Problem) -> PreconditionError:
        """Returns why a consent leads nowhere, for people."""
        name = self.platforms.name(platform)
        match problem:
            case o.MissingScope():
                return PreconditionError(
                    f"You have not allowed all that {name} asks for, so that pictures could not be changed. Nothing was connected; "
                    "start again, and leave everything ticked.",
                    reason="CONSENT_INCOMPLETE",
                )
            case o.AccountCheckpoint(link):
                return PreconditionError(reasons.account_locked(name, link).message, reason="ACCOUNT_LOCKED")
            case _:
                return link_expired()

    async def offered(self, choice_id: str, *, owner_id: str) -> tuple[Choice, ShownConnection | None]:
        """Returns a choice that its owner has not made yet, and the connection that was expected and is not among it.

        Raises `NotFoundError` and `PreconditionError`.
        """
        async with self.stores() as store:
            choice = await self.choices.open(store, choice_id, owner_id=owner_id)
            is_known = bool(choice.expected_id) and await store.connection(choice.expected_id, owner_id=owner_id)
        return choice, await self.get(choice.expected_id, owner_id=owner_id) if is_known else None

    async def choose(self, choice_id: str, remote_ids: Collection[str], *, owner_id: str) -> Sequence[ShownConnection]:
        """Connects the accounts that their owner has chosen, all at once; the access to the others is forgotten.

        Raises `NotFoundError`, `PreconditionError`, `UnavailableError`, and `InvalidInputError` for what was not offered.
        """
        async with self.stores() as store:
            choice = await self.choices.open(store, choice_id, owner_id=owner_id)
        known = [offer.opened for offer in choice.chosen(remote_ids) if offer.connection_id]
        if known:
            adapter = self._adapter(choice.platform)
            await asyncio.gather(*(self._prove(choice.platform, adapter, opened) for opened in known))
        try:
            return await self._choose(choice_id, remote_ids, owner_id)
        except sa.exc.IntegrityError:
            # One of them was connected in another way at once.
            return await self._choose(choice_id, remote_ids, owner_id)

    async def _choose(self, choice_id: str, remote_ids: Collection[str], owner_id: str) -> Sequence[ShownConnection]:
        async with self.stores() as store:
            choice = await self.choices.open(store, choice_id, owner_id=owner_id, lock=True)
            chosen = choice.chosen(remote_ids)
            await store.use_attempt(choice_id, self.clock())
            await store.lock_connections([offer.connection_id for offer in chosen if offer.connection_id])
            shown = [(await self._connect(store, choice.platform, offer.opened, owner_id))[0] for offer in chosen]
            await store.commit()
        return shown

    async def _use_attempt(
        self, adapter: Adapter, platform: str, parameters: Mapping[str, str], owner_id: str
    ) -> ConnectAttempt:
        """Takes a beginning: whoever comes second finds it used, whatever becomes of the first."""
        state = adapter.state_of(parameters)
        async with self.stores() as store:
            attempt = await store.attempt_by_state(_hash(state), owner_id=owner_id, platform=platform)
            if not state or attempt is None:
                # Also another person's link: it is theirs, and connects nothing here.
                raise link_expired()
            now = self.clock()
            if attempt.used_at is not None:
                await self._check_not_done(store, attempt)
            attempt.check_usable(now)
            await store.use_attempt(attempt.id, now)
            await store.commit()
        return attempt

    async def _check_not_done(self, store: Store, attempt: ConnectAttempt) -> None:
        """Raises `PreconditionError` where a used beginning has become a connection that is there: nothing is left to do then."""
        try:
            kept = self.vault.open(attempt.sealed, user=attempt.owner_id, thing=attempt.id, field=KEPT_FIELD)
        except VaultError:
            return
        connection = await store.connection(kept[_BECAME], owner_id=attempt.owner_id)
        if connection is not None:
            raise PreconditionError(
                f"{connection.account.handle} is connected already: this link has done its work.",
                reason="CONNECT_ALREADY_DONE",
                metadata={"connection_id": connection.id},
            )

    def _seal(self, attempt_id: str, owner_id: str, kept: Mapping[str, str]) -> bytes:
        return self.vault.seal(kept, user=owner_id, thing=attempt_id, field=KEPT_FIELD)

    async def _finish(self, attempt: ConnectAttempt, opened: OpenedAccount) -> Finished:
        async with self.stores() as store:
            shown, reconnected = await self._connect(store, attempt.platform, opened, attempt.owner_id)
            became = self._seal(attempt.id, attempt.owner_id, {_BECAME: shown.id})
            await store.note_attempt_ended(attempt.id, became)
            await store.commit()
        return Finished(shown, reconnected=reconnected)

    async def _connect(
        self, store: Store, platform: str, opened: OpenedAccount, owner_id: str
    ) -> tuple[ShownConnection, bool]:
        """Connects an account or renews its access; tells whether it was connected before."""
        now, account, grant = self.clock(), opened.account, opened.grant
        slots = self.platforms.connectable_slots(self.platforms.catalogue.platforms[platform])
        known = await store.connection_by_identity(owner_id, platform, account, lock=True)
        if known is None:
            connection_id = new_id()
            connection = Connection(
                id=connection_id,
                owner_id=owner_id,
                platform=platform,
                account=account,
                sealed=self.tokens.seal(connection_id, owner_id, grant),
                created_at=now,
                checked_at=now,
                expires_at=grant.expires_at,
                refresh_at=refresh_time(grant, now),
            )
            await store.add_connection(connection, slots, look_at=now)
        else:
            connection = replace(
                known,
                account=account,
                state=ConnectionState.HEALTHY,
                reason=None,
                checked_at=now,
                expires_at=grant.expires_at,
                refresh_at=refresh_time(grant, now),
                unreachable_since=None,
                leaving_since=None,
            )
            await store.set_grant(known, self.tokens.seal(known.id, owner_id, grant), grant, now)
            await store.change_account(known.id, account, now)
            await self._make_healthy(store, known)
            # Whoever connects it again wants to keep it.
            await store.set_leaving(known.id, None)
            await store.ensure_places(known.id, slots, look_at=now)
        await store.plan_probe(connection.id, now + FIRST_PROBE_AFTER)
        await store.ask_server_again(platform, account.instance, now)
        store.record(_added(connection, reconnected=known is not None), owner_id=owner_id)
        places = (await store.places_of([connection.id]))[connection.id]
        return ShownConnection(connection, places), known is not None

    async def _make_healthy(self, store: Store, connection: Connection) -> None:
        """Notes that the access works; what was parked goes on by itself."""
        now = self.clock()
        await store.set_health(connection.id, ConnectionState.HEALTHY, None, now=now)
        for target in await store.targets_of_connection(connection.id, (*PARKABLE, TargetState.NEEDS_YOU)):
            waited = target.reason is not None and target.reason.code in _RESUMED_BY_RECONNECT
            if waited:
                await save_step(store, target, resumed(target, now=now), rings=True)
            elif not target.state.rests and not connection.works:
                # Whoever is about to park it has read the connection as it was: this makes their copy an old one.
                await save_step(store, target, woken(target, now=now), rings=True)

    async def page(self, page: PageRequest, *, owner_id: str) -> Page[ShownConnection]:
        """Returns a page of the owner's connections, newest first."""
        async with self.stores() as store:
            found = await store.connections_of(owner_id, page)
            shown = await self._shown(store, found)
        return page_of(page, shown)

    async def _shown(self, store: Store, found: Sequence[Connection]) -> list[ShownConnection]:
        ids = [connection.id for connection in found]
        places, terms = await store.places_of(ids), await store.terms_of(ids)
        parked = [connection.id for connection in found if not connection.works]
        waiting = await store.count_waiting(parked, _RESUMED_BY_RECONNECT)
        checks = await store.next_checks(ids)
        return [
            ShownConnection(each, places[each.id], terms.get(each.id), waiting.get(each.id, 0), checks.get(each.id))
            for each in found
        ]

    async def get(self, connection_id: str, *, owner_id: str) -> ShownConnection:
        """Returns one of the owner's connections. Raises `NotFoundError`."""
        async with self.stores() as store:
            connection = await existing_connection(store, connection_id, owner_id)
            [shown] = await self._shown(store, [connection])
        return shown

    async def check(self, connection_id: str, *, owner_id: str) -> ShownConnection:
        """Asks the platform whose access this is and what it shows. A failed look disconnects nobody.

        Raises `NotFoundError`, and `UnavailableError` or `TooManyRequestsError` when the platform cannot be asked now.
        """
        async with self.stores() as store:
            connection = await existing_connection(store, connection_id, owner_id)
        adapter = self._adapter(connection.platform)
        try:
            async with Breaker(self.stores, self.clock).calling(connection):
                session, account = await identified(connection, adapter, self.tokens)
                async with self.stores() as store:
                    await store.change_account(connection.id, account, self.clock())
                    current = await store.connection(connection.id, lock=True)
                    if current is not None and not current.works:
                        await self._make_healthy(store, current)
                        await store.plan_probe(current.id, self.clock() + FIRST_PROBE_AFTER)
                    await store.commit()
                await Servers(self.stores, self.clock).terms(connection.platform, adapter, session, anew=True)
                slots = self.platforms.connectable_slots(self.platforms.catalogue.platforms[connection.platform])
                for slot in slots:
                    await self.looker.look(connection, adapter, session, slot)
            async with self.stores() as store:
                # What is verified there is compared with what was brought, as by the schedule.
                await store.plan_checks(connection.id, slots, self.clock())
                await store.commit()
        except PlatformError as error:
            async with self.stores() as store:
                if not isinstance(error.problem, o.AuthRevoked):
                    if is_no_answer(error.problem):
                        await store.note_unreachable(connection.id, self.clock())
                        await store.commit()
                    raise self._unavailable(connection.platform, error) from error
                rules = self.platforms.rules(connection.platform, "avatar")
                await park_connection(store, connection, rules=rules, now=self.clock())
                await store.commit()
        return await self.get(connection_id, owner_id=owner_id)

    async def remove(self, connection_id: str, *, owner_id: str) -> None:
        """Disconnects an account: its access is forgotten at once, and given back as well as that works. Raises `NotFoundError`."""
        now = self.clock()
        async with self.stores() as store:
            connection = await existing_connection(store, connection_id, owner_id, lock=True)
            name = self.platforms.name(connection.platform)
            for target in await store.targets_of_connection(connection.id, _UNFINISHED):
                reason = reasons.connection_removed(name)
                await save_step(store, target, stopped(target, TargetState.CANCELLED, reason, now=now))
            await store.remove_connection(connection.id)
            await store.end_choices(owner_id, connection.platform, now)
            removed = events.ConnectionRemoved(
                connection_id=connection.id,
                owner_id=owner_id,
                platform=connection.platform,
                remote_handle=connection.account.handle,
                event_time=timestamp(now),
            )
            store.record(removed, owner_id=owner_id)
            await store.commit()
        await self._give_back(connection)

    async def _give_back(self, connection: Connection) -> None:
        adapter = self.platforms.adapters.get(connection.platform)
        if adapter is None or not connection.works:
            return
        try:
            async with asyncio.timeout(REVOKE_SECONDS):
                await adapter.revoke(self.tokens.open(connection))
        except (PlatformError, ServiceError, TimeoutError) as error:
            log.warning("access_not_given_back", platform=connection.platform, error=str(error) or "too slow")

    def _adapter(self, platform: str) -> Adapter:
        if platform not in self.platforms.catalogue.platforms:
            raise NotFoundError("There is no such platform.", reason="PLATFORM_NOT_FOUND")
        adapter = self.platforms.adapters.get(platform)
        if adapter is None:
            raise PreconditionError(self.platforms.why_not(platform), reason="PLATFORM_NOT_CONFIGURED")
        return adapter

    def _unavailable(self, platform: str, error: PlatformError) -> ServiceError:
        log.warning("platform_not_available", platform=platform, problem=str(error))
        name = self.platforms.name(platform)
        if isinstance(error.problem, o.RateLimited):
            wait = max(1.0, (error.problem.until - self.clock()).total_seconds())
            return TooManyRequestsError(
                f"{name} asks us to slow down. Try again later.", reason="RATE_LIMITED", retry_after_seconds=wait
            )
        if isinstance(error.problem, o.Outage):
            return UnavailableError(
                f"{name} has not answered lately, so we leave it alone for a moment. Try again in some minutes.",
                reason="PLATFORM_UNAVAILABLE",
                retry_after_seconds=max(1.0, (error.problem.until - self.clock()).total_seconds()),
            )
        return UnavailableError(
            f"{name} does not answer as it should. Try again in a minute.",
            reason="PLATFORM_UNAVAILABLE",
            retry_after_seconds=30,
        )


async def existing_connection(store: Store, connection_id: str, owner_id: str, *, lock: bool = False) -> Connection:
    """Returns one of the owner's connections. Raises `NotFoundError`, also for somebody else's."""
    connection = await store.connection(connection_id, owner_id=owner_id, lock=lock) if is_id(connection_id) else None
    if connection is None:
        raise no_connection()
    return connection


def no_connection() -> NotFoundError:
    return NotFoundError("There is no such connection.", reason="CONNECTION_NOT_FOUND")


def _added(connection: Connection, *, reconnected: bool) -> events.ConnectionAdded:
    return events.ConnectionAdded(
        connection_id=connection.id,
        owner_id=connection.owner_id,
        platform=connection.platform,
        instance=connection.account.instance,
        remote_handle=connection.account.handle,
        reconnected=reconnected,
        event_time=timestamp(connection.checked_at),
    )


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
