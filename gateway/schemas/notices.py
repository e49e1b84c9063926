"""Notices, and what the live stream says."""

from typing import Annotated, Literal, cast

from pydantic import Field

from gateway.schemas.common import Answer, Question, Time, time_or_none, word
from linkarooie.notify.v1 import notify_pb2
from servicekit.protobuf import moment

NoticeLevel = Literal["unspecified", "success", "info", "action_needed"]
LiveKind = Literal["image", "defaults", "connection", "sync", "target", "notice"]


class Notice(Answer):
    """Something its reader should know."""

    id: str
    kind: str
    """What it tells of, such as `sync.finished`."""
    level: NoticeLevel
    title: str
    body: str
    action_path: str | None
    """Where in the web client to go on."""
    action_label: str | None
    created_at: Time
    read_at: Time | None

    @classmethod
    def of(cls, notice: notify_pb2.Notice) -> "Notice":
        return cls(
            id=notice.id,
            kind=notice.kind,
            level=cast("NoticeLevel", word(notify_pb2.NoticeLevel, notice.level)),
            title=notice.title,
            body=notice.body,
            action_path=notice.action_path or None,
            action_label=notice.action_label or None,
            created_at=moment(notice.create_time),
            read_at=time_or_none(notice.read_time, present=notice.HasField("read_time")),
        )


class NoticeList(Answer):
    """A page of notices, newest first."""

    items: list[Notice]
    next_page_token: str
    """Empty on the last page."""
    unread_count: int
    """How many are unread in all."""


class ReadNotices(Question):
    """Marks notices as read."""

    ids: list[Annotated[str, Field(max_length=36)]] | None = Field(default=None, min_length=1, max_length=500)
    """Which; null or absent means all."""


class UnreadNotices(Answer):
    """How many notices are left to read."""

    unread_count: int


class LiveUpdate(Answer):
    """The data of one event of the live stream: something you show has changed; fetch it anew."""

    kind: LiveKind
    """The event's name, too."""
    id: str
    state: str | None
    parent_id: str | None
    """What holds it: the sync of a target."""


class LiveEnd(Answer):
    """The data of the event `end`, the last one of a live stream. Fetch anew what you show, and connect again."""

    reason: Literal["token_expired", "session_ended", "too_slow", "shutting_down"]
    """`token_expired`: refresh the session first. `session_ended`: who has no newer one has to sign in."""
