"""What people ask of the sync service, and what strangers must not get from it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from nats.js.api import ConsumerConfig, DeliverPolicy
from sync_world import Person, World

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from linkarooie.sync.v1 import sync_pb2
from linkarooie.upload.v1 import upload_pb2
from servicekit.errors import PreconditionError
from servicekit.ids import new_id, utc_now
from servicekit.protobuf import timestamp
from servicekit.subjects import subject_of
from services.sync.platforms.base import Unavailable
from services.sync.store.tables import connect_attempts
from services.sync.use_cases.connections import Connections


async def test_the_catalogue_says_what_can_be_connected_here_and_why_not(world: World) -> None:
    found = (await world.person().call("ListPlatforms", sync_pb2.ListPlatformsRequest())).platforms
    offers = {offer.id: offer for offer in found}
    assert [offer.name for offer in found] == sorted((offer.name for offer in found), key=str.casefold)
    assert {name for name, offer in offers.items() if offer.can_connect} == {
        *("bluesky", "facebook", "facebook_profile", "instagram", "mastodon", "x"),
    }
    assert offers["mastodon"].takes_instance
    assert offers["mastodon"].suggested_instances
    assert offers["x"].catalogue["slots"]["avatar"]["max_bytes"] == 700_000


async def test_a_sync_without_names_goes_to_every_account_that_has_the_slot(world: World) -> None:
    person = world.person()
    for platform in ("mastodon", "bluesky"):
        await person.connect(platform)
    sync = await person.sync(await person.upload(20))
    assert [target.platform for target in sync.targets] == ["bluesky", "mastodon"]
    assert {target.state for target in sync.targets} == {sync_pb2.TARGET_STATE_QUEUED}


async def test_a_dry_run_says_what_would_happen_and_stores_nothing(world: World) -> None:
    person = world.person()
    await person.connect("mastodon")
    image = await person.upload(21, rendered=False)
    plan = await person.sync(image, dry_run=True)
    assert plan.dry_run
    assert plan.id == plan.targets[0].id == ""
    assert plan.targets[0].reason.code == "RENDERING"
    assert not (await person.call("ListSyncs", sync_pb2.ListSyncsRequest())).syncs


async def test_the_same_key_gets_the_first_answer_and_another_request_is_told_so(world: World) -> None:
    person = world.person()
    await person.connect("mastodon")
    image = await person.upload(22)
    first = await person.sync(image, idempotency_key="once")
    assert (await person.sync(image, idempotency_key="once")).id == first.id
    other = await person.upload(23)
    assert await person.reason_of(person.sync(other, idempotency_key="once")) == "IDEMPOTENCY_KEY_REUSED"


async def test_what_cannot_be_synced_says_why(world: World) -> None:
    person = world.person()
    image = await person.upload(24)
    assert await person.reason_of(person.sync(image)) == "NO_CONNECTIONS"
    connection = await person.connect("mastodon")
    assert await person.reason_of(person.sync(new_id(), connection.id)) == "IMAGE_NOT_FOUND"
    assert await person.reason_of(person.sync(image, new_id())) == "CONNECTION_NOT_FOUND"
    assert await person.reason_of(person.sync(image, "no id at all")) == "CONNECTION_NOT_FOUND"
    assert await person.reason_of(person.sync(image, slot="background")) == "INVALID_INPUT"
    failed = upload_pb2.Image(id=image, state=upload_pb2.IMAGE_STATE_FAILED, failure_message="It is broken.")
    world.library.images[image] = (person.id, failed)
    assert await person.reason_of(person.sync(image, connection.id)) == "IMAGE_FAILED"
    assert await person.reason_of(person.begin("nowhere")) == "PLATFORM_NOT_FOUND"


async def test_a_platform_without_keys_of_the_operator_says_that_it_is_not_set_up(world: World) -> None:
    inside, why = world.inside, "X is not set up here."
    platforms = replace(inside.platforms, adapters={}, unavailable={"x": Unavailable(why)})
    tokens = inside.tokens
    connections = Connections(
        inside.stores, platforms, tokens, inside.looker, tokens.vault, inside.clock, new_id, lambda _: ""
    )
    with pytest.raises(PreconditionError, match=why) as caught:
        await connections.begin("x", "", owner_id=new_id())
    assert caught.value.reason == "PLATFORM_NOT_CONFIGURED"


async def test_a_newer_picture_takes_over_from_one_that_is_not_done(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    await world.control.switch("mastodon", fail="500")
    older = await person.sync(await person.upload(25), connection.id)
    await person.reaches(older, "QUEUED", reason="PLATFORM_UNAVAILABLE")

    newer = await person.sync(await person.upload(26), connection.id)
    await person.reaches(older, "SUPERSEDED")
    await world.control.switch("mastodon")

    await person.reaches(newer, "VERIFIED")
    assert await world.control.changes("mastodon") == 1
    [target] = await person.targets(older.id)
    retry = person.call("RetryTarget", sync_pb2.RetryTargetRequest(id=target.id))
    assert await person.reason_of(retry) == "TARGET_NOT_RETRYABLE"


async def test_a_picture_that_is_being_sent_is_followed_by_the_newer_one(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    await world.control.switch("mastodon", fail="hang", only="write", times=1)
    older = await person.sync(await person.upload(27), connection.id)
    await person.reaches(older, "SENDING")

    newer = await person.sync(await person.upload(28), connection.id)

    await person.reaches(newer, "VERIFIED")
    assert (await person.target(older)).state == sync_pb2.TARGET_STATE_SUPERSEDED
    assert await world.control.changes("mastodon") == 1


async def test_what_is_not_sent_yet_can_be_called_off(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    await world.control.switch("mastodon", fail="500")
    sync = await person.sync(await person.upload(29), connection.id)
    await person.reaches(sync, "QUEUED", reason="PLATFORM_UNAVAILABLE")

    cancelled = (await person.call("CancelSync", sync_pb2.CancelSyncRequest(id=sync.id))).sync

    assert cancelled.targets[0].state == sync_pb2.TARGET_STATE_CANCELLED
    assert cancelled.HasField("finish_time")


async def test_a_deleted_picture_is_not_sent(world: World) -> None:
    person = world.person()
    await person.connect("mastodon")
    image = await person.upload(30, rendered=False)
    sync = await person.sync(image)
    await person.reaches(sync, "QUEUED", reason="RENDERING")
    deleted = events.ImageDeleted(image_id=image, owner_id=person.id, event_time=timestamp(utc_now()))
    await world.say(deleted, person)
    await person.reaches(sync, "CANCELLED", reason="IMAGE_DELETED")


async def test_a_picture_that_cannot_be_prepared_leaves_the_old_one_alone(world: World) -> None:
    person = world.person()
    await person.connect("mastodon")
    image = await person.upload(31, rendered=False)
    sync = await person.sync(image)
    await person.reaches(sync, "QUEUED", reason="RENDERING")
    failed = events.VariantsFailed(image_id=image, owner_id=person.id, revision=1, message="It is broken.")
    await world.say(failed, person)
    target = await person.reaches(sync, "FAILED", reason="IMAGE_FAILED")
    assert "It is broken." in target.reason.message
    assert await world.control.changes("mastodon") == 0


async def test_a_slot_that_no_file_could_be_made_for_says_why(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    image = await person.upload(33, rendered=False)
    sync = await person.sync(image, connection.id)
    await person.reaches(sync, "QUEUED", reason="RENDERING")
    too_large = processor_pb2.VariantFailure(
        key="mastodon.avatar", reason="BYTE_LIMIT_UNREACHABLE", message="It does not fit into 2 MB."
    )
    ready = events.VariantsReady(image_id=image, owner_id=person.id, revision=1, failures=[too_large])
    await world.say(ready, person)
    target = await person.reaches(sync, "FAILED", reason="IMAGE_FAILED")
    assert "It does not fit into 2 MB." in target.reason.message
    assert await world.control.changes("mastodon") == 0


async def test_a_slightly_retouched_picture_is_not_taken_for_the_one_that_is_there(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    await person.reaches(await person.sync(await person.upload(32), connection.id), "VERIFIED")
    # The same seed with other bytes: perceptually the same picture, but another file of ours.
    retouched = await person.upload(32, quality=60)
    target = await person.reaches(await person.sync(retouched, connection.id), "VERIFIED")
    assert target.attempts == 1
    assert await world.control.changes("mastodon") == 2


async def test_an_old_link_leads_nowhere_and_says_so(world: World) -> None:
    person = world.person()
    parameters = await world.consent(await person.begin("x"))
    async with world.inside.stores() as store:
        past = utc_now() - timedelta(seconds=1)
        change = sa.update(connect_attempts).where(connect_attempts.c.owner_id == person.id).values(expires_at=past)
        await store.session.execute(change)
        await store.commit()
    assert await person.reason_of(person.finish("x", parameters)) == "CONNECT_LINK_EXPIRED"
    assert await person.reason_of(person.finish("x", {})) == "CONNECT_LINK_EXPIRED"


async def test_work_for_a_disconnected_account_is_called_off(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    await world.control.switch("mastodon", fail="500", only="read")
    sync = await person.sync(await person.upload(33), connection.id)
    await person.reaches(sync, "QUEUED", reason="PLATFORM_UNAVAILABLE")
    await person.call("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=connection.id))
    await person.reaches(sync, "CANCELLED", reason="CONNECTION_REMOVED")


async def test_strangers_see_nothing(world: World) -> None:
    person, stranger = world.person(), world.person()
    connection = await person.connect("mastodon")
    image = await person.upload(34)
    sync = await person.sync(image, connection.id)
    target = await person.reaches(sync, "VERIFIED")

    for method, request, reason in [
        ("GetConnection", sync_pb2.GetConnectionRequest(id=connection.id), "CONNECTION_NOT_FOUND"),
        ("CheckConnection", sync_pb2.CheckConnectionRequest(id=connection.id), "CONNECTION_NOT_FOUND"),
        ("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=connection.id), "CONNECTION_NOT_FOUND"),
        ("GetSync", sync_pb2.GetSyncRequest(id=sync.id), "SYNC_NOT_FOUND"),
        ("CancelSync", sync_pb2.CancelSyncRequest(id=sync.id), "SYNC_NOT_FOUND"),
        ("RetryTarget", sync_pb2.RetryTargetRequest(id=target.id), "TARGET_NOT_FOUND"),
        ("ConfirmTarget", sync_pb2.ConfirmTargetRequest(id=target.id), "TARGET_NOT_FOUND"),
        ("ListTargetSteps", sync_pb2.ListTargetStepsRequest(target_id=target.id), "TARGET_NOT_FOUND"),
    ]:
        assert await stranger.reason_of(stranger.call(method, request)) == reason, method
    own = await stranger.upload(35)
    assert await stranger.reason_of(stranger.sync(own, connection.id)) == "CONNECTION_NOT_FOUND"
    assert await stranger.reason_of(stranger.sync(image, connection.id)) == "IMAGE_NOT_FOUND"
    assert not (await stranger.call("ListConnections", sync_pb2.ListConnectionsRequest())).connections
    assert not (await stranger.call("ListSyncs", sync_pb2.ListSyncsRequest())).syncs
    assert (await person.connection(connection.id)).id == connection.id


async def test_pages_of_syncs_and_steps_continue_where_they_ended(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    # Those that are taken over have nothing to send yet, so nothing of theirs comes to be seen.
    pictures = [await person.upload(36 + index, rendered=index == 2) for index in range(3)]
    made = [await person.sync(picture, connection.id) for picture in pictures]
    first = await person.call("ListSyncs", sync_pb2.ListSyncsRequest(page_size=2))
    rest = await person.call("ListSyncs", sync_pb2.ListSyncsRequest(page_size=2, page_token=first.next_page_token))
    assert [sync.id for sync in (*first.syncs, *rest.syncs)] == [sync.id for sync in reversed(made)]
    target = await person.reaches(made[-1], "VERIFIED")
    seen, token = [], ""
    while True:
        request = sync_pb2.ListTargetStepsRequest(target_id=target.id, page_size=1, page_token=token)
        page = await person.call("ListTargetSteps", request)
        seen += [sync_pb2.TargetState.Name(step.state) for step in page.steps]
        token = page.next_page_token
        if not token:
            break
    assert seen[0] == "TARGET_STATE_QUEUED"
    assert seen[-1] == "TARGET_STATE_VERIFIED"


# Events


@asynccontextmanager
async def heard(world: World, person: Person, *kinds: type) -> AsyncIterator[list[Any]]:
    """Collects the facts of some kinds that belong to a person, from now on."""
    found: list[Any] = []
    by_subject = {subject_of(kind): kind for kind in kinds}
    jetstream = world.bus.jetstream

    async def take(message: Any) -> None:
        if message.headers["ce-subject"] == person.id and message.subject in by_subject:
            found.append(by_subject[message.subject].FromString(message.data))

    config = ConsumerConfig(deliver_policy=DeliverPolicy.NEW)
    subscription = await jetstream.subscribe("evt.>", cb=take, ordered_consumer=True, config=config)
    yield found
    await subscription.unsubscribe()


async def test_every_step_and_the_end_of_a_sync_are_told(world: World) -> None:
    person = world.person()
    kinds = (events.ConnectionAdded, events.SyncRequested, events.TargetChanged, events.SyncFinished)
    async with heard(world, person, *kinds) as facts:
        connection = await person.connect("mastodon")
        sync = await person.sync(await person.upload(40), connection.id)
        await person.reaches(sync, "VERIFIED")
        await world.eventually(lambda: any(isinstance(fact, events.SyncFinished) for fact in facts))

    added = [fact for fact in facts if isinstance(fact, events.ConnectionAdded)]
    assert [(fact.platform, fact.reconnected) for fact in added] == [("mastodon", False)]
    changed = [fact for fact in facts if isinstance(fact, events.TargetChanged)]
    by_version = sorted(changed, key=lambda fact: fact.version)
    states = [sync_pb2.TargetState.Name(fact.state).removeprefix("TARGET_STATE_") for fact in by_version]
    assert states == ["QUEUED", "SENDING", "WAITING_FOR_PLATFORM", "VERIFIED"]
    assert {(fact.platform, fact.slot, fact.remote_handle, fact.sync_id) for fact in changed} == {
        ("mastodon", "avatar", connection.remote_handle, sync.id)
    }
    [finished] = [fact for fact in facts if isinstance(fact, events.SyncFinished)]
    assert (finished.version, len(finished.outcomes)) == (1, 1)
    assert finished.outcomes[0].state == sync_pb2.TARGET_STATE_VERIFIED


async def test_a_lost_access_is_told_once_with_how_much_waits(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    avatar, banner = await person.upload(41), await person.upload(42, "banner")
    async with heard(world, person, events.ConnectionRevoked) as facts:
        await world.control.switch("mastodon", revoke_tokens=True)
        syncs = [
            await person.sync(avatar, connection.id),
            await person.sync(banner, connection.id, slot="banner"),
        ]
        for sync in syncs:
            await person.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
        await world.eventually(lambda: facts)
        # A word too many would come with the next steps of these targets; a reconnect makes some.
        await person.connect("mastodon")
        for sync in syncs:
            await person.reaches(sync, "VERIFIED")
    assert len(facts) == 1
    assert facts[0].waiting_targets in (1, 2)


async def test_a_sync_that_goes_on_finishes_anew(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    await world.control.switch("mastodon", silent_reject=True)
    async with heard(world, person, events.SyncFinished) as facts:
        sync = await person.sync(await person.upload(43), connection.id)
        target = await person.reaches(sync, "DIFFERS")
        await world.control.switch("mastodon")
        retried = (await person.call("RetryTarget", sync_pb2.RetryTargetRequest(id=target.id))).target
        assert retried.state == sync_pb2.TARGET_STATE_QUEUED
        await person.reaches(sync, "VERIFIED")
        await world.eventually(lambda: len(facts) == 2)
    assert [fact.version for fact in facts] == [1, 2]


@pytest.mark.parametrize("secret", ["access_token", "client_secret"])
async def test_no_secret_is_stored_in_the_clear(world: World, secret: str) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    session = await world.session(connection.id)
    async with world.inside.stores() as store:
        found = await store.connection(connection.id)
        registration = await store.registration("mastodon", connection.instance)
    assert found is not None
    assert registration is not None
    value = session.credentials[secret].encode()
    assert value not in found.sealed
    assert value not in registration
    assert session.credentials[secret] not in repr(session)
    assert session.credentials[secret] not in repr(found)
