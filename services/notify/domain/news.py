"""What people are told of their pictures, connections and syncs, and when.

One cause, one notice, one letter: a cause is the thing (a sync, a picture, a connection), the kind of what happened to it, and a version that only
grows with the thing. What arrives after something newer about the same thing is left unsaid.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.notify.domain.letter import LetterRow, LetterText


class NoticeLevel(StrEnum):
    """How much a notice matters."""

    SUCCESS = "success"
    INFO = "info"
    ACTION_NEEDED = "action_needed"


class TargetState(StrEnum):
    """The states that a target of a sync can rest in."""

    VERIFIED = "verified"
    DIFFERS = "differs"
    NEEDS_YOU = "needs_you"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


@dataclass(frozen=True)
class Notice:
    """One notice as it is kept."""

    id: str
    owner_id: str
    kind: str
    thing_id: str
    version: int
    level: NoticeLevel
    title: str
    body: str
    action_path: str
    action_label: str
    created_at: datetime
    read_at: datetime | None = None


@dataclass(frozen=True)
class News:
    """What a person is told of one cause: a notice, and a letter where it should reach them outside of the app."""

    kind: str
    thing_id: str
    version: int
    level: NoticeLevel
    title: str
    body: str
    action_path: str = ""
    action_label: str = ""
    letter: LetterText | None = None


@dataclass(frozen=True)
class Outcome:
    """How one target ended. `platform` is a name for people; `code` says for programs why it ended so."""

    platform: str
    remote_handle: str
    state: TargetState
    reason: str = ""
    link: str = ""
    code: str = ""

    @property
    def place(self) -> str:
        return f"{self.platform} ({self.remote_handle})" if self.remote_handle else self.platform


@dataclass(frozen=True)
class FinishedSync:
    """A sync of which every target rests. `puts_back` where its targets were to show what they showed before."""

    id: str
    slot: str
    version: int
    outcomes: Sequence[Outcome] = field(default=())
    puts_back: bool = False


STATUS_WORDS = {
    TargetState.VERIFIED: "Up and verified",
    TargetState.DIFFERS: "Shows something else",
    TargetState.NEEDS_YOU: "Needs you",
    TargetState.FAILED: "Failed",
    TargetState.CANCELLED: "Called off",
    TargetState.SUPERSEDED: "Replaced by a newer picture",
}
# What its owner decided needs no telling.
OWN_DOING = (TargetState.CANCELLED, TargetState.SUPERSEDED)
# Reasons of a difference that was found long after a sync, and that is dealt with as its owner has chosen.
AS_CHOSEN = ("LEFT_THERE", "PUTTING_BACK", "KEPT_THERE")


def sync_finished(sync: FinishedSync) -> News | None:
    """Tells how a sync ended; None when all that happened is what its owner did."""
    as_chosen = [outcome for outcome in sync.outcomes if outcome.code in AS_CHOSEN]
    counted = [outcome for outcome in sync.outcomes if outcome.state not in OWN_DOING and outcome not in as_chosen]
    open_ends = [outcome for outcome in counted if outcome.state is not TargetState.VERIFIED]
    if not counted or (as_chosen and not open_ends):
        return None
    title = _sync_title(sync, counted, all_well=not open_ends)
    path = f"/syncs/{sync.id}"
    label = "See what to do" if open_ends else "See where it is"
    if open_ends:
        body = " ".join(
            f"{outcome.place}: {outcome.reason or STATUS_WORDS[outcome.state]}" for outcome in open_ends[:3]
        )
        if len(open_ends) > 3:
            body += f" And {len(open_ends) - 3} more."
    else:
        found = "before" if sync.puts_back else "sent"
        body = f"Read back and found as it was {found}: {', '.join(outcome.place for outcome in counted)}."
    letter = LetterText(
        subject=title,
        paragraphs=(f"This is how your {'earlier picture' if sync.puts_back else sync.slot} fared, place by place.",),
        action_path=path,
        action_label=label,
        rows=tuple(
            LetterRow(outcome.place, STATUS_WORDS[outcome.state], outcome.reason, outcome.link)
            for outcome in sync.outcomes
        ),
    )
    level = NoticeLevel.ACTION_NEEDED if open_ends else NoticeLevel.SUCCESS
    return News("sync.finished", sync.id, sync.version, level, title, body, path, label, letter)


def _sync_title(sync: FinishedSync, counted: Sequence[Outcome], *, all_well: bool) -> str:
    if all_well:
        platforms = {outcome.platform for outcome in counted}
        if len(platforms) == 1 and (sync.puts_back or len(counted) == 1):
            places = counted[0].platform
        elif len(platforms) == len(counted):
            places = f"{len(counted)} platforms"
        else:
            # Of one account there may be two places that are put back.
            places = f"{len({outcome.place for outcome in counted})} accounts"
        return f"Your earlier picture is back on {places}" if sync.puts_back else f"Your {sync.slot} is up on {places}"
    count = Counter(outcome.state for outcome in counted)
    parts = [
        f"{count[state]} {words}"
        for state, words in (
            (TargetState.VERIFIED, "verified"),
            (TargetState.NEEDS_YOU, "needs you" if count[TargetState.NEEDS_YOU] == 1 else "need you"),
            (TargetState.DIFFERS, "differs" if count[TargetState.DIFFERS] == 1 else "differ"),
            (TargetState.FAILED, "failed"),
        )
        if count[state]
    ]
    return f"{'Putting back' if sync.puts_back else f'Your {sync.slot}'}: {', '.join(parts)}"


def image_failed(image_id: str, revision: int, message: str) -> News:
    """Tells that a picture cannot be used."""
    return News(
        "image.failed",
        image_id,
        revision,
        NoticeLevel.ACTION_NEEDED,
        "A picture could not be prepared",
        message or "Try it again, or upload another file.",
        f"/library/{image_id}",
        "See the picture",
    )


def connection_added(connection_id: str, at: datetime, *, platform: str, remote_handle: str, reconnected: bool) -> News:
    """Tells that an account is connected."""
    place = Outcome(platform, remote_handle, TargetState.VERIFIED).place
    return News(
        "connection.added",
        connection_id,
        _as_version(at),
        NoticeLevel.SUCCESS,
        f"{platform} is connected again" if reconnected else f"{platform} is connected",
        f"{place} works again; what was waiting for it goes on by itself."
        if reconnected
        else f"Your pictures can now be shown on {place}.",
        "/connections",
        "See your connections",
    )


def connection_revoked(
    connection_id: str, at: datetime, *, platform: str, remote_handle: str, waiting_targets: int
) -> News:
    """Tells at once, in the app and by letter, that a platform took our access away."""
    place = Outcome(platform, remote_handle, TargetState.NEEDS_YOU).place
    waiting = {0: "Nothing is waiting for it at the moment.", 1: "1 picture waits for it."}.get(
        waiting_targets, f"{waiting_targets} pictures wait for it."
    )
    what_follows = "What is there stays there. As soon as you connect it again, what waits goes on by itself."
    title = f"{platform} needs to be connected again"
    body = f"{place} no longer lets Linkarooie in. {waiting}"
    letter = LetterText(title, (body, what_follows), "/connections", f"Reconnect {platform}")
    return News(
        "connection.revoked",
        connection_id,
        _as_version(at),
        NoticeLevel.ACTION_NEEDED,
        title,
        f"{body} Connect it again, and what waits goes on by itself.",
        letter.action_path,
        letter.action_label,
        letter,
    )


def connection_expiring(
    connection_id: str, at: datetime, *, platform: str, remote_handle: str, ends_at: datetime
) -> News:
    """Tells in time, in the app and by letter, that our access to an account ends and only its owner can give it anew."""
    place = Outcome(platform, remote_handle, TargetState.NEEDS_YOU).place
    day = f"{ends_at.day} {ends_at:%B %Y}"
    title = f"{platform} needs to be connected again by {day}"
    body = f"{platform} gives access for a limited time. That to {place} ends on {day}, at {ends_at:%H:%M} UTC."
    what_follows = "Connect it again before, and nothing is interrupted. What is there stays there in any case."
    letter = LetterText(title, (body, what_follows), "/connections", f"Reconnect {platform}")
    return News(
        "connection.expiring",
        connection_id,
        _as_version(at),
        NoticeLevel.ACTION_NEEDED,
        title,
        f"{body} Connect it again before, and nothing is interrupted.",
        letter.action_path,
        letter.action_label,
        letter,
    )


def target_reminded(
    target_id: str, sync_id: str, number: int, *, platform: str, remote_handle: str, slot: str, link: str
) -> News:
    """Reminds somebody, in the app and by letter, of a picture that they have to set by hand."""
    place = Outcome(platform, remote_handle, TargetState.NEEDS_YOU, link=link).place
    title = f"Your {slot} on {platform} still waits for you"
    body = (
        f"{platform} lets nobody but you change the {slot} of {place}. The picture is ready, with the steps beside it."
    )
    closing = (
        "Have you set it? Say so there. You do not want it any more? Then call it off, and you hear no more of it."
    )
    letter = LetterText(
        subject=title,
        paragraphs=(body, closing),
        action_path=f"/syncs/{sync_id}",
        action_label="Set it now",
        rows=(LetterRow(place, STATUS_WORDS[TargetState.NEEDS_YOU], "Set the picture by hand.", link),),
    )
    return News(
        "target.reminded",
        target_id,
        number,
        NoticeLevel.ACTION_NEEDED,
        title,
        body,
        letter.action_path,
        letter.action_label,
        letter,
    )


def welcome() -> LetterText:
    """Greets somebody whose account was made."""
    return LetterText(
        subject="Welcome to Linkarooie",
        paragraphs=(
            "Your account is ready. Three steps put one picture everywhere: upload it, connect your accounts, press Sync.",
            "We go back afterwards to see that each platform really shows it, and tell you where it does not.",
        ),
        action_path="/",
        action_label="Upload your first picture",
    )


def _as_version(at: datetime) -> int:
    """Turns a time into a number that grows with it, for things whose events carry no version: microseconds since 1970."""
    return round(at.timestamp() * 1_000_000)
