"""Who calls: each service checks the caller's token itself and keeps the answer for the time of the call."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from servicekit.errors import UnauthenticatedError

AUDIENCE = "linkarooie"
ALGORITHM = "ES256"
# Clocks of two machines may differ by this much before a token is refused.
LEEWAY_SECONDS = 30
# The next key is published this long before it signs, so a cache may be this old.
KEYS_MAX_AGE_SECONDS = 300
# An unknown key id makes us ask again, but strangers can invent key ids: not more often than this.
KEYS_MIN_AGE_SECONDS = 10


@dataclass(frozen=True)
class Caller:
    """The account behind a call. `token` is passed on where a service calls another for the same person."""

    user_id: str
    session_id: str
    token: str = field(repr=False)


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current_caller() -> Caller:
    """Returns who calls. Raises `UnauthenticatedError` outside of a call that carried a valid token."""
    caller = _caller.get()
    if caller is None:
        raise UnauthenticatedError("Sign in first.")
    return caller


def caller_token() -> str | None:
    """Returns the token to pass on, if there is one."""
    caller = _caller.get()
    return None if caller is None else caller.token


@contextmanager
def acting_for(caller: Caller) -> Iterator[None]:
    """Makes `caller` the current one within the block."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


class TokenVerifier:
    """Checks access tokens against the signing keys that the auth service publishes, which it keeps for five minutes."""

    def __init__(
        self,
        fetch_jwks: Callable[[], Awaitable[str]],
        *,
        issuer: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch_jwks = fetch_jwks
        self._monotonic = monotonic
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._fetching = asyncio.Lock()

    async def verify(self, token: str) -> Caller:
        """Returns the caller of a token. Raises `UnauthenticatedError` unless signature, issuer, audience and time are right."""
        keys = await self._fresh_keys(KEYS_MAX_AGE_SECONDS)
        if self._names_unknown_key(token, keys):
            keys = await self._fresh_keys(KEYS_MIN_AGE_SECONDS)
        try:
            decoded = jwt.decode(token, keys, algorithms=[ALGORITHM])
            self._claims.validate(decoded.claims)
            return Caller(
                user_id=str(decoded.claims["sub"]), session_id=str(decoded.claims.get("sid", "")), token=token
            )
        except (JoseError, ValueError) as error:
            raise UnauthenticatedError(
                "The sign-in has ended or its token is not valid. Sign in again.", reason="TOKEN_INVALID"
            ) from error

    async def _fresh_keys(self, max_age_seconds: float) -> KeySet:
        async with self._fetching:
            if self._keys is None or self._monotonic() - self._fetched_at > max_age_seconds:
                self._keys = KeySet.import_key_set(json.loads(await self._fetch_jwks()))
                self._fetched_at = self._monotonic()
            return self._keys

    @staticmethod
    def _names_unknown_key(token: str, keys: KeySet) -> bool:
        try:
            key_id = extract_compact(token.encode()).headers().get("kid")
        except (JoseError, ValueError):
            return False
        return key_id not in {key.kid for key in keys.keys}
