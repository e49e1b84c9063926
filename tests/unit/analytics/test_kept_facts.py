"""What is kept of an event."""

from datetime import UTC, datetime

import pytest
from google.protobuf.message import Message

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.sync.v1 import sync_pb2
from servicekit.consumers import Delivery, PoisonedMessageError
from servicekit.ids import new_id
from servicekit.protobuf import timestamp
from servicekit.subjects import SUBJECTS, subject_of
from services.analytics.consumers import LEFT_OUT, ending_of, fact_of, handlers
from services.analytics.domain import RESTING
from services.analytics.store import Store
from services.analytics.use_cases import Figures

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PERSONAL = {"email", "display_name", "handle", "previous_handle", "remote_handle", "paths"}


def _no_store() -> Store:
    raise AssertionError("nothing is to be written")


def delivery(message: Message, owner_id: str | None = None) -> Delivery:
    owner = new_id() if owner_id is None else owner_id
    return Delivery("id-1", "analytics", subject_of(type(message)), message, owner, 1, NOW)


def test_an_event_is_kept_with_its_kind_time_and_ids() -> None:
    image_id = new_id()
    fact = fact_of(delivery(events.ImageUploaded(image_id=image_id, bytes=5, event_time=timestamp(NOW))))
    assert (fact.at, fact.id, fact.kind) == (NOW, "id-1", "image.uploaded")
    assert fact.payload == {"image_id": image_id, "bytes": "5", "event_time": "2026-05-01T12:00:00Z"}


def test_nothing_that_names_a_person_is_kept() -> None:
    for message in SUBJECTS:
        personal = PERSONAL & set(message.DESCRIPTOR.fields_by_name)
        assert personal <= set(LEFT_OUT.get(message, ())), message.DESCRIPTOR.name


def test_what_is_left_out_exists() -> None:
    for message, names in LEFT_OUT.items():
        assert set(names) <= set(message.DESCRIPTOR.fields_by_name)


def test_leaving_out_does_not_touch_the_event_itself() -> None:
    event = events.AccountRegistered(email="ann@example.org", event_time=timestamp(NOW))
    assert "email" not in fact_of(delivery(event)).payload
    assert event.email == "ann@example.org"


@pytest.mark.parametrize(
    ("event", "owner_id"), [(events.ImageReady(), None), (events.ImageReady(event_time=timestamp(NOW)), "nobody")]
)
def test_an_event_without_time_or_owner_is_laid_aside_at_once(event: Message, owner_id: str | None) -> None:
    with pytest.raises(PoisonedMessageError):
        fact_of(delivery(event, owner_id))


def test_what_belongs_to_nobody_is_passed_over_and_all_else_is_kept() -> None:
    heard = handlers(Figures(stores=_no_store, clock=lambda: NOW))
    assert set(SUBJECTS) - set(heard) == {events.RecipesPublished}


@pytest.mark.parametrize("state", sync_pb2.TargetState.keys())
def test_only_resting_steps_are_endings(state: str) -> None:
    name = state.removeprefix("TARGET_STATE_").lower()
    event = events.TargetChanged(state=sync_pb2.TargetState.Value(state), event_time=timestamp(NOW), version=3)
    ending = ending_of(event)
    assert (ending.result if ending else None) == (name if name in RESTING else None)
