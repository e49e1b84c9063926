"""The notify service on real Postgres, NATS and SMTP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from notify_people import Person, equal, has, list_notices, titles

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.notify.v1 import notify_pb2
from linkarooie.sync.v1 import sync_pb2
from servicekit.errors import InvalidInputError, UnauthenticatedError
from servicekit.grpc_client import remote_errors
from servicekit.identity import acting_for
from servicekit.ids import new_id
from servicekit.protobuf import timestamp
from servicekit.subjects import live

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def finished(owner_id: str, *states: str, sync_id: str | None = None, version: int = 1) -> events.SyncFinished:
    outcomes = [
        events.TargetOutcome(
            target_id=new_id(),
            platform=platform,
            remote_handle="@ann",
            state=sync_pb2.TargetState.Value(f"TARGET_STATE_{state.upper()}"),
            reason=sync_pb2.Reason(message="Because of this." if state != "verified" else ""),
        )
        for platform, state in zip(("x", "mastodon", "bluesky"), states, strict=False)
    ]
    return events.SyncFinished(
        sync_id=sync_id or new_id(), owner_id=owner_id, slot="avatar", outcomes=outcomes, version=version
    )


def failed_image(owner_id: str, image_id: str | None = None) -> events.ImageFailed:
    return events.ImageFailed(image_id=image_id or new_id(), owner_id=owner_id, revision=1, message="It is torn.")


def connection(owner_id: str) -> dict[str, str]:
    return {"connection_id": new_id(), "owner_id": owner_id, "platform": "mastodon", "remote_handle": "@ann"}


async def test_a_new_account_gets_a_welcome_letter_with_both_parts(notify: Any, ann: Person, eventually: Any) -> None:
    await ann.registers()
    (letter,) = await eventually(ann.letters)
    assert letter["subject"] == "Welcome to Linkarooie"
    assert "Hello Ann," in letter["text"]
    assert "Hello Ann," in letter["html"]


async def test_a_finished_sync_becomes_a_notice_and_a_letter(notify: Any, ann: Person, eventually: Any) -> None:
    await ann.registers()
    event = finished(ann.id, "verified", "verified", "needs_you")
    await ann.hears(event)
    title = "Your avatar: 2 verified, 1 needs you"
    await eventually(lambda: has(ann.subjects, title))
    (notice,) = (await list_notices(notify)).notices
    assert (notice.kind, notice.title) == ("sync.finished", title)
    assert notice.level == notify_pb2.NOTICE_LEVEL_ACTION_NEEDED
    assert notice.body == "Bluesky (@ann): Because of this."
    assert notice.action_path == f"/syncs/{event.sync_id}"
    letter = next(one for one in await ann.letters() if one["subject"] == title)
    assert "- Bluesky (@ann): Needs you\n  Because of this." in letter["text"].replace("\r\n", "\n")
    assert f"http://127.0.0.1:8080/syncs/{event.sync_id}" in letter["text"]


async def test_one_cause_is_told_once_however_often_it_comes(notify: Any, ann: Person, eventually: Any) -> None:
    await ann.registers()
    event, last = finished(ann.id, "verified"), finished(ann.id, "failed")
    for event_id in ("a", "a", "b"):  # a repetition of the message, and the same fact in another one
        await ann.hears(event, event_id=f"{ann.id}-{event_id}")
    await ann.hears(last)
    expected = ["Welcome to Linkarooie", "Your avatar is up on X", "Your avatar: 1 failed"]
    await eventually(lambda: equal(ann.subjects, expected))
    assert sorted(await titles(notify)) == expected[1:]


async def test_news_that_were_overtaken_are_left_unsaid(notify: Any, ann: Person, eventually: Any) -> None:
    await ann.registers()
    sync_id = new_id()
    await ann.hears(finished(ann.id, "verified", sync_id=sync_id, version=2))
    await eventually(lambda: equal(lambda: titles(notify), ["Your avatar is up on X"]))
    await ann.hears(finished(ann.id, "failed", sync_id=sync_id, version=1))
    await ann.hears(failed_image(ann.id))
    await eventually(lambda: has(lambda: titles(notify), "A picture could not be prepared"))
    assert "Your avatar: 1 failed" not in await titles(notify)


async def test_a_loss_that_a_reconnect_overtook_sends_no_letter(notify: Any, ann: Person, eventually: Any) -> None:
    await ann.registers()
    shared = connection(ann.id)
    await ann.hears(events.ConnectionAdded(**shared, reconnected=True, event_time=timestamp(NOW)))
    await eventually(lambda: equal(lambda: titles(notify), ["Mastodon is connected again"]))
    await ann.hears(events.ConnectionRevoked(**shared, event_time=timestamp(NOW - timedelta(seconds=5))))
    await ann.hears(events.ConnectionRevoked(**connection(ann.id), waiting_targets=1, event_time=timestamp(NOW)))
    title = "Mastodon needs to be connected again"
    await eventually(lambda: equal(ann.subjects, [title, "Welcome to Linkarooie"]))
    assert (await titles(notify)).count(title) == 1


async def test_an_end_of_access_and_a_reminder_are_a_notice_and_a_letter_each_time(
    notify: Any, ann: Person, eventually: Any
) -> None:
    await ann.registers()
    shared, ids = connection(ann.id), {"target_id": new_id(), "sync_id": new_id(), "owner_id": ann.id}
    ends_at = NOW + timedelta(days=7)
    ending, waiting = (
        "Mastodon needs to be connected again by 8 May 2026",
        "Your avatar on Mastodon still waits for you",
    )
    expected = ["Welcome to Linkarooie"]
    for number, days in ((1, 7), (2, 1)):
        noted = events.ConnectionExpiryNoted(
            **shared, expire_time=timestamp(ends_at), event_time=timestamp(ends_at - timedelta(days=days))
        )
        reminded = events.TargetReminded(**ids, platform="mastodon", slot="avatar", number=number)
        for _ in range(2):  # the same message comes twice
            await ann.hears(noted, event_id=f"{ann.id}-noted-{number}")
            await ann.hears(reminded, event_id=f"{ann.id}-reminded-{number}")
        expected += [ending, waiting]
        await eventually(partial(equal, ann.subjects, sorted(expected)))
    assert sorted(await titles(notify)) == sorted(expected[1:])


async def test_news_that_come_before_the_account_are_told_when_it_is_there(
    notify: Any, ann: Person, eventually: Any
) -> None:
    await ann.hears(finished(ann.id, "verified"))
    await ann.registers()
    await eventually(lambda: has(ann.subjects, "Your avatar is up on X"))
    assert await titles(notify) == ["Your avatar is up on X"]


async def test_open_pages_hear_of_every_change_over_core_nats(notify: Any, ann: Person) -> None:
    subscription = await ann.bus.client.subscribe(live(ann.id))
    await ann.bus.client.flush()
    ids = {kind: new_id() for kind in ("image", "target", "sync")}
    shared = connection(ann.id)
    target = events.TargetChanged(target_id=ids["target"], sync_id=ids["sync"], owner_id=ann.id)
    target.state = sync_pb2.TARGET_STATE_SENDING
    await ann.hears(events.ImageReady(image_id=ids["image"], owner_id=ann.id))
    await ann.hears(
        events.ConnectionObserved(connection_id=shared["connection_id"], owner_id=ann.id, platform="x", slot="avatar")
    )
    await ann.hears(events.ConnectionRemoved(**shared))
    await ann.hears(target)
    await ann.hears(finished(ann.id, "cancelled", sync_id=ids["sync"]))
    heard = [notify_pb2.LiveUpdate.FromString((await subscription.next_msg(timeout=10)).data) for _ in range(5)]
    assert sorted((one.kind, one.id, one.state, one.parent_id) for one in heard) == [
        ("connection", shared["connection_id"], "", ""),
        ("connection", shared["connection_id"], "", ""),
        ("image", ids["image"], "ready", ""),
        ("sync", ids["sync"], "finished", ""),
        ("target", ids["target"], "sending", ids["sync"]),
    ]
    assert all(one.event_id for one in heard)
    await subscription.unsubscribe()


async def test_open_pages_hear_of_pictures_and_defaults_that_others_change_without_a_notice(
    notify: Any, ann: Person
) -> None:
    subscription = await ann.bus.client.subscribe(live(ann.id))
    await ann.bus.client.flush()
    ids = [new_id() for _ in range(4)]
    about = [{"image_id": image_id, "owner_id": ann.id} for image_id in ids]
    await ann.hears(events.ImageEdited(**about[0], revision=2))
    await ann.hears(events.ImageDeleted(**about[1]))
    await ann.hears(events.ImageRestored(**about[2], revision=1))
    await ann.hears(events.ImagePurged(**about[3]))
    await ann.hears(events.DefaultsChanged(owner_id=ann.id, version=2))
    heard = [notify_pb2.LiveUpdate.FromString((await subscription.next_msg(timeout=10)).data) for _ in range(5)]
    assert sorted((one.kind, one.id, one.state) for one in heard) == sorted(
        [
            ("defaults", ann.id, ""),
            ("image", ids[0], "processing"),
            *(("image", image_id, "") for image_id in ids[1:]),
        ]
    )
    assert await titles(notify) == []
    await subscription.unsubscribe()


async def test_a_new_notice_is_a_live_update_of_its_own(notify: Any, ann: Person) -> None:
    subscription = await ann.bus.client.subscribe(live(ann.id))
    await ann.bus.client.flush()
    await ann.hears(failed_image(ann.id))
    heard = [notify_pb2.LiveUpdate.FromString((await subscription.next_msg(timeout=10)).data) for _ in range(2)]
    (notice,) = (await list_notices(notify)).notices
    assert [(one.kind, one.state) for one in heard] == [("image", "failed"), ("notice", "")]
    assert heard[1].id == notice.id
    await subscription.unsubscribe()


async def test_notices_are_counted_paged_and_marked_read_by_their_owner_alone(
    notify: Any, ann: Person, new_person: Callable[[], Person], eventually: Any
) -> None:
    for _ in range(3):
        await ann.hears(failed_image(ann.id))

    async def all_there() -> bool:
        return (await list_notices(notify)).unread_count == 3

    await eventually(all_there)
    first = await list_notices(notify, page_size=2)
    second = await list_notices(notify, page_size=2, page_token=first.next_page_token)
    ids = [notice.id for page in (first, second) for notice in page.notices]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == 3
    assert second.next_page_token == ""
    with acting_for(new_person().caller):
        assert not (await list_notices(notify)).notices
        assert await mark(notify, ids) == 0
    assert await mark(notify, [ids[0], "no id at all"]) == 2
    assert await mark(notify, []) == 0
    assert all(notice.HasField("read_time") for notice in (await list_notices(notify)).notices)


async def mark(notify: Any, ids: list[str]) -> int:
    with remote_errors():
        answer = await notify.MarkNoticesRead(notify_pb2.MarkNoticesReadRequest(ids=ids))
    count: int = answer.unread_count
    return count


async def test_too_many_ids_and_no_sign_in_are_refused(notify: Any, new_person: Callable[[], Person]) -> None:
    with pytest.raises(UnauthenticatedError):
        await list_notices(notify)
    with acting_for(new_person().caller), pytest.raises(InvalidInputError) as refused:
        await mark(notify, [new_id()] * 501)
    assert [violation.field for violation in refused.value.violations] == ["ids"]
