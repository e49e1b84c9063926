"""Accounts on platforms."""

import base64
from typing import Annotated, Literal, cast

from pydantic import Field

from gateway.media import MediaLinks
from gateway.schemas.common import Answer, Question, Slot, Time, time_or_none, word
from linkarooie.sync.v1 import sync_pb2
from servicekit.protobuf import moment

Action = Literal["unspecified", "we_are_on_it", "you_can_fix_this", "platform_does_not_allow_it"]
ConnectionState = Literal["healthy", "needs_reconnect"]
CheckEvery = Literal["never", "day", "week", "month"]
OnDifference = Literal["ask", "restore", "leave"]


class Reason(Answer):
    """Why something is as it is."""

    code: str
    """UPPER_SNAKE, for programs."""
    message: str
    """What happened and what follows, for people."""
    action: Action
    """Who can do something about it."""
    link: str | None
    """Where to fix it, or where it says so."""

    @classmethod
    def of(cls, reason: sync_pb2.Reason) -> "Reason | None":
        """Returns None for a reason that says nothing."""
        if not reason.code and not reason.message:
            return None
        return cls(
            code=reason.code,
            message=reason.message,
            action=cast("Action", word(sync_pb2.ActionClass, reason.action_class)),
            link=reason.link or None,
        )


class Observed(Answer):
    """What a place showed when it was last looked at."""

    at: Time
    url: str | None
    """The platform's own address of the picture; null when there is none."""
    picture_url: str | None
    """Our copy, relative to this API's own address; null when none was kept."""
    distance: int | None
    """How many of 64 bits it is away from what was sent; null where nothing was sent."""

    @classmethod
    def of(cls, observed: sync_pb2.ObservedPicture, links: MediaLinks) -> "Observed":
        return cls(
            at=moment(observed.observe_time),
            url=observed.url or None,
            picture_url=links.to(observed.object_key, name="seen") if observed.object_key else None,
            distance=observed.distance if observed.HasField("distance") else None,
        )


class ConnectionSlot(Answer):
    """One place of a connected account that shows a picture."""

    slot: str
    """`avatar` or `banner`."""
    mode: str
    """`write`, `assisted`, `read_only` or `none`."""
    observed: Observed | None
    """Null before the first look."""
    max_bytes: int
    """The largest file that is sent there: the platform's limit, or less where the account's server takes less."""
    formats: list[str]
    """Media types that may be sent there, the best first."""
    alt_text_max: int
    """How many characters a description may have there; 0 where none is taken."""
    notice: Reason | None
    """What is odd about the picture there, such as one that cannot be copied."""
    on_difference: OnDifference
    """What follows when it shows something else than was brought there: its owner is asked, the picture is sent again, or it is left."""

    @classmethod
    def of(cls, slot: sync_pb2.ConnectionSlot, links: MediaLinks) -> "ConnectionSlot":
        return cls(
            slot=slot.slot,
            mode=slot.mode,
            observed=Observed.of(slot.observed, links) if slot.HasField("observed") else None,
            max_bytes=slot.max_bytes,
            formats=list(slot.formats),
            alt_text_max=slot.alt_text_max,
            notice=Reason.of(slot.notice),
            on_difference=cast(
                "OnDifference", word(sync_pb2.OnDifference, slot.on_difference or sync_pb2.ON_DIFFERENCE_ASK)
            ),
        )


class Schedule(Answer):
    """When a connection is looked after without anybody asking."""

    follow_defaults: bool
    """Whether a picture is brought there as soon as its owner chooses it as a default."""
    check_every: CheckEvery
    """How often its places are looked at."""
    time_zone: str
    """The zone that days begin in, a name of the IANA database."""
    next_check_at: Time | None
    """When its places are looked at next; null where they are not."""

    @classmethod
    def of(cls, schedule: sync_pb2.Schedule) -> "Schedule":
        return cls(
            follow_defaults=schedule.follow_defaults,
            check_every=cast(
                "CheckEvery", word(sync_pb2.CheckEvery, schedule.check_every or sync_pb2.CHECK_EVERY_NEVER)
            ),
            time_zone=schedule.time_zone or "UTC",
            next_check_at=time_or_none(schedule.next_check_time, present=schedule.HasField("next_check_time")),
        )


class Connection(Answer):
    """An account on a platform that its owner has connected."""

    id: str
    platform: str
    instance: str | None
    """The server, for platforms that have many."""
    server_software: str | None
    """What that server says that it runs, such as "Pixelfed 0.12.3"; null where it has not said."""
    remote_id: str
    remote_handle: str
    remote_url: str | None
    state: ConnectionState
    reason: Reason | None
    """Null while healthy."""
    slots: list[ConnectionSlot]
    """Avatar first."""
    created_at: Time
    checked_at: Time | None
    """When the platform last answered as it should."""
    schedule: Schedule
    expires_at: Time | None
    """When our access ends and its owner has to connect again; null where we renew it ourselves."""
    unreachable_since: Time | None
    """Since when the platform or server has not answered; null where it does."""
    leaving: bool
    """Whether pictures from before are being put back, after which it is disconnected."""
    waiting_targets: int
    """How many targets wait until it is connected again."""

    @classmethod
    def of(cls, connection: sync_pb2.Connection, links: MediaLinks) -> "Connection":
        return cls(
            id=connection.id,
            platform=connection.platform,
            instance=connection.instance or None,
            remote_id=connection.remote_id,
            remote_handle=connection.remote_handle,
            remote_url=connection.remote_url or None,
            state=cast("ConnectionState", word(sync_pb2.ConnectionState, connection.state)),
            reason=Reason.of(connection.reason),
            slots=[ConnectionSlot.of(slot, links) for slot in connection.slots],
            server_software=connection.server_software or None,
            created_at=moment(connection.create_time),
            checked_at=time_or_none(connection.check_time, present=connection.HasField("check_time")),
            schedule=Schedule.of(connection.schedule),
            expires_at=time_or_none(connection.expire_time, present=connection.HasField("expire_time")),
            unreachable_since=time_or_none(
                connection.unreachable_since, present=connection.HasField("unreachable_since")
            ),
            leaving=connection.leaving,
            waiting_targets=connection.waiting_targets,
        )


class ConnectionList(Answer):
    """A page of connections, newest first."""

    items: list[Connection]
    next_page_token: str
    """Empty on the last page."""


class ConnectionChange(Question):
    """Changes how an account is looked after. What is not there, or null, stays as it is."""

    follow_defaults: bool | None = None
    """Whether a picture is brought there as soon as its owner chooses it as a default."""
    check_every: CheckEvery | None = None
    """How often its places are looked at."""
    time_zone: str | None = Field(default=None, max_length=100)
    """The zone that days begin in, a name of the IANA database such as "Europe/Berlin"."""
    on_difference: dict[Slot, OnDifference] = Field(default_factory=dict)
    """By slot: what follows when it shows something else than was brought there. Slots that are not named stay as they are."""

    def request(self, connection_id: str) -> sync_pb2.UpdateConnectionRequest:
        """Returns what to ask sync for."""
        return sync_pb2.UpdateConnectionRequest(
            id=connection_id,
            follow_defaults=self.follow_defaults,
            check_every=None
            if self.check_every is None
            else sync_pb2.CheckEvery.Value(f"CHECK_EVERY_{self.check_every.upper()}"),
            time_zone=self.time_zone,
            on_difference={
                slot: sync_pb2.OnDifference.Value(f"ON_DIFFERENCE_{then.upper()}")
                for slot, then in self.on_difference.items()
            },
        )


class Leaving(Answer):
    """An account that is disconnected as soon as the pictures from before are back, or after ten minutes."""

    sync_id: str
    """The sync that puts them back."""


class Snapshot(Answer):
    """A picture that was found in a place, or that none was there."""

    id: str
    connection_id: str
    slot: str
    """`avatar` or `banner`."""
    found_at: Time
    """When it was found first."""
    picture_url: str | None
    """Our copy, relative to this API's own address; null where there was no picture."""
    content_type: str | None
    shown_now: bool
    """Whether the place showed it when it was last looked at."""
    is_first: bool
    """Whether it is what was there before Linkarooie came."""
    cannot_restore: Reason | None
    """Why it cannot be put back; null where it can."""

    @classmethod
    def of(cls, snapshot: sync_pb2.Snapshot, links: MediaLinks) -> "Snapshot":
        return cls(
            id=snapshot.id,
            connection_id=snapshot.connection_id,
            slot=snapshot.slot,
            found_at=moment(snapshot.found_time),
            picture_url=links.to(snapshot.object_key, name="before") if snapshot.object_key else None,
            content_type=snapshot.content_type or None,
            shown_now=snapshot.shown_now,
            is_first=snapshot.is_first,
            cannot_restore=Reason.of(snapshot.cannot_restore),
        )


class SnapshotList(Answer):
    """A page of what was found in places, newest first."""

    items: list[Snapshot]
    next_page_token: str
    """Empty on the last page."""


class PlaceRollback(Question):
    """Puts a picture back that a place showed before."""

    slot: Slot
    snapshot_id: str = Field(default="", max_length=36)
    """Which one, of this place; empty means the first, what was there before Linkarooie came."""


class OfferedAccount(Answer):
    """An account that a consent has opened, and that its owner may choose to connect."""

    remote_id: str
    remote_handle: str
    remote_url: str | None
    picture_url: str | None
    """A small picture as a `data:` address; null where there is none."""
    connection_id: str | None
    """The connection that the account is already: choosing it renews the access. Null for a new one."""

    @classmethod
    def of(cls, account: sync_pb2.OfferedAccount) -> "OfferedAccount":
        picture = base64.b64encode(account.picture).decode()
        return cls(
            remote_id=account.remote_id,
            remote_handle=account.remote_handle,
            remote_url=account.remote_url or None,
            picture_url=f"data:{account.picture_type};base64,{picture}" if account.picture_type else None,
            connection_id=account.connection_id or None,
        )


class ConnectionChoice(Answer):
    """Accounts that one consent has opened: several, or another one than was to be connected again. None is connected before its owner has chosen."""

    platform: str
    accounts: list[OfferedAccount]
    """In the platform's order."""
    expires_at: Time
    expected: Connection | None
    """The connection that was to be connected again and is none of these accounts; null where that is not so."""

    @classmethod
    def of(cls, choice: sync_pb2.GetConnectionChoiceResponse, links: MediaLinks) -> "ConnectionChoice":
        return cls(
            platform=choice.platform,
            accounts=[OfferedAccount.of(account) for account in choice.accounts],
            expires_at=moment(choice.expire_time),
            expected=Connection.of(choice.expected, links) if choice.HasField("expected") else None,
        )


class ChosenAccounts(Question):
    """Which of the offered accounts to connect."""

    remote_ids: list[Annotated[str, Field(min_length=1, max_length=300)]] = Field(min_length=1, max_length=200)
    """The platform's ids of them."""


class NewConnection(Question):
    """Begins to connect an account."""

    platform: str = Field(min_length=1, max_length=60)
    """The platform's id, see `GET /v1/platforms`."""
    instance: str = Field(default="", max_length=253)
    """The server, where the platform takes one."""
    connection_id: str = Field(default="", max_length=36)
    """The connection that is to be connected again, on its own platform and server; empty for a new one."""


class ConsentLink(Answer):
    """Where to send the browser."""

    authorize_url: str
    expires_at: Time
