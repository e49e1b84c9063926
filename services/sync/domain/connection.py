"""Rules of connections: accounts on platforms that their owner has connected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from servicekit.errors import PreconditionError
from services.sync.domain.reasons import Reason
from services.sync.domain.schedule import CheckEvery, OnDifference
from services.sync.domain.target import Seen

# As long as a person may take over a consent page.
ATTEMPT_LIFE = timedelta(minutes=30)
# Used and expired beginnings are remembered for as long, so that the person hears what is wrong with an old link.
ATTEMPT_KEPT_FOR = timedelta(days=1)
# The share of a token's life after which it is renewed.
REFRESH_AT_SHARE = 0.8

Credentials = Mapping[str, str]
"""What an adapter needs to act for an account: its own affair, sealed wherever it is kept."""


class ConnectionState(StrEnum):
    HEALTHY = "healthy"
    NEEDS_RECONNECT = "needs_reconnect"


@dataclass(frozen=True)
class RemoteAccount:
    """An account as its platform names it. `instance` is the server, where the platform has many."""

    remote_id: str
    handle: str
    url: str
    instance: str = ""

    def is_same(self, other: "RemoteAccount") -> bool:
        """Tells whether both name the same account; how it is called may have changed."""
        return (self.instance, self.remote_id) == (other.instance, other.remote_id)


@dataclass(frozen=True)
class Grant:
    """Access that a platform has given: to what, and until when it is good without being renewed.

    `renewable` is false where nothing but a new consent gives another: it is used to its end.
    """

    credentials: Credentials = field(repr=False)
    expires_at: datetime | None = None
    renewable: bool = True


@dataclass(frozen=True)
class OpenedAccount:
    """An account that a consent has opened, and the access to it. `picture_url` leads to a small picture of it, if there is one."""

    account: RemoteAccount
    grant: Grant
    picture_url: str = ""


@dataclass(frozen=True)
class Connection:
    """One connected account. The credentials are sealed; `grant_version` grows when they change.

    `leaving_since` is set while pictures from before are put back, after which it is disconnected. `expiry_notes` counts how often its
    owner was told that the present access ends.
    """

    id: str
    owner_id: str
    platform: str
    account: RemoteAccount
    sealed: bytes = field(repr=False)
    created_at: datetime
    state: ConnectionState = ConnectionState.HEALTHY
    reason: Reason | None = None
    checked_at: datetime | None = None
    expires_at: datetime | None = None
    refresh_at: datetime | None = None
    grant_version: int = 1
    follows_defaults: bool = False
    check_every: CheckEvery = CheckEvery.NEVER
    time_zone: str = "UTC"
    unreachable_since: datetime | None = None
    leaving_since: datetime | None = None
    expiry_notes: int = 0

    @property
    def works(self) -> bool:
        return self.state is ConnectionState.HEALTHY

    @property
    def ends_at(self) -> datetime | None:
        """Tells when the access ends for good; None where it can be renewed, or does not end."""
        return self.expires_at if self.refresh_at is None else None

    @property
    def server(self) -> str:
        """Names who answers for the account: its platform, or the server of it that the account is on."""
        return f"{self.platform}@{self.account.instance}" if self.account.instance else self.platform


@dataclass(frozen=True)
class Place:
    """What one slot of a connection was seen to show. `ours_tag` and `ours_sha256` name the file of ours that was verified there."""

    connection_id: str
    slot: str
    seen: Seen | None = None
    ours_tag: str = ""
    ours_sha256: str = ""
    on_difference: OnDifference = OnDifference.ASK


@dataclass(frozen=True)
class ConnectAttempt:
    """A connection that was begun: what has to come back through the browser, and what was kept meanwhile."""

    id: str
    owner_id: str
    platform: str
    state_hash: str
    sealed: bytes = field(repr=False)
    expires_at: datetime
    used_at: datetime | None = None

    def check_usable(self, now: datetime) -> None:
        """Raises `PreconditionError` that says why the link cannot be used (any more)."""
        if self.used_at is not None:
            raise PreconditionError(
                "This link was used already. If the account is not in your list, start again.",
                reason="CONNECT_LINK_USED",
            )
        if now >= self.expires_at:
            raise link_expired()


def link_expired() -> PreconditionError:
    return PreconditionError(
        "This link is too old, or somebody else's. Start connecting again.", reason="CONNECT_LINK_EXPIRED"
    )


def refresh_time(grant: Grant, now: datetime) -> datetime | None:
    """Returns when a grant is to be renewed; None where it does not end, or cannot be."""
    if grant.expires_at is None or not grant.renewable:
        return None
    return now + (grant.expires_at - now) * REFRESH_AT_SHARE
