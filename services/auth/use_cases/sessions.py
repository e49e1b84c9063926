"""Sessions: opened, refreshed, listed and ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import NotFoundError, UnauthenticatedError
from servicekit.identity import Caller, current_client
from servicekit.ids import Clock, is_id, new_id
from servicekit.protobuf import timestamp
from services.auth.domain.account import User
from services.auth.domain.activity import Action, Actor
from services.auth.domain.devices import device_name, key_of_place, key_of_token
from services.auth.domain.session import EndReason, Lifetimes, RefreshToken, Session, Verdict, judge
from services.auth.keys import AccessToken, AccessTokens
from services.auth.refresh_tokens import open_successor, seal_successor
from services.auth.store import Store
from services.auth.tokens import hash_of, new_token
from services.auth.use_cases.trail import note

log = structlog.get_logger()

LISTED_AT_MOST = 100


@dataclass(frozen=True)
class SessionTokens:
    """What the owner of a session is handed."""

    access: AccessToken
    refresh_token: str = field(repr=False)
    refresh_expires_at: datetime


@dataclass(frozen=True)
class OpenedSession:
    """A new session, as its owner gets it. `device_token` is what the device shows at its next sign-in."""

    user: User
    tokens: SessionTokens
    device_token: str = field(repr=False)


@dataclass(frozen=True)
class Sessions:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    access_tokens: AccessTokens
    lifetimes: Lifetimes
    clock: Clock

    async def open(self, store: Store, user: User, *, method: str, device_token: str) -> OpenedSession:
        """Opens a session for somebody who has proved who they are, and says so in `account.signed_in`.

        Part of the caller's transaction, in which the user was locked or made. `method` is `password` or the name of a provider;
        `device_token` is what the device showed, possibly nothing.
        """
        now, client = self.clock(), current_client()
        session = Session(
            id=new_id(),
            user_id=user.id,
            device=device_name(client.agent),
            address=client.address,
            created_at=now,
            last_used_at=now,
            ends_at=now + self.lifetimes.session,
        )
        await store.add_session(session)
        refresh_token, stored = await self._new_refresh_token(store, session, now)
        device_token = await self._recognise(store, user, session, method=method, device_token=device_token)
        signed_in = events.AccountSignedIn(user_id=user.id, session_id=session.id, event_time=timestamp(now))
        store.record(signed_in, owner_id=user.id)
        return OpenedSession(user, self._tokens(user, session, refresh_token, stored.expires_at, now), device_token)

    async def _recognise(self, store: Store, user: User, session: Session, *, method: str, device_token: str) -> str:
        """Notes the sign-in as one from a known device or from a new one. Returns the token for the device to keep.

        Only a token that we handed out for this account is kept: one from elsewhere could be known to others as well.
        """
        by_token, by_place = key_of_token(device_token), key_of_place(session.device, session.address)
        known = await store.known_devices(user.id, [key for key in (by_token, by_place) if key is not None])
        is_new = not known and await store.has_signed_in(user.id)
        if by_token not in known:
            device_token = new_token()
            by_token = key_of_token(device_token)
        seen = [key for key in (by_token, by_place) if key is not None]
        await store.see_devices(user.id, seen, at=session.created_at)
        await note(store, user, Action.SIGNED_IN_NEW_DEVICE if is_new else Action.SIGNED_IN, detail=method)
        return device_token

    async def refresh(self, presented: str) -> SessionTokens:
        """Exchanges a refresh token for the next pair; within the grace the same successor comes again.

        Raises `UnauthenticatedError` when the session is over. A token used again after the grace was copied by somebody:
        that ends the session, for whoever holds its live token.
        """
        now = self.clock()
        async with self.stores() as store:
            session = await store.lock_session_of(hash_of(presented))
            token = await store.refresh_token(hash_of(presented))
            if session is None or token is None:
                raise _session_ended()
            user = await store.user(session.user_id)
            if user is None:  # removed a moment ago
                raise _session_ended()
            match judge(token, session, now=now, grace=self.lifetimes.reuse_grace):
                case Verdict.ROTATE:
                    successor, stored = await self._new_refresh_token(store, session, now)
                    sealed = seal_successor(successor, spent=presented, session_id=session.id)
                    await store.spend_refresh_token(token.hash, at=now, sealed_successor=sealed)
                    address = current_client().address or session.address
                    await store.touch_session(replace(session, last_used_at=now, address=address))
                    await store.commit()
                    return self._tokens(user, session, successor, stored.expires_at, now)
                case Verdict.REPEAT_SUCCESSOR:
                    successor = open_successor(token.sealed_successor or b"", spent=presented, session_id=session.id)
                    known = await store.refresh_token(hash_of(successor))
                    if known is None:  # removed, since it is past its end
                        raise _session_ended()
                    return self._tokens(user, session, successor, known.expires_at, now)
                case Verdict.REUSED:
                    await store.end_session(user.id, session.id, reason=EndReason.REFRESH_TOKEN_REUSED)
                    await note(store, user, Action.TOKEN_REUSED, actor=Actor.UNKNOWN, detail=session.device)
                    await store.commit()
                    log.warning("refresh_token_reused", user_id=session.user_id, session_id=session.id)
                    raise _session_ended()
                case Verdict.ENDED:
                    raise _session_ended()

    async def log_out(self, presented: str) -> None:
        """Ends the session of a refresh token, spent or not; for an unknown one there is nothing to end."""
        async with self.stores() as store:
            session = await store.lock_session_of(hash_of(presented))
            if session is None:
                return
            user = await store.user(session.user_id)
            ended = await store.end_session(session.user_id, session.id, reason=EndReason.LOGGED_OUT)
            if user is not None and ended is not None:
                await note(store, user, Action.SIGNED_OUT)
            await store.commit()

    async def of(self, user_id: str) -> Sequence[Session]:
        """Returns the open sessions of somebody, the one used last first."""
        async with self.stores() as store:
            return await store.open_sessions(user_id, now=self.clock(), limit=LISTED_AT_MOST)

    async def end(self, user_id: str, session_id: str) -> None:
        """Ends one session of somebody's. Raises `NotFoundError` when it is not open, or another's."""
        async with self.stores() as store:
            user = await store.lock_user(user_id)
            reason = EndReason.ENDED_ELSEWHERE
            ended = await store.end_session(user_id, session_id, reason=reason) if is_id(session_id) else None
            if user is None or ended is None:
                raise NotFoundError("There is no such session, or it has ended already.")
            await note(store, user, Action.SESSION_ENDED, detail=ended.device)
            await store.commit()

    async def end_others(self, caller: Caller) -> int:
        """Ends every session of the caller's but the one that asks. Returns how many."""
        async with self.stores() as store:
            user = await store.lock_user(caller.user_id)
            if user is None:
                return 0
            ended = await store.end_sessions(user.id, reason=EndReason.ENDED_ELSEWHERE, but=caller.session_id)
            if ended:
                await note(store, user, Action.OTHER_SESSIONS_ENDED)
            await store.commit()
        return ended

    async def _new_refresh_token(self, store: Store, session: Session, now: datetime) -> tuple[str, RefreshToken]:
        token = new_token()
        stored = RefreshToken(hash_of(token), session.id, now, self.lifetimes.refresh_expiry(session, now))
        await store.add_refresh_token(stored)
        return token, stored

    def _tokens(
        self, user: User, session: Session, refresh_token: str, expires_at: datetime, now: datetime
    ) -> SessionTokens:
        access = self.access_tokens.issue(user=user, session_id=session.id, signed_in_at=session.created_at, now=now)
        return SessionTokens(access, refresh_token, expires_at)


def _session_ended() -> UnauthenticatedError:
    return UnauthenticatedError("This session has ended. Sign in again.", reason="SESSION_ENDED")
