"""Settings, ids, pages, subjects and delays: the small rules that everything stands on."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from linkarooie.events.v1 import events_pb2
from servicekit.consumers import retry_delay_seconds
from servicekit.errors import InvalidInputError
from servicekit.ids import is_id, new_id
from servicekit.pages import PageRequest, page_of
from servicekit.settings import DatabaseSettings, GrpcSettings, ServiceSettings, SettingsError, Words, load_settings
from servicekit.subjects import MESSAGES, RENDER_BULK, RENDER_INTERACTIVE, SUBJECTS, envelope, live, sync_job
from servicekit.topology import FIXED_SUBSCRIPTIONS


class ExampleSettings(ServiceSettings, DatabaseSettings, GrpcSettings):
    service = "sync"

    hosts: Words = ()


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("LINKAROOIE_")]:
        monkeypatch.delenv(name)


def test_a_missing_variable_is_named_with_both_of_its_spellings() -> None:
    with pytest.raises(
        SettingsError, match=r"LINKAROOIE_SYNC_DATABASE_URL \(or LINKAROOIE_DATABASE_URL\): Field required"
    ):
        load_settings(ExampleSettings)


def test_a_services_own_variable_goes_before_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKAROOIE_DATABASE_URL", "postgresql://common")
    monkeypatch.setenv("LINKAROOIE_SYNC_DATABASE_URL", "postgresql://own")

    assert load_settings(ExampleSettings).database_url == SecretStr("postgresql://own")


def test_secrets_are_read_from_files_where_the_environment_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("secrets")
    (directory / "linkarooie_sync_database_url").write_text("postgresql://mounted")
    monkeypatch.setenv("LINKAROOIE_SECRETS_DIR", str(directory))

    assert load_settings(ExampleSettings).database_url.get_secret_value() == "postgresql://mounted"


def test_a_wrong_value_is_named_but_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKAROOIE_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("LINKAROOIE_DATABASE_POOL_SIZE", "hunter2")

    with pytest.raises(SettingsError, match="LINKAROOIE_SYNC_DATABASE_POOL_SIZE") as caught:
        load_settings(ExampleSettings)

    assert "hunter2" not in str(caught.value)


def test_secrets_do_not_show_in_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKAROOIE_DATABASE_URL", "postgresql://user:hunter2@host")

    assert "hunter2" not in repr(load_settings(ExampleSettings))


def test_half_a_tls_set_up_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKAROOIE_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("LINKAROOIE_TLS_KEY_FILE", "/key")

    with pytest.raises(SettingsError, match="TLS_AUTHORITY_FILE, or none"):
        load_settings(ExampleSettings)


@pytest.mark.parametrize("written", ["a:1, b:2", "a:1 b:2", "a:1,b:2"])
def test_a_list_is_written_as_words(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("LINKAROOIE_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("LINKAROOIE_HOSTS", written)

    assert load_settings(ExampleSettings).hosts == ("a:1", "b:2")


def test_ids_are_version_7_and_sort_by_the_time_they_were_made() -> None:
    import time

    ids = []
    for _ in range(5):
        ids.append(new_id())
        time.sleep(0.002)

    assert ids == sorted(ids)
    assert {uuid.UUID(each).version for each in ids} == {7}
    assert {uuid.UUID(each).variant for each in ids} == {uuid.RFC_4122}


@given(st.text())
def test_only_ids_are_ids(text: str) -> None:
    assert is_id(text) is False or str(uuid.UUID(text)) == text


class Thing:
    def __init__(self, id: str) -> None:
        self.id = id


@given(st.integers(0, 40), st.integers(1, 10))
def test_pages_hold_every_item_once_and_in_order(count: int, size: int) -> None:
    things = sorted((Thing(new_id()) for _ in range(count)), key=lambda thing: thing.id)
    seen: list[str] = []
    token = ""
    while True:
        request = PageRequest.parse(size, token, default=3)
        rest = [thing for thing in things if request.after is None or thing.id > request.after]
        page = page_of(request, rest[: request.size + 1])
        seen += [thing.id for thing in page.items]
        token = page.next_page_token
        if not token:
            break

    assert seen == [thing.id for thing in things]


@given(st.text(min_size=1))
def test_a_page_token_that_is_not_ours_is_refused_with_its_field(token: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        PageRequest.parse(10, token, default=10)

    assert caught.value.violations[0].field == "page_token"


def test_a_page_too_large_is_cut_to_the_maximum() -> None:
    assert PageRequest.parse(5000, "", default=10, maximum=100).size == 100


def test_every_event_has_a_subject_and_every_subject_one_event() -> None:
    facts = {
        message
        for message in vars(events_pb2).values()
        if isinstance(message, type) and message.DESCRIPTOR.name not in ("ChosenDefault", "TargetOutcome", "TargetDue")
    }

    assert set(SUBJECTS) == facts
    assert len(MESSAGES) == len(SUBJECTS)


def test_subjects_follow_the_grammar() -> None:
    import re

    grammar = re.compile(r"evt\.[a-z]+\.[a-z_]+\.v\d+")

    assert [subject for subject in SUBJECTS.values() if not grammar.fullmatch(subject)] == []


def test_consumers_hear_only_subjects_that_exist() -> None:
    heard = {subject for subscription in FIXED_SUBSCRIPTIONS for subject in subscription.subjects}

    assert heard - set(SUBJECTS.values()) == {"evt.>", RENDER_INTERACTIVE, RENDER_BULK}


@pytest.mark.parametrize("name", ["", "x.y", "x>", "x *", "Ünder"])
def test_a_name_that_would_change_a_subjects_meaning_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a subject"):
        sync_job(name)


def test_live_subjects_have_one_token_a_person() -> None:
    user_id = new_id()

    assert live(user_id) == f"live.{user_id.replace('-', '')}"


def test_the_envelope_says_what_whose_and_when() -> None:
    time = datetime(2026, 11, 21, tzinfo=UTC)

    headers = envelope("an-id", events_pb2.ImageReady, source="upload", time=time, owner_id="somebody")

    assert headers["Nats-Msg-Id"] == headers["ce-id"] == "an-id"
    assert headers["ce-type"] == "linkarooie.events.v1.ImageReady"
    assert headers["ce-source"] == "/linkarooie/upload"
    assert headers["ce-subject"] == "somebody"
    assert headers["ce-time"] == "2026-11-21T00:00:00+00:00"


@given(st.integers(1, 50), st.floats(0.8, 1.2))
def test_retry_delays_grow_and_stay_within_bounds(attempt: int, drawn: float) -> None:
    delay = retry_delay_seconds(attempt, jitter=lambda _low, _high: drawn)

    assert 1.6 <= delay <= 360
    assert retry_delay_seconds(attempt + 1, jitter=lambda _low, _high: drawn) >= delay
