"""Registering, signing in and out."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from email_validator import EmailNotValidError

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import AlreadyExistsError, FieldViolation, UnauthenticatedError
from servicekit.identity import current_client
from servicekit.ids import Clock, new_id
from servicekit.protobuf import timestamp
from services.auth.domain.account import User, check_registration, email_key, normal_password
from services.auth.domain.devices import device_name
from services.auth.domain.session import Lifetimes, RefreshToken, Session, Verdict, judge
from services.auth.keys import AccessToken, AccessTokens
from services.auth.passwords import Passwords
from services.auth.refresh_tokens import hash_of, new_refresh_token, open_successor, seal_successor
from services.auth.store import Store

log = structlog.get_logger()


@dataclass(frozen=True)
class SessionTokens:
    """What the owner of a session is handed."""

    access: AccessToken
    refresh_token: str = field(repr=False)
    refresh_expires_at: datetime


@dataclass(frozen=True)
class Accounts:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    passwords: Passwords
    common_passwords: Collection[str]
    access_tokens: AccessTokens
    lifetimes: Lifetimes
    clock: Clock

    async def register(self, *, email: str, password: str, display_name: str) -> User:
        """Makes an account and says so in `account.registered`.

        Raises `InvalidInputError` that names each field refused, and `AlreadyExistsError` when the address has an account.
        """
        asked = check_registration(
            email=email, password=password, display_name=display_name, common_passwords=self.common_passwords
        )
        user = User(
            id=new_id(),
            email=asked.email,
            email_key=asked.email_key,
            display_name=asked.display_name,
            password_hash=await self.passwords.hash(asked.password),
            created_at=self.clock(),
        )
        async with self.stores() as store:
            if not await store.add_user(user):
                taken = "There is an account with this e-mail address already. Log in, or use another address."
                raise AlreadyExistsError(taken, reason="EMAIL_TAKEN", violations=(FieldViolation("email", taken),))
            registered = events.AccountRegistered(
                user_id=user.id,
                email=user.email,
                display_name=user.display_name,
                event_time=timestamp(user.created_at),
            )
            store.record(registered, owner_id=user.id)
            await store.commit()
        return user

    async def log_in(self, *, email: str, password: str) -> tuple[User, SessionTokens]:
        """Checks a password, opens a session, and says so in `account.signed_in`.

        Raises `UnauthenticatedError`, the same and after the same work for an unknown address and for a wrong password.
        """
        password = normal_password(password)
        user = await self._user_by_email(email)
        right = await self.passwords.verify(user.password_hash if user else None, password)
        if user is None or not right:
            log.info("log_in_refused", user_id=user.id if user else None)
            raise UnauthenticatedError(
                "The e-mail address or the password is wrong. Check both and try again.", reason="WRONG_CREDENTIALS"
            )
        new_hash: str | None = None
        if user.password_hash and self.passwords.is_outdated(user.password_hash):
            new_hash = await self.passwords.hash(password)
        now = self.clock()
        session = Session(
            id=new_id(),
            user_id=user.id,
            device=device_name(current_client().agent),
            address=current_client().address,
            created_at=now,
            last_used_at=now,
            ends_at=now + self.lifetimes.session,
        )
        async with self.stores() as store:
            if new_hash is not None:
                await store.replace_password_hash(user, new_hash)
            await store.add_session(session)
            refresh_token, stored = await self._new_refresh_token(store, session, now)
            signed_in = events.AccountSignedIn(user_id=user.id, session_id=session.id, event_time=timestamp(now))
            store.record(signed_in, owner_id=user.id)
            await store.commit()
        return user, self._tokens(user, session, refresh_token, stored.expires_at, now)

    async def _user_by_email(self, email: str) -> User | None:
        try:
            key = email_key(email)
        except EmailNotValidError:
            return None
        async with self.stores() as store:
            return await store.user_by_email(key)

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
            match judge(token, session, now=now, grace=self.lifetimes.reuse_grace):
                case Verdict.ROTATE:
                    successor, stored = await self._new_refresh_token(store, session, now)
                    sealed = seal_successor(successor, spent=presented, session_id=session.id)
                    await store.spend_refresh_token(token.hash, at=now, sealed_successor=sealed)
                    user = await store.user(session.user_id)
                    await store.commit()
                    return self._tokens(user, session, successor, stored.expires_at, now)
                case Verdict.REPEAT_SUCCESSOR:
                    successor = open_successor(token.sealed_successor or b"", spent=presented, session_id=session.id)
                    known = await store.refresh_token(hash_of(successor))
                    if known is None:  # removed, since it is past its end
                        raise _session_ended()
                    user = await store.user(session.user_id)
                    return self._tokens(user, session, successor, known.expires_at, now)
                case Verdict.REUSED:
                    await store.end_session(session.id, reason="refresh_token_reused")
                    await store.commit()
                    log.warning("refresh_token_reused", user_id=session.user_id, session_id=session.id)
                    raise _session_ended()
                case Verdict.ENDED:
                    raise _session_ended()

    async def log_out(self, presented: str) -> None:
        """Ends the session of a refresh token, spent or not; for an unknown one there is nothing to end."""
        async with self.stores() as store:
            session = await store.lock_session_of(hash_of(presented))
            if session is not None:
                await store.end_session(session.id, reason="logged_out")
                await store.commit()

    async def user(self, user_id: str) -> User:
        """Returns an account. Raises `UnauthenticatedError` when it is gone, though a token for it is still valid."""
        async with self.stores() as store:
            user = await store.user(user_id)
        if user is None:
            raise UnauthenticatedError("This account does not exist any more.", reason="ACCOUNT_GONE")
        return user

    async def forget_what_is_over(self) -> None:
        """Removes what no session needs any more; called now and then."""
        async with self.stores() as store:
            await store.forget_what_is_over(now=self.clock(), grace=self.lifetimes.reuse_grace)
            await store.commit()

    async def _new_refresh_token(self, store: Store, session: Session, now: datetime) -> tuple[str, RefreshToken]:
        token = new_refresh_token()
        stored = RefreshToken(hash_of(token), session.id, now, self.lifetimes.refresh_expiry(session, now))
        await store.add_refresh_token(stored)
        return token, stored

    def _tokens(
        self, user: User | None, session: Session, refresh_token: str, expires_at: datetime, now: datetime
    ) -> SessionTokens:
        if user is None:
            raise _session_ended()
        access = self.access_tokens.issue(user=user, session_id=session.id, signed_in_at=session.created_at, now=now)
        return SessionTokens(access, refresh_token, expires_at)


def _session_ended() -> UnauthenticatedError:
    return UnauthenticatedError("This session has ended. Sign in again.", reason="SESSION_ENDED")
