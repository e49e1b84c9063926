"""The letters of signing in, on real Postgres, NATS and SMTP."""

import secrets
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from google.protobuf.message import Message
from notify_people import Person, equal, list_notices, titles
from notify_post import ForwardClock, MailServer, RunWith

from linkarooie.auth.v1 import auth_pb2
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.notify.v1 import notify_pb2
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.ids import new_id, utc_now
from servicekit.protobuf import timestamp
from servicekit.vault import Vault
from services.notify.domain.letter import Letter, LetterState
from services.notify.settings import NotifySettings
from services.notify.store import Store, inbox, letters, recipients

Request = Callable[..., events.AccountLetterRequested]
Read = Callable[[str], Awaitable[Any]]
UNTIL_EXPIRED = timedelta(minutes=31)


@pytest.fixture
def token() -> str:
    return secrets.token_urlsafe(32)


@pytest.fixture
def request_letter(service_settings: Callable[..., Any], token: str) -> Request:
    """Makes the event that asks for a letter, as the auth service does."""
    vault = Vault(service_settings(NotifySettings).letter_keys, setting="LINKAROOIE_LETTER_KEYS")

    def make(kind: str, email: str, *, with_token: bool = True) -> events.AccountLetterRequested:
        letter_id, now = new_id(), utc_now()
        sealed = vault.seal({"token": token}, user=letter_id, thing="letter", field="token") if with_token else b""
        return events.AccountLetterRequested(
            letter_id=letter_id,
            kind=events.AccountLetterKind.Value(f"ACCOUNT_LETTER_KIND_{kind.upper()}"),
            email=email,
            display_name="Ann",
            sealed_token=sealed,
            expire_time=timestamp(now + timedelta(minutes=30)) if with_token else None,
            device="Firefox on Linux",
            address="192.0.2.1",
            event_time=timestamp(now),
        )

    return make


@pytest.fixture
def read(database: Database) -> Read:
    """Reads a letter as it is stored."""

    async def read_letter(letter_id: str) -> Any:  # a row of `letters`, or None
        async with database.sessions() as session:
            return (await session.execute(sa.select(letters).where(letters.c.id == letter_id))).one_or_none()

    return read_letter


@pytest.fixture
def log_lines() -> Iterator[Any]:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        yield lines


async def publish(bus: Bus, event: Message, *, owner_id: str | None = None) -> None:
    await bus.publish_fact(event, event_id=new_id(), source="test", owner_id=owner_id or new_id())


async def in_state(read: Read, letter_id: str, state: LetterState) -> Any:  # the row, once it is so
    row = await read(letter_id)
    return row if row is not None and row.state == state else None


async def test_a_letter_goes_to_an_address_that_has_no_account_with_its_link_in_both_parts(
    notify: Any, ann: Person, request_letter: Request, token: str, eventually: Any
) -> None:
    await publish(ann.bus, request_letter("confirm_registration", ann.email))
    (letter,) = await eventually(ann.letters)
    assert letter["subject"] == "Confirm your address"
    link = f"http://127.0.0.1:8080/confirm-email#token={token}"
    assert link in letter["text"]
    assert f'href="{link}"' in letter["html"]
    assert "The link works once, and for 30 minutes" in letter["text"]


@pytest.mark.parametrize(
    ("kind", "greeting"),
    [
        ("confirm_registration", "Hello,"),
        ("confirm_email_change", "Hello,"),
        ("no_account", "Hello,"),
        ("already_registered", "Hello Ann,"),
        ("reset_password", "Hello Ann,"),
    ],
)
async def test_a_name_that_a_stranger_may_have_chosen_is_not_delivered(
    notify: Any, ann: Person, request_letter: Request, eventually: Any, kind: str, greeting: str
) -> None:
    await publish(ann.bus, request_letter(kind, ann.email))
    (letter,) = await eventually(ann.letters)
    assert letter["text"].startswith(f"{greeting}\r\n")
    assert ("Ann" in letter["html"].replace(ann.email, "")) == ("Ann" in greeting)


async def test_a_request_that_comes_again_in_another_message_sends_no_second_letter(
    notify: Any, ann: Person, request_letter: Request, eventually: Any
) -> None:
    event = request_letter("no_account", ann.email, with_token=False)
    for _ in range(2):
        await publish(ann.bus, event)
    await publish(ann.bus, request_letter("already_registered", ann.email, with_token=False))
    await eventually(lambda: equal(ann.subjects, ["No account has this address", "You have an account already"]))


async def test_the_secret_of_a_letter_that_was_sent_is_nowhere_any_more(
    run_notify: RunWith, bus: Bus, request_letter: Request, read: Read, token: str, eventually: Any, log_lines: Any
) -> None:
    server, event = MailServer(), request_letter("reset_password", f"{new_id()}@example.org")
    async with server.running(), run_notify(server):
        await publish(bus, event)
        row = await eventually(lambda: in_state(read, event.letter_id, LetterState.SENT))
    assert server.times_seen(row) == 1
    assert (row.text, row.html) == ("", "")
    assert row.subject == "Set a new password"
    assert token not in str(row) + str(log_lines)


async def test_a_letter_without_a_secret_is_kept_as_it_was_sent(
    run_notify: RunWith, bus: Bus, request_letter: Request, read: Read, eventually: Any
) -> None:
    server, event = MailServer(), request_letter("no_account", f"{new_id()}@example.org", with_token=False)
    async with server.running(), run_notify(server):
        await publish(bus, event)
        row = await eventually(lambda: in_state(read, event.letter_id, LetterState.SENT))
    assert "no Linkarooie account has it" in row.text


async def test_the_secret_of_a_letter_that_was_refused_is_nowhere_any_more_even_if_the_server_quotes_it(
    run_notify: RunWith, bus: Bus, request_letter: Request, read: Read, token: str, eventually: Any, log_lines: Any
) -> None:
    server, event = MailServer(), request_letter("reset_password", f"{new_id()}@example.org")
    server.to_content = f"554 Unwanted link http://x.example/reset-password#token={token} in the letter"
    async with server.running(), run_notify(server):
        await publish(bus, event)
        row = await eventually(lambda: in_state(read, event.letter_id, LetterState.REFUSED))
    assert (row.text, row.html) == ("", "")
    assert row.failure == "554 Unwanted link http://x.example/reset-password#token=… in the letter"
    assert [line["event"] for line in log_lines if line.get("letter_id") == event.letter_id] == ["letter_refused"]
    assert token not in str(row) + str(log_lines)


async def test_a_letter_whose_link_has_expired_is_not_sent_any_more(
    run_notify: RunWith, bus: Bus, request_letter: Request, read: Read, token: str, eventually: Any
) -> None:
    server, event = MailServer(), request_letter("reset_password", f"{new_id()}@example.org")

    async def tried() -> Any:
        row = await read(event.letter_id)
        return row if row is not None and row.failure else None

    async with run_notify(server) as clock:
        await publish(bus, event)
        row = await eventually(tried)
        assert (row.state, token in row.text) == (LetterState.PENDING, True)
        async with server.running():
            clock.advance(UNTIL_EXPIRED)
            row = await eventually(lambda: in_state(read, event.letter_id, LetterState.EXPIRED))
    assert server.times_seen(row) == 0
    assert (row.text, row.html, row.sent_at) == ("", "", None)


async def test_a_letter_that_cannot_be_stored_does_not_show_its_text_in_the_error(database: Database) -> None:
    now = utc_now()
    letter = Letter(new_id(), "no id", "test", "a@example.org", "", "s", "the secret", "the secret", now, now)
    async with Store(database, clock=ForwardClock()) as store:
        with pytest.raises(sa.exc.DBAPIError) as failed:
            await store.add_letter(letter)
    assert "the secret" not in str(failed.value)


def changed(person: Person, email: str, version: int) -> events.AccountChanged:
    return events.AccountChanged(user_id=person.id, email=email, display_name="Anna", version=version)


@pytest.fixture
def anna(new_person: Callable[[], Person]) -> Person:
    """Somebody else, or the address that an account changes to."""
    return new_person()


async def test_letters_go_to_the_address_of_the_newest_change_in_whatever_order_changes_come(
    notify: Any, ann: Person, anna: Person, database: Database, eventually: Any
) -> None:
    async def rows(query: sa.Select[Any]) -> list[Any]:
        async with database.sessions() as session:
            return list(await session.execute(query))

    address = sa.select(recipients.c.email, recipients.c.version).where(recipients.c.user_id == ann.id)
    await ann.hears(changed(ann, anna.email, 3))  # before the account itself is known
    await ann.registers()
    await eventually(lambda: equal(lambda: rows(address), [(anna.email, 3)]))

    stale = [f"{ann.id}-{version}" for version in (2, 3)]
    for version, event_id in zip((2, 3), stale, strict=True):
        await ann.hears(changed(ann, "elsewhere@example.org", version), event_id=event_id)
    handled = sa.select(inbox.c.message_id).where(inbox.c.message_id.in_(stale)).order_by(inbox.c.message_id)
    await eventually(lambda: equal(lambda: rows(handled), [(event_id,) for event_id in stale]))
    assert await rows(address) == [(anna.email, 3)]

    lost = {"connection_id": new_id(), "owner_id": ann.id, "platform": "mastodon"}
    await ann.hears(events.ConnectionRevoked(**lost, event_time=timestamp(utc_now())))
    (letter,) = await eventually(anna.letters)
    assert letter["subject"] == "Mastodon needs to be connected again"
    assert "Hello Anna," in letter["text"]
    assert await ann.subjects() == ["Welcome to Linkarooie"]


def noted(ann: Person, action: str, email: str, detail: str = "") -> events.AccountSecurityNoted:
    return events.AccountSecurityNoted(
        activity_id=new_id(),
        user_id=ann.id,
        action=auth_pb2.ActivityAction.Value(f"ACTIVITY_ACTION_{action.upper()}"),
        detail=detail,
        email=email,
        display_name="Ann",
        device="Firefox on Linux",
        address="192.0.2.1",
        event_time=timestamp(utc_now()),
    )


async def test_news_about_safety_are_a_notice_and_a_letter_and_wait_for_no_other_event(
    notify: Any, ann: Person, eventually: Any
) -> None:
    await ann.hears(noted(ann, "signed_in_new_device", ann.email, "password"))
    (letter,) = await eventually(ann.letters)
    assert letter["subject"] == "New sign-in to your account"
    assert "- Device: Firefox on Linux\n- Network address: 192.0.2.1" in letter["text"].replace("\r\n", "\n")
    assert "http://127.0.0.1:8080/settings/sessions" in letter["text"]
    (notice,) = (await list_notices(notify)).notices
    assert (notice.kind, notice.title) == ("account.signed_in_new_device", letter["subject"])
    assert (notice.level, notice.action_path) == (notify_pb2.NOTICE_LEVEL_ACTION_NEEDED, "/settings/security")


async def test_a_changed_address_is_told_to_the_one_before(
    notify: Any, ann: Person, anna: Person, eventually: Any
) -> None:
    await anna.registers()
    await anna.hears(noted(anna, "email_changed", ann.email, detail=anna.email))
    (letter,) = await eventually(ann.letters)
    assert letter["subject"] == "Your address was changed"
    assert f"is now {anna.email}." in letter["text"]
    assert "Your address was changed" not in await anna.subjects()


async def test_one_activity_is_told_once_and_the_next_of_its_kind_again(
    notify: Any, ann: Person, eventually: Any
) -> None:
    first, second = (noted(ann, "api_key_created", ann.email, detail) for detail in ("One", "Two"))
    for event in (first, first, second):
        await ann.hears(event)
    expected = ["A new API key: One", "A new API key: Two"]
    await eventually(lambda: equal(ann.subjects, expected))
    assert sorted(await titles(notify)) == expected
