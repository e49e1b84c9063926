"""Platform by case: who is walked through what, what differs there, and where a case has no meaning, why it has none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import pytest

from services.sync.platforms.base import Kind


class Case(StrEnum):
    """What an adapter has to go through. Each has its test in one of the files test_sync_conformance_*.py."""

    CONNECT = "connect"
    REFUSED_CONSENT = "refused consent"
    USED_LINK = "a link used twice, or by another person"
    RECONNECT = "reconnect as the same account"
    OTHER_ACCOUNT = "consent given as another account"
    DISCONNECT = "disconnect"
    RENEWAL = "token refresh"
    REVOKED = "revoked token"
    MISSING_SCOPE = "missing scope"
    SENT_ONCE = "sent once; the same picture again is not sent"
    REMOVAL = "removal"
    RATE_LIMIT = "rate limit"
    COOL_DOWN = "cool-down"
    TOO_LARGE = "image too large"
    WRONG_FORMAT = "wrong format"
    CONFLICT = "conflict"
    SERVER_ERROR = "5xx"
    HANG = "hang"
    CUT = "connection cut in the middle of a write"
    SLOW = "slow processing"
    SWALLOWED = "silent rejection"


@dataclass(frozen=True)
class Reset:
    """How a platform says when a rate limit ends: the switches for it, and what is waited where it says nothing."""

    shape: str
    switches: Mapping[str, Any] = field(default_factory=dict)
    untold_seconds: float | None = None


@dataclass(frozen=True)
class Column:
    """One kind of server. Every case is walked there but those `not_here`, each with its why.

    `switches` make the sandbox this kind, `software` is the name by which the service then knows it; the sandbox keeps it as `stage`, and
    knows Ada there by the name `ada`. `slots` are those that can be looked at. `removable` ones can be cleared, `conflict` makes somebody
    else write at the same moment, `calls_to_send` counts the writing calls of one send.
    """

    platform: str
    resets: Sequence[Reset]
    not_here: Mapping[Case, str] = field(default_factory=dict)
    switches: Mapping[str, Any] = field(default_factory=dict)
    software: str = ""
    stage: str = ""
    ada: str = "ada"
    mode: str = "write"
    slots: Sequence[Kind] = ("avatar", "banner")
    removable: Sequence[Kind] = ("avatar", "banner")
    conflict: Mapping[str, Any] = field(default_factory=dict)
    calls_to_send: int = 1
    rotates: bool = True
    gives_back: bool = True

    @property
    def sandbox(self) -> str:
        return self.stage or self.platform

    @property
    def writes(self) -> int:
        """How often the platform's picture changes by one sync: not at all where only its owner can change it."""
        return int(self.mode == "write")


UNIX, ISO, WAIT = "unix seconds", "ISO 8601", "seconds to wait"
_USAGE = "minutes to wait, in a usage header"
_NO_VERSIONS = {Case.CONFLICT: "A write there names no version of what it replaces, so it cannot come too late."}
_NO_END = {Case.RENEWAL: "Tokens there have no end, so there is nothing to renew."}
_BY_HAND = {
    Case.MISSING_SCOPE: "Nothing is written there, and what is needed to read is asked for when connecting.",
    **dict.fromkeys(
        (Case.COOL_DOWN, Case.TOO_LARGE, Case.WRONG_FORMAT, Case.CONFLICT, Case.CUT),
        "Nothing is sent there: the person sets the picture.",
    ),
}

COLUMNS: Mapping[str, Column] = {
    "x": Column(
        "x",
        [Reset(UNIX)],
        {**_NO_VERSIONS, Case.RENEWAL: "OAuth 1.0a's tokens have no end; what is said to be expired is revoked."},
        removable=["banner"],
    ),
    "bluesky": Column("bluesky", [Reset(UNIX)], conflict={"race": True, "times": 6}, calls_to_send=2),
    "facebook": Column(
        "facebook",
        [Reset(_USAGE)],
        {Case.RENEWAL: "A Page's token has no end; when it dies, only its owner can bring another."},
        conflict={"fail": "506", "only": "write", "times": 1},
        removable=[],
        gives_back=False,  # for all of somebody's Pages at once or not at all, so it is only forgotten here
    ),
    "mastodon": Column(
        "mastodon",
        [Reset(ISO), Reset(UNIX, {"reset_as": "unix seconds"}), Reset(WAIT, {"reset_as": "seconds to wait"})],
        {**_NO_VERSIONS, **_NO_END},
        software="Mastodon 4.6.1",
    ),
    "pixelfed": Column(
        "mastodon",
        [Reset(UNIX)],
        _NO_VERSIONS,
        {"flavour": "pixelfed"},
        "Pixelfed 0.12.3",
        slots=["avatar"],
        removable=["avatar"],
    ),
    "gotosocial": Column(
        "mastodon",
        [Reset(ISO)],
        {**_NO_VERSIONS, **_NO_END},
        {"flavour": "gotosocial"},
        "GoToSocial 0.17.3+git-1a2b3c4",
    ),
    "pleroma": Column(
        "mastodon", [Reset("no word", untold_seconds=300)], _NO_VERSIONS, {"flavour": "pleroma"}, "Pleroma 2.6.0"
    ),
    "akkoma": Column(
        "mastodon",
        [Reset("no word", untold_seconds=300)],
        _NO_VERSIONS,
        {"flavour": "akkoma"},
        "Akkoma 3.10.4",
        rotates=False,
    ),
    "instagram": Column(
        "instagram",
        [Reset(_USAGE)],
        {
            **_BY_HAND,
            Case.RENEWAL: "A token that has ended cannot be extended; test_sync_instagram.py has how it is before that.",
            Case.OTHER_ACCOUNT: "The sandbox's other account is a personal one, which cannot be connected at all.",
        },
        mode="assisted",
        slots=["avatar"],
        removable=[],
        gives_back=False,  # there is no call for it
    ),
    "facebook profile": Column(
        "facebook_profile",
        [Reset(_USAGE)],
        {**_BY_HAND, Case.RENEWAL: "The access ends after 60 days, and only a new consent gives another."},
        stage="facebook",
        ada="ada-profile",
        mode="assisted",
        slots=["avatar"],
        removable=[],
        gives_back=False,  # for all of somebody's Pages and the profile at once or not at all
    ),
}

# The cases that were walked, with the columns.
WALKED: set[tuple[str, Case]] = set()
Test = TypeVar("Test", bound=Callable[..., Any])


def walks(*cases: Case, mode: str | None = None) -> Callable[[Test], Test]:
    """Runs a test in every column where its cases have a meaning, or in those of a mode alone."""
    columns = {
        name: column
        for name, column in COLUMNS.items()
        if not column.not_here.keys() & set(cases) and mode in (None, column.mode)
    }
    WALKED.update((name, case) for name in columns for case in cases)
    return pytest.mark.parametrize("column", [pytest.param(column, id=name) for name, column in columns.items()])


def walks_resets() -> Callable[[Test], Test]:
    """Runs a test with every way of saying when a rate limit ends."""
    rows = [(name, column, reset) for name, column in COLUMNS.items() for reset in column.resets]
    WALKED.update((name, Case.RATE_LIMIT) for name, _, _ in rows)
    found = [pytest.param(column, reset, id=f"{name}, {reset.shape}") for name, column, reset in rows]
    return pytest.mark.parametrize(("column", "reset"), found)
