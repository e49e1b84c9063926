"""Putting back what a place showed before: the earlier picture, or that there was none, and never anything else."""

import asyncio
import hashlib
import io
from dataclasses import dataclass
from typing import Any, cast

import pytest
import sqlalchemy as sa
from by_hand import confirm, set_by_hand
from sync_world import PLATFORMS, Person, World, photograph

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import new_id, utc_now
from servicekit.pictures.perceptual import PerceptualHash, distance, perceptual_hash
from servicekit.protobuf import timestamp
from services.sync.platforms.base import Kind
from services.sync.store.connections import Snapshot
from services.sync.store.tables import snapshots
from services.sync.use_cases.roll_backs import RollBacks

SAME = 10


@dataclass
class Account:
    """Somebody's account on a platform, whose first pictures are known."""

    world: World
    person: Person
    connection: sync_pb2.Connection

    async def shows(self, seed: int, slot: str = "avatar") -> sync_pb2.Target:
        """Brings a picture there."""
        sync = await self.person.sync(await self.person.upload(seed, slot), self.connection.id, slot=slot)
        return await self.person.reaches(sync, "VERIFIED")

    async def put_back(self, slot: str = "avatar", **more: Any) -> sync_pb2.Sync:
        request = sync_pb2.RollBackPlaceRequest(connection_id=self.connection.id, slot=slot, **more)
        return (await self.person.call("RollBackPlace", request)).sync  # type: ignore[no-any-return]

    async def snapshots(self, slot: str = "avatar", **more: Any) -> list[sync_pb2.Snapshot]:
        request = sync_pb2.ListSnapshotsRequest(connection_id=self.connection.id, slot=slot, **more)
        return list((await self.person.call("ListSnapshots", request)).snapshots)

    async def observed(self, slot: str = "avatar") -> sync_pb2.ObservedPicture:
        found = await self.person.connection(self.connection.id)
        return next(each.observed for each in found.slots if each.slot == slot)

    async def changes(self, slot: str = "avatar") -> int:
        return await self.world.control.changes(self.connection.platform, slot)

    async def is_empty(self, slot: str = "avatar") -> bool:
        adapter = self.world.inside.platforms.adapters[self.connection.platform]
        return not (await adapter.observe(await self.world.session(self.connection.id), cast("Kind", slot))).url

    async def forget_what_was_there(self) -> None:
        async with self.world.inside.stores() as store:
            await store.session.execute(sa.delete(snapshots).where(snapshots.c.connection_id == self.connection.id))
            await store.commit()

    async def was_found(self, *, slot: str = "avatar", **values: str) -> str:
        """Lets something have been found there once, nothing unless told otherwise; returns the snapshot's id."""
        columns = ("tag", "url", "sha256", "object_key", "content_type", "perceptual_hash")
        texts = {name: values.get(name, "") for name in columns}
        snapshot = Snapshot(
            id=new_id(),
            owner_id=self.person.id,
            connection_id=self.connection.id,
            slot=slot,
            taken_at=utc_now(),
            **texts,
        )
        async with self.world.inside.stores() as store:
            await store.add_snapshot(snapshot)
            await store.commit()
        return snapshot.id

    async def was_found_picture(self, seed: int, *, slot: str = "avatar", cut: int | None = None) -> str:
        """Lets a WebP file have been found there once, which platforms serve and do not take; with `cut` only its first bytes."""
        picture, file = photograph(seed), io.BytesIO()
        picture.save(file, "WEBP")
        content = file.getvalue()[:cut]
        sha256 = hashlib.sha256(content).hexdigest()
        key = f"snapshots/{self.person.id}/{sha256}"
        path = self.world.directory / f"{self.person.id}-{sha256}"
        path.write_bytes(content)
        await self.world.objects.put_file(key, path, content_type="image/webp")
        return await self.was_found(
            slot=slot,
            tag=f"tag of {seed}",
            url="https://p.test/earlier",
            sha256=sha256,
            object_key=key,
            content_type="image/webp",
            perceptual_hash=perceptual_hash(picture).hex(),
        )


async def account_on(world: World, platform: str, person: Person | None = None) -> Account:
    person = person or world.person()
    connection = await person.connect(platform)
    await person.first_looks_at(connection)
    return Account(world, person, connection)


async def all_rest(person: Person, sync: sync_pb2.Sync) -> bool:
    found = (await person.call("GetSync", sync_pb2.GetSyncRequest(id=sync.id))).sync
    return bool(found.HasField("finish_time"))


def are_alike(first: str, second: str) -> bool:
    return distance(PerceptualHash.from_hex(first), PerceptualHash.from_hex(second)) <= SAME


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_what_was_there_before_us_is_put_back_seen_and_not_sent_twice(world: World, platform: str) -> None:
    account = await account_on(world, platform)
    first = await account.observed()
    await account.shows(701)

    sync = await account.put_back()
    target = await account.person.reaches(sync, "VERIFIED")

    assert (sync.trigger, sync.image_id, sync.slot) == (sync_pb2.SYNC_TRIGGER_ROLL_BACK, "", "avatar")
    assert target.snapshot.is_first
    assert target.snapshot.object_key == first.object_key
    assert are_alike((await account.observed()).perceptual_hash, first.perceptual_hash)
    assert await account.changes() == 2
    again = await account.person.reaches(await account.put_back(), "VERIFIED")
    assert again.reason.code == "ALREADY_RIGHT"
    assert not again.HasField("before")
    assert await account.changes() == 2


async def test_a_target_goes_back_to_what_its_place_showed_before_it(world: World) -> None:
    account = await account_on(world, "mastodon")
    await account.shows(702)
    before = await account.observed()
    target = await account.shows(703)

    made = (await account.person.call("RollBackTarget", sync_pb2.RollBackTargetRequest(id=target.id))).sync

    done = await account.person.reaches(made, "VERIFIED")
    assert done.snapshot.id == target.before.id
    assert not done.snapshot.is_first
    assert are_alike(done.observed.perceptual_hash, before.perceptual_hash)


async def test_a_target_may_go_back_to_another_snapshot_of_its_place_alone(world: World) -> None:
    account = await account_on(world, "mastodon")
    await account.shows(704)
    target = await account.shows(705)
    [first] = [each for each in await account.snapshots() if each.is_first]

    async def back_to(snapshot_id: str) -> sync_pb2.Sync:
        request = sync_pb2.RollBackTargetRequest(id=target.id, snapshot_id=snapshot_id)
        return (await account.person.call("RollBackTarget", request)).sync  # type: ignore[no-any-return]

    done = await account.person.reaches(await back_to(first.id), "VERIFIED")
    assert done.snapshot.id == first.id
    [of_banner] = await account.snapshots("banner")
    assert await account.person.reason_of(back_to(of_banner.id)) == "SNAPSHOT_NOT_FOUND"
    assert await account.person.reason_of(back_to("no id at all")) == "SNAPSHOT_NOT_FOUND"


async def test_a_sync_goes_back_in_all_places_where_it_has_sent_something(world: World) -> None:
    person = world.person()
    accounts = [await account_on(world, platform, person) for platform in ("bluesky", "mastodon", "x")]
    await accounts[0].shows(706)
    sync = await person.sync(await person.upload(706), *(account.connection.id for account in accounts))

    await world.eventually(lambda: all_rest(person, sync), within_seconds=25)

    made = (await person.call("RollBackSync", sync_pb2.RollBackSyncRequest(id=sync.id))).sync

    # The first account showed the picture already.
    assert [target.platform for target in made.targets] == ["mastodon", "x"]

    await world.eventually(lambda: all_rest(person, made), within_seconds=25)
    assert {each.state for each in await person.targets(made.id)} == {sync_pb2.TARGET_STATE_VERIFIED}
    assert [await account.changes() for account in accounts] == [1, 2, 2]


async def test_a_sync_that_has_sent_nothing_has_nothing_to_put_back(world: World) -> None:
    account = await account_on(world, "mastodon")
    sync = await account.person.sync(await account.person.upload(707, rendered=False), account.connection.id)
    [target] = await account.person.targets(sync.id)
    of_sync = account.person.call("RollBackSync", sync_pb2.RollBackSyncRequest(id=sync.id))
    assert await account.person.reason_of(of_sync) == "NO_SNAPSHOT"
    of_target = account.person.call("RollBackTarget", sync_pb2.RollBackTargetRequest(id=target.id))
    assert await account.person.reason_of(of_target) == "NO_SNAPSHOT"


@pytest.mark.parametrize(("platform", "slot"), [("bluesky", "avatar"), ("mastodon", "avatar"), ("x", "banner")])
async def test_where_nothing_was_before_the_picture_is_taken_away(world: World, platform: str, slot: str) -> None:
    account = await account_on(world, platform)
    adapter, session = world.inside.platforms.adapters[platform], await world.session(account.connection.id)
    await adapter.remove(session, cast("Kind", slot))
    await world.eventually(lambda: account.is_empty(slot))
    target = await account.shows(708, slot)

    made = (await account.person.call("RollBackTarget", sync_pb2.RollBackTargetRequest(id=target.id))).sync

    done = await account.person.reaches(made, "VERIFIED")
    assert await account.is_empty(slot)
    assert not done.snapshot.object_key
    assert not (await account.observed(slot)).url
    again = (await account.person.call("RollBackTarget", sync_pb2.RollBackTargetRequest(id=target.id))).sync
    assert (await account.person.reaches(again, "VERIFIED")).reason.code == "ALREADY_RIGHT"


@pytest.mark.parametrize("platform", ["facebook", "x"])
async def test_what_no_call_takes_away_is_left_to_its_owner(world: World, platform: str) -> None:
    account = await account_on(world, platform)
    sync = await account.put_back(snapshot_id=await account.was_found())
    target = await account.person.reaches(sync, "NEEDS_YOU", reason="REMOVE_BY_HAND")
    assert "Remove it yourself" in target.reason.message
    assert not target.instructions
    assert await account.changes() == 0


async def test_where_no_app_may_change_pictures_the_earlier_one_is_at_hand_to_be_set(world: World) -> None:
    account = await account_on(world, "instagram")
    person = account.person
    targets = []
    for seed in (720, 721):
        sync = await person.sync(await person.upload(seed), account.connection.id)
        asked = await person.reaches(sync, "NEEDS_YOU", reason="SET_BY_HAND")
        await set_by_hand(world, "instagram", seed)
        await confirm(person, asked)
        targets.append(await person.reaches(sync, "VERIFIED"))

    made = (await person.call("RollBackTarget", sync_pb2.RollBackTargetRequest(id=targets[1].id))).sync
    asked = await person.reaches(made, "NEEDS_YOU", reason="SET_BY_HAND")

    assert asked.snapshot.object_key == targets[0].observed.object_key
    assert asked.instructions
    await set_by_hand(world, "instagram", 720)
    assert (await confirm(person, asked)).snapshot.id == asked.snapshot.id
    await person.reaches(made, "VERIFIED")
    emptied = await account.put_back(snapshot_id=await account.was_found())
    asked = await person.reaches(emptied, "NEEDS_YOU", reason="REMOVE_BY_HAND")
    assert not asked.instructions


@pytest.mark.parametrize("switch", ["lose_answer", "hold_answer"])
async def test_a_removal_whose_answer_is_lost_is_looked_for_and_made_once(world: World, switch: str) -> None:
    account = await account_on(world, "mastodon")
    nothing = await account.was_found()
    before = await account.changes()
    await world.control.switch("mastodon", times=1, **{switch: True})

    sync = await account.put_back(snapshot_id=nothing)

    target = await account.person.reaches(sync, "VERIFIED", within_seconds=40)
    assert await account.is_empty()
    assert target.attempts == 1
    assert await account.changes() == before + 1


async def test_a_copy_that_is_gone_is_said_and_takes_nothing_away(world: World) -> None:
    account = await account_on(world, "mastodon")
    first = await account.observed()
    await account.shows(709)
    await world.objects.remove(first.object_key)

    target = await account.person.reaches(await account.put_back(), "FAILED", reason="SNAPSHOT_MISSING")

    assert "copy" in target.reason.message
    assert await account.changes() == 1
    assert not await account.is_empty()


@pytest.mark.parametrize("copied", [True, False], ids=["unreadable", "never copied"])
async def test_what_could_not_be_read_is_not_put_back(world: World, copied: bool) -> None:
    account = await account_on(world, "mastodon")
    copy = {"sha256": "a" * 64, "object_key": "k", "content_type": "image/jxl"} if copied else {}
    snapshot_id = await account.was_found(tag="odd", url="https://p.test/odd", **copy)
    refusal = await account.person.reason_of(account.put_back(snapshot_id=snapshot_id))
    assert refusal == "SNAPSHOT_UNREADABLE"
    [newest] = await account.snapshots(page_size=1)
    assert (newest.id, newest.cannot_restore.code) == (snapshot_id, "SNAPSHOT_UNREADABLE")


async def test_a_picture_of_a_kind_that_is_only_served_is_sent_as_one_that_is_taken(world: World) -> None:
    account = await account_on(world, "bluesky")
    snapshot_id = await account.was_found_picture(710)
    target = await account.person.reaches(await account.put_back(snapshot_id=snapshot_id), "VERIFIED")
    assert are_alike(target.observed.perceptual_hash, perceptual_hash(photograph(710)).hex())


async def test_a_file_that_cannot_be_made_to_fit_is_said(world: World) -> None:
    account = await account_on(world, "bluesky")
    snapshot_id = await account.was_found_picture(722, cut=100)
    sync = await account.put_back(snapshot_id=snapshot_id)
    target = await account.person.reaches(sync, "FAILED", reason="IMAGE_REJECTED")
    assert "cannot be made to fit" in target.reason.message
    assert await account.changes() == 0


async def test_of_several_places_those_that_cannot_go_back_say_so_beside_the_others(world: World) -> None:
    person = world.person()
    accounts = [await account_on(world, platform, person) for platform in ("bluesky", "mastodon", "x")]
    sync = await person.sync(await person.upload(723), *(account.connection.id for account in accounts))
    await world.eventually(lambda: all_rest(person, sync), within_seconds=25)
    unseen, _, gone = accounts
    await unseen.forget_what_was_there()
    await person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=gone.connection.id))

    made = (await person.call("RollBackSync", sync_pb2.RollBackSyncRequest(id=sync.id))).sync

    await world.eventually(lambda: all_rest(person, made), within_seconds=25)
    states = {target.platform: (target.state, target.reason.code) for target in await person.targets(made.id)}
    assert states == {
        "bluesky": (sync_pb2.TARGET_STATE_FAILED, "NO_SNAPSHOT"),
        "mastodon": (sync_pb2.TARGET_STATE_VERIFIED, ""),
    }
    assert [await account.changes() for account in accounts] == [1, 2, 1]


async def test_of_two_wishes_for_a_place_the_newer_one_goes_whichever_it_is(world: World) -> None:
    account = await account_on(world, "mastodon")
    person = account.person
    await account.shows(711)
    await world.control.switch("mastodon", fail="500")
    older = await person.sync(await person.upload(712), account.connection.id)
    await person.reaches(older, "QUEUED", reason="PLATFORM_UNAVAILABLE")
    back = await account.put_back()
    await person.reaches(older, "SUPERSEDED")
    newer = await person.sync(await person.upload(713), account.connection.id)
    await person.reaches(back, "SUPERSEDED")
    await world.control.switch("mastodon")
    await person.reaches(newer, "VERIFIED")
    assert await account.changes() == 2


async def test_deleting_pictures_of_the_library_calls_off_nothing_that_is_put_back(world: World) -> None:
    account = await account_on(world, "mastodon")
    target = await account.shows(714)
    await world.control.switch("mastodon", fail="500")
    back = await account.put_back()
    image_id = (await account.person.call("GetSync", sync_pb2.GetSyncRequest(id=target.sync_id))).sync.image_id
    deleted = events.ImageDeleted(image_id=image_id, owner_id=account.person.id, event_time=timestamp(utc_now()))
    await world.say(deleted, account.person)
    await account.person.reaches(back, "QUEUED", reason="PLATFORM_UNAVAILABLE")
    await world.control.switch("mastodon")
    await account.person.reaches(back, "VERIFIED")


async def test_the_same_key_puts_back_once(world: World) -> None:
    account = await account_on(world, "mastodon")
    target, place = await account.shows(715), account.connection.id
    key = "back"
    first, second = await asyncio.gather(*(account.put_back(idempotency_key=key) for _ in range(2)))
    assert first.id == second.id
    assert (await account.put_back(idempotency_key=key)).id == first.id
    requests: list[tuple[str, Any]] = [
        ("RollBackPlace", sync_pb2.RollBackPlaceRequest(connection_id=place, slot="banner", idempotency_key=key)),
        ("RollBackTarget", sync_pb2.RollBackTargetRequest(id=target.id, idempotency_key=key)),
        ("RollBackSync", sync_pb2.RollBackSyncRequest(id=target.sync_id, idempotency_key=key)),
    ]
    for method, request in requests:
        assert await account.person.reason_of(account.person.call(method, request)) == "IDEMPOTENCY_KEY_REUSED"


async def test_what_belongs_to_somebody_else_is_not_found(world: World) -> None:
    account = await account_on(world, "mastodon")
    target = await account.shows(716)
    [mine, *_] = await account.snapshots()
    stranger = await account_on(world, "mastodon", world.person())
    place = account.connection.id
    calls: list[tuple[str, Any, str]] = [
        ("ListSnapshots", sync_pb2.ListSnapshotsRequest(connection_id=place), "CONNECTION_NOT_FOUND"),
        ("RollBackPlace", sync_pb2.RollBackPlaceRequest(connection_id=place, slot="avatar"), "CONNECTION_NOT_FOUND"),
        ("RollBackTarget", sync_pb2.RollBackTargetRequest(id=target.id), "TARGET_NOT_FOUND"),
        ("RollBackSync", sync_pb2.RollBackSyncRequest(id=target.sync_id), "SYNC_NOT_FOUND"),
    ]
    for method, request, reason in calls:
        assert await stranger.person.reason_of(stranger.person.call(method, request)) == reason
    assert await stranger.person.reason_of(stranger.put_back(snapshot_id=mine.id)) == "SNAPSHOT_NOT_FOUND"


async def test_a_place_remembers_what_it_showed_newest_first(world: World) -> None:
    account = await account_on(world, "mastodon")
    await account.shows(717)
    await account.shows(718)
    newest, middle, first = await account.snapshots()
    assert [each.shown_now for each in (newest, middle, first)] == [True, False, False]
    assert [each.is_first for each in (newest, middle, first)] == [False, False, True]
    assert all(each.object_key and not each.HasField("cannot_restore") for each in (newest, middle, first))
    request = sync_pb2.ListSnapshotsRequest(connection_id=account.connection.id, page_size=3)
    page = await account.person.call("ListSnapshots", request)
    request.page_token = page.next_page_token
    rest = await account.person.call("ListSnapshots", request)
    found = [*page.snapshots, *rest.snapshots]
    assert sorted(each.slot for each in found) == ["avatar", "avatar", "avatar", "banner"]
    assert not rest.next_page_token
    assert await account.person.reason_of(account.snapshots("background")) == "INVALID_INPUT"


async def test_a_place_that_we_have_not_seen_before_has_nothing_to_go_back_to(world: World) -> None:
    account = await account_on(world, "mastodon")
    await account.forget_what_was_there()
    assert await account.person.reason_of(account.put_back()) == "NO_SNAPSHOT"
    assert await account.person.reason_of(account.put_back("background")) == "INVALID_INPUT"


async def test_who_disconnects_gets_back_what_was_there_and_only_where_ours_is_shown(world: World) -> None:
    account = await account_on(world, "mastodon")
    first = await account.observed("banner")
    roll_backs = RollBacks(world.inside.stores, world.inside.platforms, utc_now)
    assert await roll_backs.before_leaving(account.connection.id, owner_id=account.person.id) is None
    await account.shows(719, "banner")

    made = await roll_backs.before_leaving(account.connection.id, owner_id=account.person.id)

    assert made is not None
    [target] = made.targets
    assert target.slot == made.sync.slot == "banner"
    done = await account.person.reaches(sync_pb2.Sync(id=made.id), "VERIFIED")
    assert are_alike(done.observed.perceptual_hash, first.perceptual_hash)


# The last one: what a server says of itself is kept for a while.


async def test_where_nothing_can_be_set_nothing_is_put_back(world: World) -> None:
    await world.control.switch("mastodon", flavour="pixelfed")
    person = world.person()
    connection = await person.connect("mastodon")
    account = Account(world, person, connection)

    async def knows_its_server() -> bool:
        slots = {slot.slot: slot.mode for slot in (await person.connection(connection.id)).slots}
        return slots["banner"] != "write"

    await world.eventually(knows_its_server)
    await account.was_found_picture(724, slot="banner")
    assert await person.reason_of(account.put_back("banner")) == "SLOT_NOT_WRITABLE"
    [found, *_] = await account.snapshots("banner")
    assert found.cannot_restore.code == "SLOT_NOT_WRITABLE"
