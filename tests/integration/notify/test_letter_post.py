"""Letters against mail servers that are away, refuse, or hang up."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from notify_post import ForwardClock, MailServer, RunWith

from linkarooie.events.v1 import events_pb2 as events
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.ids import new_id, utc_now
from services.notify.domain.letter import Letter, LetterState
from services.notify.store import Store, letters


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

        async def tried_three_times() -> Any:
            row = await _with(read, attempts=3, failed=True)
            if row is None:
                clock.advance(timedelta(minutes=10))
            return row

        row = await eventually(tried_three_times)
        assert row.state == LetterState.PENDING
        clock.advance(timedelta(hours=6))
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
