"""What an adapter is, and how adapters are found: every module beside this one that has `build` is a platform's adapter.

Adding a platform is adding its catalogue file and one module here. What an adapter does:

- `begin_auth`, `finish_auth`, `refresh`, `revoke` get, keep and give back access to an account;
- `whoami`, `observe` and `check` look, and never change anything;
- `submit` changes a picture, and `remove` alone may take one away.

Whatever does not go as it should is a `PlatformError`; its problem says what follows.
"""

import base64
import hashlib
import json
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Literal, Protocol

from catalog import Platform
from servicekit.ids import Clock, utc_now
from servicekit.outbound import Answer, NoAnswerError, Outbound, OutboundError, RefusedHostError, UnreachableError
from servicekit.topology import SYNC_TURNS
from services.sync import platforms
from services.sync.domain.connection import Credentials, Grant, OpenedAccount, RemoteAccount
from services.sync.domain.outcomes import (
    Accepted,
    AuthRevoked,
    OutcomeUnknown,
    PlatformError,
    Problem,
    Success,
    Transient,
    Unsupported,
    cut,
)
from services.sync.domain.server import ServerTerms
from services.sync.platforms.limits import ScopeOf, account_scope, note_limits, spent_in

Kind = Literal["avatar", "banner"]

# More than there are turns at once: who waits for a connection would take the platform for one that does not answer.
MOST_CONNECTIONS = SYNC_TURNS + 512

# What is told in confidence to token endpoints.
_SECRET_FIELDS = (
    "client_secret",
    "code",
    "code_verifier",
    "token",
    "access_token",
    "refresh_token",
    "fb_exchange_token",
    "password",
)
# Shorter ones are words that an answer may hold anyway.
SECRET_MIN_CHARACTERS = 8


@dataclass(frozen=True)
class AuthStart:
    """Where to send the browser. `state` is what it brings back; `kept` is kept, sealed, until then."""

    authorize_url: str
    state: str
    kept: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Session:
    """An account, and the access to it."""

    account: RemoteAccount
    credentials: Credentials = field(repr=False)
    terms: ServerTerms | None = None  # of the account's server, as far as they are known; read for what writes alone


@dataclass(frozen=True)
class Observation:
    """What a slot shows: where the picture is, and a tag that changes when it does. Empty where there is none."""

    url: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Picture:
    """The file to send, and the description that goes with it, as short as the place wants it."""

    content: bytes = field(repr=False)
    content_type: str
    sha256: str
    alt_text: str = ""

    @property
    def file_name(self) -> str:
        return f"picture.{self.content_type.removeprefix('image/').replace('jpeg', 'jpg')}"


class DifferentAccountError(Exception):
    """The person gave access to another account, `opened`, than the one that they had named."""

    def __init__(self, opened: OpenedAccount) -> None:
        super().__init__("another account than the one that was named")
        self.opened = opened


class Adapter(ABC):
    """One platform. Instances keep no state of accounts; all of it is in the session. `api` is how they go out."""

    suggested_instances: Sequence[str] = ()
    # True where an account's server has terms of its own to ask for.
    has_terms = False

    def __init__(self, api: "Api") -> None:
        self.api = api

    @abstractmethod
    async def begin_auth(self, *, callback_url: str, state: str, instance: str) -> AuthStart:
        """Prepares a consent. `state` is a fresh secret for the adapter to use, unless the platform makes its own.

        Raises `ServiceError` for what the person or the operator has to correct.
        """

    def state_of(self, parameters: Mapping[str, str]) -> str:
        """Returns the state that a callback carries; empty if none."""
        return parameters.get("state", "")

    def is_denied(self, parameters: Mapping[str, str]) -> bool:
        """Tells whether the callback says that the person refused."""
        return "error" in parameters

    async def finish_auth(
        self, parameters: Mapping[str, str], *, kept: Mapping[str, str], callback_url: str
    ) -> tuple[RemoteAccount, Grant]:
        """Turns a callback into access to an account. Raises also `DifferentAccountError`.

        Platforms where one consent may open several accounts have `open_accounts` instead.
        """
        raise NotImplementedError

    async def open_accounts(
        self, parameters: Mapping[str, str], *, kept: Mapping[str, str], callback_url: str
    ) -> Sequence[OpenedAccount]:
        """Turns a callback into access to every account that it opens, which may be none. Of several the person chooses."""
        account, grant = await self.finish_auth(parameters, kept=kept, callback_url=callback_url)
        return (OpenedAccount(account, grant),)

    async def refresh(self, session: Session) -> Grant:
        """Renews the access. Platforms whose access does not end have nothing to renew."""
        raise PlatformError(AuthRevoked(f"the access of {session.account.handle} cannot be renewed"))

    @abstractmethod
    async def revoke(self, session: Session) -> None:
        """Gives the access back."""

    @abstractmethod
    async def whoami(self, session: Session) -> RemoteAccount:
        """Asks whose access it is."""

    @abstractmethod
    async def observe(self, session: Session, slot: Kind) -> Observation:
        """Looks what a slot shows."""

    async def server_terms(self, session: Session) -> ServerTerms:  # noqa: ARG002  # for platforms of many servers
        """Asks the account's server what it takes. Platforms whose servers are all alike have nothing to ask."""
        return ServerTerms()

    @abstractmethod
    async def submit(self, session: Session, slot: Kind, picture: Picture) -> Success:
        """Sends a picture. One attempt: what became of a lost answer is for others to find out."""

    async def remove(self, session: Session, slot: Kind) -> Success:  # noqa: ARG002  # not all platforms can
        """Takes the picture of a slot away. One attempt, like `submit`."""
        raise PlatformError(Unsupported("It offers apps no way to take a picture away; remove it there yourself."))

    async def describe(self, session: Session, slot: Kind, alt_text: str) -> None:  # noqa: B027  # not all platforms can
        """Changes the description of the picture that is there, if it is another one, and nothing else."""

    async def check(self, session: Session, operation: str) -> Success:  # noqa: ARG002  # for platforms that work later
        """Asks how far a submitted operation is. Platforms that answer at once have none."""
        return Accepted()

    def content_id(self, sha256: str) -> str | None:  # noqa: ARG002  # for platforms that name files by content
        """Returns the tag that a file will have there, where the platform makes it from the content; else None."""
        return None

    def client_metadata(self) -> str | None:
        """Returns the JSON document that describes this installation to the platform, where it asks for one."""
        return None


@dataclass(frozen=True)
class Unavailable:
    """The platform cannot be used on this installation; why, for people, and what the operator has to do, step by step."""

    reason: str
    steps: Sequence[str] = ()


class Registrations(Protocol):
    """Keeps what servers gave this installation when it registered with them; sealed."""

    async def load(self, platform: str, instance: str) -> Mapping[str, str] | None: ...

    async def save(self, platform: str, instance: str, values: Mapping[str, str]) -> None: ...


@dataclass(frozen=True)
class AdapterContext:
    """What adapters are built with. `trusted_hosts` are the operator's; an adapter adds its own settings' addresses."""

    platform: Platform
    public_url: str
    callback_url: str
    trusted_hosts: Sequence[str]
    read_timeout_seconds: float
    write_timeout_seconds: float
    registrations: Registrations
    clock: Clock
    secret: Callable[[], str]

    def api(self, *own_addresses: str, scope_of: ScopeOf = account_scope) -> "Api":
        """Makes a client that may also go to the addresses of the adapter's own settings.

        `scope_of` tells from an answer's headers for whom the limit counts that they speak of.
        """
        return Api(
            Outbound(trusted_hosts=(*self.trusted_hosts, *own_addresses), max_connections=MOST_CONNECTIONS),
            self.read_timeout_seconds,
            self.write_timeout_seconds,
            clock=self.clock,
            scope_of=scope_of,
        )


Build = Callable[[AdapterContext], Adapter | Unavailable]


def find_builders() -> dict[str, Build]:
    """Returns the `build` function of every adapter module, by platform."""
    names = (module.name for module in pkgutil.iter_modules(platforms.__path__))
    modules = {name: import_module(f"{platforms.__name__}.{name}") for name in names}
    return {name: module.build for name, module in sorted(modules.items()) if hasattr(module, "build")}


class Api:
    """Calls a platform: bounded in time and size, and with what goes wrong on the way turned into a problem."""

    def __init__(
        self,
        outbound: Outbound,
        read_timeout_seconds: float,
        write_timeout_seconds: float,
        *,
        clock: Clock = utc_now,
        scope_of: ScopeOf = account_scope,
    ) -> None:
        self.outbound = outbound
        self.read_timeout_seconds = read_timeout_seconds
        self.write_timeout_seconds = write_timeout_seconds
        self._clock = clock
        self._scope_of = scope_of

    async def call(
        self,
        method: str,
        url: str,
        *,
        writes: bool = False,
        timeout_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        json_body: object = None,
        content: bytes | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
    ) -> Answer:
        """Returns the answer, whatever its status below 500. `writes` says that the call changes a picture.

        Without `timeout_seconds` it may take as long as reads or writes may.

        Raises `PlatformError`: after a write without an answer, or with a server's error for one, the outcome is unknown.
        """
        usual = self.write_timeout_seconds if writes else self.read_timeout_seconds
        try:
            answer = await self.outbound.request(
                method,
                url,
                timeout_seconds=timeout_seconds or usual,
                headers=headers,
                params=params,
                data=data,
                json=json_body,
                content=content,
                files=files,
            )
        except OutboundError as error:
            lost = writes and not isinstance(error, UnreachableError | RefusedHostError)
            detail, no_answer = cut(str(error)), isinstance(error, UnreachableError | NoAnswerError)
            problem = OutcomeUnknown(detail, no_answer) if lost else Transient(detail, no_answer=no_answer)
            raise PlatformError(problem) from error
        note_limits(spent_in(answer.headers, now=self._clock(), writes=writes, scope_of=self._scope_of))
        answer = _without_secrets(answer, headers or {}, {**(params or {}), **(data or {})})
        if answer.status >= 500:
            raise PlatformError(server_trouble(answer, writes=writes))
        return answer

    async def close(self) -> None:
        await self.outbound.close()


def json_of(answer: Answer) -> dict[str, Any]:  # JSON
    """Returns the JSON object of an answer; an empty one where there is none."""
    try:
        values = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _without_secrets(answer: Answer, headers: Mapping[str, str], sent: Mapping[str, str]) -> Answer:
    """Returns a refusal without what we told the server in confidence: refusals are quoted, and a server may repeat what it was sent."""
    if answer.is_success:
        return answer
    secrets = [headers.get("Authorization", "").rpartition(" ")[2], *(sent.get(name, "") for name in _SECRET_FIELDS)]
    body = answer.body
    for secret in secrets:
        if len(secret) >= SECRET_MIN_CHARACTERS:
            body = body.replace(secret.encode(), b"[removed]")
    return replace(answer, body=body)


def challenge_of(verifier: str) -> str:
    """Returns the PKCE challenge of a verifier, method S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def described(answer: Answer) -> str:
    """Returns an answer for the log. One that says yes in a way that we do not understand may hold secrets: it is not quoted."""
    return (
        f"HTTP {answer.status}, not as expected" if answer.is_success else cut(f"HTTP {answer.status}: {answer.text()}")
    )


def server_trouble(answer: Answer, *, writes: bool) -> Problem:
    """Returns what an answer means that says nothing about what was done."""
    detail, no_answer = described(answer), answer.status >= 500
    return OutcomeUnknown(detail, no_answer) if writes else Transient(detail, no_answer=no_answer)
