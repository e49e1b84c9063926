"""What the network's errors mean for us."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from catalog import Platform
from servicekit.outbound import Answer
from services.sync.domain import outcomes as o
from services.sync.platforms.base import described, json_of
from services.sync.platforms.limits import LimitScope, reset_in

# The window in which calls are counted; used where an answer does not say when it ends.
RATE_LIMIT_WINDOW = timedelta(minutes=5)
# Calls are counted by address in windows of this length, writes by account in longer ones.
ADDRESS_WINDOW = "w=300"

# Names by what we do next; what is not here is judged by its status.
_ENDED = {"ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired", "invalid_token"}
_SCOPE = {"ScopeMissingError", "insufficient_scope", "access_denied"}
_ACCOUNT = {
    "AccountTakedown",
    "AccountSuspended",
    "AccountDeactivated",
    "RepoTakendown",
    "RepoSuspended",
    "RepoDeactivated",
}
_IMAGE = {"InvalidMimeType", "InvalidSize", "PayloadTooLarge", "BlobTooLarge"}
# Begins the message when a picture breaks the profile's rules.
_INVALID_PROFILE = "Invalid app.bsky.actor.profile record"


def problem_of(answer: Answer, *, writes: bool, platform: Platform, now: datetime) -> o.Problem:
    """Returns what follows from an answer that is no success."""
    said = json_of(answer)
    name, message = str(said.get("error", "")), str(said.get("message", ""))
    detail = described(answer)
    if answer.status == 429:
        by_address = limit_scope(answer.headers) == "app"
        return o.RateLimited(_reset(answer, now), "app" if by_address else "account", detail)
    if name in _ACCOUNT:
        return o.AccountCheckpoint(platform.homepage, detail)
    if name in _SCOPE or answer.status == 403:
        return o.MissingScope(detail)
    if name in _ENDED or answer.status == 401:
        return o.AuthExpired(detail)
    if name in _IMAGE or answer.status == 413 or message.startswith(_INVALID_PROFILE):
        return o.InvalidImage("It takes JPEG and PNG files of at most 1,000,000 bytes.", detail)
    # What is refused with 4xx was not done.
    return o.Transient(detail) if not writes or answer.status < 500 else o.OutcomeUnknown(detail)


def limit_scope(headers: Mapping[str, str]) -> LimitScope:
    """Returns whom a limit counts: our address, or, in the longer windows, an account's writes alone."""
    return "app" if ADDRESS_WINDOW in headers.get("ratelimit-policy", ADDRESS_WINDOW) else "call"


def _reset(answer: Answer, now: datetime) -> datetime:
    return reset_in(answer.headers, now=now) or now + RATE_LIMIT_WINDOW
