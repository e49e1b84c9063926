"""Signing in with a password."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from servicekit.database import OpenStore
from servicekit.errors import TooManyRequestsError, UnauthenticatedError
from servicekit.identity import current_client
from servicekit.ids import Clock
from services.auth.domain.account import User, known_form, normal_password
from services.auth.domain.activity import Action
from services.auth.domain.devices import key_of_token
from services.auth.domain.throttle import (
    ACCOUNT_FREE_FAILURES,
    Attempt,
    known_device_attempt,
    pace,
    sign_in_attempt,
)
from services.auth.metrics import SIGN_INS_REFUSED
from services.auth.passwords import Passwords
from services.auth.store import Store
from services.auth.use_cases.sessions import OpenedSession, Sessions
from services.auth.use_cases.trail import note_if_known

log = structlog.get_logger()


@dataclass(frozen=True)
class SignIn:
    """Dependencies of the use case."""

    stores: OpenStore[Store]
    passwords: Passwords
    sessions: Sessions
    clock: Clock
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def log_in(self, *, email: str, password: str, device_token: str) -> OpenedSession:
        """Checks a password and opens a session.

        Raises `UnauthenticatedError`, the same and after the same work for an unknown address and for a wrong password, and
        `TooManyRequestsError` after too many failures from one place.
        """
        key, password = known_form(email), normal_password(password)
        async with self.stores() as store:
            user = await store.user_by_email(key)
            attempt = await self._attempt(store, key, device_token)
            decided = pace(attempt, await store.failures(attempt.keys), now=self.clock())
        if decided.wait:
            SIGN_INS_REFUSED.labels("password", "SLOW_DOWN").inc()
            raise slow_down(decided.wait)
        if decided.delay_seconds:
            await self.sleep(decided.delay_seconds)
        right = await self.passwords.verify(user.password_hash if user else None, password)
        if user is None or not right:
            SIGN_INS_REFUSED.labels("password", "WRONG_CREDENTIALS").inc()
            await self._note_failure(user, attempt)
            raise _wrong_credentials()
        return await self._open(user, password, attempt, device_token)

    async def _attempt(self, store: Store, key: str, device_token: str) -> Attempt:
        device_key = key_of_token(device_token)
        if await store.is_known_device(key, device_key):
            return known_device_attempt(key, device_key=device_key)
        return sign_in_attempt(key, address=current_client().address)

    async def _note_failure(self, user: User | None, attempt: Attempt) -> None:
        async with self.stores() as store:
            counted = await store.count_failure(attempt.keys, at=self.clock())
            # A trail is nothing for strangers to fill: beyond so many an hour a line tells nothing new.
            worth_a_line = counted[attempt.widest].failures <= ACCOUNT_FREE_FAILURES
            await note_if_known(store, user if worth_a_line else None, Action.SIGN_IN_FAILED)
            await store.commit()
        log.info("log_in_refused", user_id=user.id if user else None)

    async def _open(self, user: User, password: str, attempt: Attempt, device_token: str) -> OpenedSession:
        rehashed: str | None = None
        if user.password_hash and self.passwords.is_outdated(user.password_hash):
            rehashed = await self.passwords.hash(password)
        async with self.stores() as store:
            locked = await store.lock_user(user.id)
            if locked is None or locked.password_hash != user.password_hash:
                raise _wrong_credentials()  # it was changed while this one was being checked
            if rehashed is not None:
                locked = replace(locked, password_hash=rehashed)
                await store.change_user(locked)
            await store.clear_failures(attempt.own)
            opened = await self.sessions.open(store, locked, method="password", device_token=device_token)
            await store.commit()
        return opened


def slow_down(wait: timedelta) -> TooManyRequestsError:
    """Returns the error for too many failures from one place."""
    seconds = math.ceil(wait.total_seconds())
    return TooManyRequestsError(
        f"Too many attempts with a wrong password. Wait {_for_people(seconds)}, then try again, or ask for a new password.",
        reason="SLOW_DOWN",
        metadata={"wait_seconds": str(seconds)},
        retry_after_seconds=seconds,
    )


def _for_people(seconds: int) -> str:
    if seconds < 90:
        return "a second" if seconds == 1 else f"{seconds} seconds"
    return f"{math.ceil(seconds / 60)} minutes"


def _wrong_credentials() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The e-mail address or the password is wrong. Check both and try again. If you have just registered, open the link in"
        " the letter that we sent you first.",
        reason="WRONG_CREDENTIALS",
    )
