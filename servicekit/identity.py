"""Who calls: each service checks the caller's token itself and keeps the answer for the time of the call."""

import asyncio
import json
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

import structlog
from joserfc import jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from servicekit.errors import UnauthenticatedError, UnavailableError

log = structlog.get_logger()

AUDIENCE = "linkarooie"
ALGORITHM = "ES256"
NEVER = datetime.fromtimestamp(0, UTC)
# Clocks of two machines may differ by this much before a token is refused.
LEEWAY_SECONDS = 30
# So long a key that leaked may be taken after it was retired, where nobody has shown a token of the next one before.
KEYS_MAX_AGE_SECONDS = 60
# An unknown key id makes us ask again, but strangers can invent key ids: not more often than this.
KEYS_MIN_AGE_SECONDS = 10
# What we know of ended sessions is at most this old: so long may a token outlive its session.
ENDED_MAX_AGE_SECONDS = 2
# Longer than any access token lives (an hour at most, by the auth service's settings) and its leeway.
ENDED_KEPT_SECONDS = 3700


class Role(StrEnum):
    """What somebody may do beyond their own account."""

    USER = "user"
    SUPPORT = "support"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    """The account behind a call. `token` is passed on where a service calls another for the same person.

    `session_id` is the session's, or the API key's; `scopes` is None for a person, who may do everything that is theirs.
    `signed_in_at` is when the session was opened.
    """

    user_id: str
    session_id: str
    token: str = field(repr=False)
    role: Role = Role.USER
    scopes: frozenset[str] | None = None
    signed_in_at: datetime = NEVER


@dataclass(frozen=True)
class Client:
    """From where somebody calls, as the gateway saw it. Either may be empty."""

    address: str = ""
    agent: str = ""


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)
_client: ContextVar[Client] = ContextVar("client", default=Client())  # noqa: B039  # it is frozen


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


def caller_if_any() -> Caller | None:
    """Returns who calls, or None for somebody who is not signed in."""
    return _caller.get()


def current_client() -> Client:
    """Returns from where the present call comes."""
    return _client.get()


@contextmanager
def calling_from(client: Client) -> Iterator[None]:
    """Makes `client` the current one within the block."""
    token = _client.set(client)
    try:
        yield
    finally:
        _client.reset(token)


class Issuer(Protocol):
    """What the auth service tells those who check its tokens."""

    async def jwks(self) -> str:
        """Returns the public keys as a JSON Web Key Set. Raises `UnavailableError` when nobody can tell."""

    async def ended(self, since: datetime | None) -> tuple[Collection[str], datetime]:
        """Returns the sessions that ended since then (None: all that still matter), and the moment of the answer.

        Raises `UnavailableError` when nobody can tell.
        """


class TokenVerifier:
    """Checks access tokens against the keys that the auth service publishes and the sessions that it has ended."""

    def __init__(self, issuer: Issuer, *, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`name` is what the issuer calls itself in its tokens."""
        self._issuer = issuer
        self._monotonic = monotonic
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": name},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._keys: KeySet | None = None
        self._keys_asked_at = 0.0
        self._asking_keys = asyncio.Lock()
        self._ended: dict[str, float] = {}  # until when each is worth remembering
        self._ended_as_of: datetime | None = None
        self._ended_asked_at: float | None = None
        self._asking_ended = asyncio.Lock()

    async def verify(self, token: str) -> Caller:
        """Returns the caller of a token. Raises `UnauthenticatedError` that says why it is not taken."""
        keys = await self._fresh_keys(KEYS_MAX_AGE_SECONDS)
        if self._names_unknown_key(token, keys):
            keys = await self._fresh_keys(KEYS_MIN_AGE_SECONDS)
            if self._names_unknown_key(token, keys):
                raise _refused("TOKEN_KEY_UNKNOWN", "its key is not in use any more")
        caller = self._read(token, keys)
        if await self.is_over(caller):
            raise _refused("TOKEN_REVOKED", "its session or key was ended")
        return caller

    async def is_over(self, caller: Caller) -> bool:
        """Tells whether the session or key behind a caller was ended. Asks at most every two seconds.

        While the auth service is away, what was known last counts; a token ends by itself after minutes.
        """
        async with self._asking_ended:
            now = self._monotonic()
            if self._ended_asked_at is None or now - self._ended_asked_at > ENDED_MAX_AGE_SECONDS:
                self._ended_asked_at = now
                try:
                    ids, self._ended_as_of = await self._issuer.ended(self._ended_as_of)
                except UnavailableError as error:
                    log.warning("ended_sessions_unknown", error=error.message)
                else:
                    self._ended = {known: until for known, until in self._ended.items() if until > now}
                    self._ended |= dict.fromkeys(ids, now + ENDED_KEPT_SECONDS)
        return caller.session_id in self._ended

    def _read(self, token: str, keys: KeySet) -> Caller:
        try:
            claims = jwt.decode(token, keys, algorithms=[ALGORITHM]).claims
            self._claims.validate(claims)
            scope = claims.get("scope")
            return Caller(
                user_id=str(claims["sub"]),
                session_id=str(claims.get("sid", "")),
                token=token,
                role=Role(claims.get("role", Role.USER)),
                scopes=None if scope is None else frozenset(str(scope).split()),
                signed_in_at=datetime.fromtimestamp(int(claims.get("auth_time", 0)), UTC),
            )
        except ExpiredTokenError as error:
            raise _refused("TOKEN_EXPIRED", "it has ended") from error
        except (InvalidClaimError, MissingClaimError) as error:
            raise _refused("TOKEN_CLAIM_WRONG", f"its claim {error.claim!r} is not for us") from error
        except BadSignatureError as error:
            raise _refused("TOKEN_SIGNATURE_WRONG", "its signature is wrong") from error
        except (JoseError, ValueError, TypeError, OverflowError) as error:
            raise _refused("TOKEN_MALFORMED", "it is no access token of ours") from error

    async def _fresh_keys(self, max_age_seconds: float) -> KeySet:
        """Returns the keys. While the auth service is away, those that were known last count."""
        async with self._asking_keys:
            if self._keys is None or self._monotonic() - self._keys_asked_at > max_age_seconds:
                try:
                    self._keys = KeySet.import_key_set(json.loads(await self._issuer.jwks()))
                except UnavailableError as error:
                    if self._keys is None:
                        raise
                    log.warning("signing_keys_unknown", error=error.message)
                self._keys_asked_at = self._monotonic()
            return self._keys

    @staticmethod
    def _names_unknown_key(token: str, keys: KeySet) -> bool:
        try:
            key_id = extract_compact(token.encode()).headers().get("kid")
        except (JoseError, ValueError):
            return False
        # Not a set: whoever wrote the token may have put anything there, also what has no hash.
        return key_id not in [key.kid for key in keys.keys]


def _refused(reason: str, why: str) -> UnauthenticatedError:
    return UnauthenticatedError(f"The access token is not taken: {why}. Sign in again.", reason=reason)
