"""Letters against mail servers that are away, refuse, or hang up."""

import asyncio
import email
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.smtp import SMTP, Envelope, Session

from linkarooie.events.v1 import events_pb2 as events
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.ids import new_id, utc_now
from services.notify.app import build
from services.notify.domain.letter import Letter, LetterState
from services.notify.settings import NotifySettings
from services.notify.store import Store, letters


class MailServer:
    """Answers what the test says, and keeps what it took."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.to_recipient = "250 OK"
        self.to_content = "250 OK"
        self.hangs_up = False
        self.seen: list[str] = []

    async def handle_RCPT(  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.seen.append(str(email.message_from_bytes(envelope.content)["Message-ID"]))
        if self.hangs_up:
            server.transport.abort()
        return self.to_content

    def times_seen(self, letter: Any) -> int:
        """How often the content of a letter came; other tests may have left letters behind."""
        return self.seen.count(f"<{letter.id}@linkarooie.test>")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: SMTP(self, hostname="localhost"), "127.0.0.1", self.port)
        try:
            yield
        finally:
            listening.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ForwardClock:
    """The time, and a way to let it pass faster."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self._ahead

    def advance(self, by: timedelta) -> None:
        self._ahead += by


RunWith = Callable[..., AbstractAsyncContextManager[ForwardClock]]


@pytest.fixture
def run_notify(service_settings: Callable[..., Any], run_app: Any) -> RunWith:
    @asynccontextmanager
    async def run(server: MailServer, **overrides: str) -> AsyncIterator[ForwardClock]:
        clock = ForwardClock()
        settings = service_settings(
            NotifySettings, smtp_port=server.port, smtp_from="hello@linkarooie.test", **overrides
        )
        async with run_app(build(settings, clock=clock)):
            yield clock

    return run


@pytest.fixture
async def database(service_settings: Callable[..., Any]) -> AsyncIterator[Database]:
    opened = Database(service_settings(NotifySettings), schema="notify")
    yield opened
    await opened.stop()


@pytest.fixture
def registered(bus: Bus, database: Database, eventually: Any) -> Callable[[], Any]:
    """Registers somebody and returns a function that reads their welcome letter as it is stored."""

    async def register() -> Callable[[], Any]:
        user_id = new_id()
        event = events.AccountRegistered(user_id=user_id, email=f"{user_id}@example.org", display_name="Ann")
        await bus.publish_fact(event, event_id=new_id(), source="test", owner_id=user_id)

        async def read() -> Any:
            async with database.sessions() as session:
                return (await session.execute(sa.select(letters).where(letters.c.owner_id == user_id))).one_or_none()

        await eventually(read)
        return read

    return register


async def test_a_mail_server_that_is_away_for_hours_loses_nothing(
    run_notify: RunWith, registered: Any, eventually: Any
) -> None:
    server = MailServer()
    async with run_notify(server) as clock:
        read = await registered()
        for attempt in range(1, 4):
            row = await eventually(lambda attempt=attempt: _with(read, attempts=attempt, failed=True))
            assert row.state == LetterState.PENDING
            clock.advance(timedelta(hours=2))
        async with server.running():
            row = await eventually(lambda: _with(read, state=LetterState.SENT))
            assert server.times_seen(row) == 1
            assert row.sent_at is not None


async def _with(
    read: Callable[[], Any], *, attempts: int = 0, state: str | None = None, failed: bool = False
) -> Any:  # the row, once it is so
    row = await read()
    as_wanted = row.attempts >= attempts and state in (None, row.state) and bool(row.failure) >= failed
    return row if as_wanted else None


async def test_a_recipient_that_the_server_refuses_is_not_tried_again(
    run_notify: RunWith, registered: Any, eventually: Any
) -> None:
    server = MailServer()
    server.to_recipient = "550 No such mailbox"
    async with server.running(), run_notify(server):
        read = await registered()
        row = await eventually(lambda: _with(read, state=LetterState.REFUSED))
    assert row.attempts == 1
    assert row.failure == "550 No such mailbox"


async def test_content_that_the_server_refuses_is_not_tried_again(
    run_notify: RunWith, registered: Any, eventually: Any
) -> None:
    server = MailServer()
    server.to_content = "554 Looks like spam"
    async with server.running(), run_notify(server):
        read = await registered()
        row = await eventually(lambda: _with(read, state=LetterState.REFUSED))
    assert (row.attempts, row.failure) == (1, "554 Looks like spam")


@pytest.mark.parametrize(
    "overrides", [{"smtp_security": "starttls"}, {"smtp_username": "ann", "smtp_password": "not sent in the clear"}]
)
async def test_a_server_without_the_protection_or_account_that_is_set_gets_no_letter_and_none_is_lost(
    run_notify: RunWith, registered: Any, eventually: Any, overrides: dict[str, str]
) -> None:
    server = MailServer()
    async with server.running(), run_notify(server, **overrides):
        read = await registered()
        row = await eventually(lambda: _with(read, attempts=1, failed=True))
    assert row.state == LetterState.PENDING
    assert server.seen == []


async def test_a_busy_server_gets_the_letter_later(run_notify: RunWith, registered: Any, eventually: Any) -> None:
    server = MailServer()
    server.to_recipient = "451 Come back later"
    async with server.running(), run_notify(server) as clock:
        read = await registered()
        row = await eventually(lambda: _with(read, attempts=1, failed=True))
        assert (row.state, row.failure) == (LetterState.PENDING, "451 Come back later")
        server.to_recipient = "250 OK"
        clock.advance(timedelta(minutes=1))
        row = await eventually(lambda: _with(read, state=LetterState.SENT))
    assert server.times_seen(row) == 1


async def test_a_server_that_hangs_up_after_the_content_gets_the_same_message_id_again(
    run_notify: RunWith, registered: Any, eventually: Any
) -> None:
    server = MailServer()
    server.hangs_up = True
    async with server.running(), run_notify(server) as clock:
        read = await registered()
        await eventually(lambda: _with(read, attempts=1, failed=True))
        server.hangs_up = False
        clock.advance(timedelta(minutes=1))
        row = await eventually(lambda: _with(read, state=LetterState.SENT))
    assert row.attempts == 2
    assert server.times_seen(row) == 2


async def test_a_letter_is_claimed_by_one_sender_until_its_lease_ends(database: Database) -> None:
    clock = ForwardClock()
    # Long ago, so that it comes first whatever else is waiting.
    begun = utc_now() - timedelta(days=365)
    letter = Letter(new_id(), new_id(), "test", "a@example.org", "", "s", "t", "h", begun, begun)
    lease = timedelta(minutes=2)

    async def claim() -> list[str]:
        async with Store(database, clock=clock) as store:
            claimed = await store.claim_letters(1, lease=lease)
            await store.commit()
        return [one.id for one in claimed]

    async with Store(database, clock=clock) as store:
        await store.add_letter(letter)
        await store.commit()
    assert await claim() == [letter.id]
    assert letter.id not in await claim()
    clock.advance(lease)
    assert await claim() == [letter.id]
    late = [Letter(**{**letter.__dict__, "attempts": attempts}) for attempts in (1, 2)]
    async with Store(database, clock=clock) as store:
        await store.change_letter(late[1], state=LetterState.SENT)
        await store.change_letter(late[0], state=LetterState.PENDING)  # the holder before, too late
        await store.commit()
    clock.advance(lease)
    assert letter.id not in await claim()
