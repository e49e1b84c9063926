"""A platform that fails is shown as it is, disturbs no other, and ends as the rules say; replicas do not double anything."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from system import PLATFORMS, Installation, Person, eventually, unlike_any_other

from linkarooie.events.v1 import events_pb2 as events
from servicekit.ids import new_id, utc_now
from servicekit.subjects import envelope, sync_job


@dataclass(frozen=True)
class Failure:
    """How a platform fails, and what its owner reads meanwhile."""

    platform: str
    switches: dict[str, Any]
    state: str
    reason: str
    action: str = "we_are_on_it"


FAILURES = [
    Failure("x", {"fail": "429", "retry_after_seconds": 3}, "paused", "RATE_LIMITED"),
    Failure("mastodon", {"fail": "500"}, "queued", "PLATFORM_UNAVAILABLE"),
    Failure("mastodon", {"fail": "401"}, "paused", "AUTH_REVOKED", action="you_can_fix_this"),
    Failure("bluesky", {"fail": "hang"}, "queued", "PLATFORM_UNAVAILABLE"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: f"{failure.platform}_{failure.switches['fail']}")
async def test_a_failing_platform_disturbs_no_other_and_ends_right(
    installation: Installation, person: Person, failure: Failure
) -> None:
    await person.connect_all(installation.sandbox)
    image_id = await person.upload(unlike_any_other())
    before = {platform: await installation.changes(platform) for platform in PLATFORMS}
    await installation.switch(failure.platform, **failure.switches)

    sync_id = await person.sync(image_id)

    others = [platform for platform in PLATFORMS if platform != failure.platform]
    await asyncio.gather(*(person.comes_to(sync_id, platform, "verified") for platform in others))
    target = await person.comes_to(sync_id, failure.platform, failure.state, reason=failure.reason)
    assert target["reason"]["action"] == failure.action
    assert target["reason"]["message"]
    assert (await person.get(f"/v1/syncs/{sync_id}"))["state"] == "running"
    assert await installation.changes(failure.platform) == before[failure.platform]

    await installation.switch(failure.platform)
    if failure.reason == "AUTH_REVOKED":
        [told] = await eventually(lambda: person.notices("connection.revoked"))
        assert told["level"] == "action_needed"
        await person.connect_all(installation.sandbox, only=failure.platform)
    await person.comes_to(sync_id, failure.platform, "verified")

    for platform in PLATFORMS:
        assert await installation.changes(platform) == before[platform] + 1
    assert (await person.get(f"/v1/syncs/{sync_id}"))["state"] == "finished"
    assert len(await eventually(lambda: person.notices("sync.finished"))) == 1


async def test_two_replicas_that_hear_of_the_same_work_change_each_picture_once(
    installation: Installation, person: Person
) -> None:
    places = [(platform, slot) for platform in PLATFORMS for slot in ("avatar", "banner")]
    await person.connect_all(installation.sandbox)
    image_id = await person.upload(unlike_any_other())
    await person.ready(image_id)
    before = {place: await installation.changes(*place) for place in places}

    async with installation.replica("sync/2"):
        syncs = {slot: await person.sync(image_id, slot=slot) for slot in ("avatar", "banner")}
        targets = [
            target for sync_id in syncs.values() for target in (await person.get(f"/v1/syncs/{sync_id}"))["targets"]
        ]
        assert len(targets) == len(places)
        await asyncio.gather(*(ring(installation, person, target) for target in targets for _ in range(10)))
        await asyncio.gather(*(person.comes_to(syncs[slot], platform, "verified") for platform, slot in places))

    assert {place: await installation.changes(*place) for place in places} == {
        place: count + 1 for place, count in before.items()
    }


async def ring(installation: Installation, person: Person, target: dict[str, Any]) -> None:
    """Says once more that a target is due."""
    due = events.TargetDue(target_id=target["id"], owner_id=person.id)
    headers = envelope(new_id(), events.TargetDue, source="test", time=utc_now(), owner_id=person.id)
    subject = sync_job(target["platform"])
    await installation.bus.jetstream.publish(subject, due.SerializeToString(), headers=headers)
