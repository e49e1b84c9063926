"""Which picture is shown where: choosing, what happens to choices of deleted pictures and removed connections, and who is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from edit_client import said_about, update_edits
from upload_client import jpeg, publish, send, variant

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from linkarooie.upload.v1 import upload_pb2
from linkarooie.upload.v1.upload_pb2 import SlotDefaults
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.errors import ConflictError, InvalidInputError
from servicekit.grpc_client import remote_errors
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id
from servicekit.subjects import subject_of
from services.upload.settings import UploadSettings
from services.upload.store import Store


@pytest.fixture
async def database(service_settings: Callable[..., Any]) -> AsyncIterator[Database]:
    opened = Database(service_settings(UploadSettings), schema="upload")
    yield opened
    await opened.stop()


@pytest.fixture
async def ada(upload: Any, owner: str) -> str:
    return (await send(upload, jpeg(64, 64))).id


@pytest.fixture
async def bee(upload: Any, owner: str) -> str:
    return (await send(upload, jpeg(64, 64, "red"))).id


async def get(upload: Any) -> upload_pb2.Defaults:
    with remote_errors():
        answer = await upload.GetDefaults(upload_pb2.GetDefaultsRequest())
    defaults: upload_pb2.Defaults = answer.defaults
    return defaults


async def choose(upload: Any, *slots: SlotDefaults, etag: str = "") -> upload_pb2.Defaults:
    request = upload_pb2.UpdateDefaultsRequest(defaults=upload_pb2.Defaults(slots=slots, etag=etag))
    with remote_errors():
        answer = await upload.UpdateDefaults(request)
    defaults: upload_pb2.Defaults = answer.defaults
    return defaults


async def refused(upload: Any, *slots: SlotDefaults) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as refusal:
        await choose(upload, *slots)
    return refusal.value


async def versions_told(database: Database, owner_id: str) -> list[int]:
    told = await said_about(database, subject_of(events.DefaultsChanged), owner_id)
    return [events.DefaultsChanged.FromString(said).version for said in told]


async def test_choices_are_kept_as_they_were_sent_and_told(
    upload: Any, owner: str, ada: str, bee: str, database: Database
) -> None:
    connection = new_id()
    nothing = await get(upload)
    # The same picture for a platform as for everywhere is a choice as well: it stays when everywhere changes.
    wanted = [
        SlotDefaults(slot="avatar", image_id=ada, platforms={"x": ada, "mastodon": bee}, connections={connection: bee}),
        SlotDefaults(slot="banner", platforms={"bluesky": ada}),
    ]

    first = await choose(upload, *wanted)
    again = await choose(upload, *wanted, etag=first.etag)
    second = await choose(upload, SlotDefaults(slot="avatar", image_id=bee, platforms={"x": ada}), etag=first.etag)

    assert nothing == upload_pb2.Defaults(slots=[SlotDefaults(slot="avatar"), SlotDefaults(slot="banner")], etag="0")
    assert first == again == upload_pb2.Defaults(slots=wanted, etag="1")
    assert list(second.slots) == [
        SlotDefaults(slot="avatar", image_id=bee, platforms={"x": ada}),
        SlotDefaults(slot="banner"),
    ]
    assert await get(upload) == second
    assert await versions_told(database, owner) == [1, 2]


async def test_who_hears_of_choices_hears_which_pictures_they_are(
    upload: Any, owner: str, ada: str, bee: str, bus: Bus, database: Database, eventually: Any
) -> None:
    gone = new_id()
    await upload.UpdateImage(upload_pb2.UpdateImageRequest(id=ada, alt_text="Ada at her desk"))
    await update_edits(upload, bee, processor_pb2.Edit(mirrored=True))
    await choose(
        upload,
        SlotDefaults(slot="avatar", image_id=ada, platforms={"x": bee}, connections={gone: bee}),
        SlotDefaults(slot="banner", platforms={"x": ada}),
    )
    # A deleted picture is shown nowhere.
    await upload.DeleteImage(upload_pb2.DeleteImageRequest(id=ada))
    removed = events.ConnectionRemoved(connection_id=gone, owner_id=owner, platform="x")
    await bus.publish_fact(removed, event_id=new_id(), source="sync", owner_id=owner)

    async def told_twice() -> list[events.DefaultsChanged]:
        said = await said_about(database, subject_of(events.DefaultsChanged), owner)
        return [events.DefaultsChanged.FromString(each) for each in said] if len(said) == 2 else []

    first, second = await eventually(told_twice)
    on_x = events.ChosenDefault(slot="avatar", platform="x", image_id=bee, revision=2)
    assert list(first.choices) == [
        events.ChosenDefault(slot="avatar", connection_id=gone, image_id=bee, revision=2),
        events.ChosenDefault(slot="avatar", image_id=ada, revision=1, alt_text="Ada at her desk"),
        on_x,
        events.ChosenDefault(slot="banner", platform="x", image_id=ada, revision=1, alt_text="Ada at her desk"),
    ]
    assert list(second.choices) == [on_x]


async def test_more_descriptions_than_a_message_can_carry_are_left_out_and_the_pictures_are_told(
    upload: Any, owner: str, ada: str, database: Database
) -> None:
    await upload.UpdateImage(upload_pb2.UpdateImageRequest(id=ada, alt_text="\N{HIRAGANA LETTER A}" * 1500))

    await choose(upload, SlotDefaults(slot="avatar", connections={new_id(): ada for _ in range(500)}))

    [said] = await said_about(database, subject_of(events.DefaultsChanged), owner)
    choices = events.DefaultsChanged.FromString(said).choices
    assert {(choice.image_id, choice.alt_text) for choice in choices} == {(ada, "")}
    assert len(choices) == 500


async def test_of_two_who_choose_from_what_they_both_read_one_is_told_of_the_other(
    upload: Any, owner: str, ada: str, bee: str, database: Database
) -> None:
    wanted = [SlotDefaults(slot="avatar", image_id=image_id) for image_id in (ada, bee)]

    answers = await asyncio.gather(*(choose(upload, one, etag="0") for one in wanted), return_exceptions=True)

    [late] = [answer for answer in answers if isinstance(answer, ConflictError)]
    assert (late.reason, late.metadata) == ("ETAG_MISMATCH", {"etag": "1"})
    assert await versions_told(database, owner) == [1]


async def test_choices_of_a_deleted_picture_wait_for_it_unless_something_else_is_chosen_there(
    upload: Any, owner: str, ada: str, bee: str, database: Database
) -> None:
    with_both = await choose(
        upload, SlotDefaults(slot="avatar", image_id=ada, platforms={"x": ada, "mastodon": ada, "bluesky": bee})
    )
    await upload.DeleteImage(upload_pb2.DeleteImageRequest(id=ada))

    without = await get(upload)
    assert without.slots[0] == SlotDefaults(slot="avatar", platforms={"bluesky": bee})
    assert without.etag != with_both.etag
    async with Store(database) as store:
        assert await store.chosen("avatar", owner) is None

    chosen_meanwhile = await choose(upload, SlotDefaults(slot="avatar", platforms={"mastodon": bee}), etag=without.etag)
    assert chosen_meanwhile.slots[0] == SlotDefaults(slot="avatar", platforms={"mastodon": bee})
    await upload.RestoreImage(upload_pb2.RestoreImageRequest(id=ada))
    restored = await get(upload)

    assert restored.slots[0] == SlotDefaults(slot="avatar", image_id=ada, platforms={"x": ada, "mastodon": bee})
    async with Store(database) as store:
        assert await store.chosen("avatar", owner) == ada
        assert await store.chosen("banner", owner) is None
    # Who read it while the picture was deleted would take back choices that they have not seen.
    with pytest.raises(ConflictError):
        await choose(upload, etag=chosen_meanwhile.etag)


async def test_what_cannot_be_chosen_is_named_and_nothing_changes(
    upload: Any, owner: str, stranger: Caller, ada: str, bee: str
) -> None:
    with acting_for(stranger):
        theirs = (await send(upload, jpeg(64, 64))).id
    await upload.DeleteImage(upload_pb2.DeleteImageRequest(id=bee))

    refusal = await refused(
        upload,
        SlotDefaults(
            slot="avatar",
            image_id=theirs,
            platforms={"x": bee, "geocities": ada, "mastodon": "no id"},
            connections={"no id": ada, new_id(): new_id()},
        ),
        SlotDefaults(slot="banner", image_id=ada, platforms={"instagram": ada, "x": ""}),
        SlotDefaults(slot="banner"),
        SlotDefaults(slot="door", image_id=ada),
    )

    problems = {problem.field: problem.description for problem in refusal.violations}
    [unknown] = [path for path in problems if path.startswith("avatar.connections.") and "no id" not in path]
    assert set(problems) == {
        "avatar.everywhere",
        "avatar.platforms.x",
        "avatar.platforms.geocities",
        "avatar.platforms.mastodon",
        "avatar.connections.no id",
        unknown,
        "banner.platforms.instagram",
        "banner.platforms.x",
        "banner",
        "door",
    }
    assert refusal.reason == "IMAGE_NOT_FOUND"
    assert problems["avatar.everywhere"] == f"There is no picture {theirs} in your library."
    assert "deleted" in problems["avatar.platforms.x"]
    assert problems["banner.platforms.instagram"] == "The platform instagram takes no banner."
    assert (await get(upload)).etag == "0"


async def test_more_choices_than_anybody_has_places_are_refused_with_the_limit(upload: Any, ada: str) -> None:
    many = {new_id(): ada for _ in range(500)}

    full = await choose(upload, SlotDefaults(slot="avatar", connections=many))
    refusal = await refused(upload, SlotDefaults(slot="avatar", image_id=ada, connections=many))

    assert len(full.slots[0].connections) == 500
    assert (refusal.reason, refusal.metadata) == ("TOO_MANY_CHOICES", {"maximum": "500", "actual": "501"})


async def test_what_was_chosen_for_a_connection_ends_with_it(
    upload: Any, owner: str, stranger: Caller, ada: str, bus: Bus, database: Database, eventually: Any
) -> None:
    gone, stays = new_id(), new_id()
    await choose(upload, SlotDefaults(slot="avatar", image_id=ada, connections={gone: ada, stays: ada}))
    removed = events.ConnectionRemoved(connection_id=gone, owner_id=owner, platform="x")

    await publish(bus, events.ConnectionRemoved(connection_id=stays, owner_id=stranger.user_id), stranger.user_id)
    await bus.publish_fact(removed, event_id=new_id(), source="sync", owner_id=owner)
    await bus.publish_fact(removed, event_id=new_id(), source="sync", owner_id=owner)

    async def dropped() -> upload_pb2.Defaults | None:
        defaults = await get(upload)
        return defaults if gone not in defaults.slots[0].connections else None

    left = await eventually(dropped)
    assert left.slots[0] == SlotDefaults(slot="avatar", image_id=ada, connections={stays: ada})
    assert left.etag == "2"
    assert await versions_told(database, owner) == [1, 2]


async def test_open_addresses_of_the_avatar_are_told_whenever_they_answer_something_else(
    upload: Any, owner: str, ada: str, bee: str, bus: Bus, database: Database, eventually: Any
) -> None:
    handle = f"ada-{owner[-12:]}"

    async def told() -> int:
        said = await said_about(database, subject_of(events.AddressesChanged), owner)
        assert all(list(events.AddressesChanged.FromString(each).paths) == [f"/avatar/{handle}"] for each in said)
        return len(said)

    async def known() -> bool:
        answer = await upload.GetAvatarSettings(upload_pb2.GetAvatarSettingsRequest())
        return bool(answer.settings.handle == handle)

    await publish(bus, events.ProfileUpdated(user_id=owner, handle=handle, version=1), owner)
    await eventually(known)
    await choose(upload, SlotDefaults(slot="avatar", image_id=bee))
    assert await told() == 0
    settings = upload_pb2.AvatarSettings(by_handle=True)
    await upload.UpdateAvatarSettings(upload_pb2.UpdateAvatarSettingsRequest(settings=settings))
    before = await told()

    await choose(upload, SlotDefaults(slot="avatar", image_id=ada))
    await choose(upload, SlotDefaults(slot="avatar", image_id=ada, platforms={"x": bee}))
    assert await told() == before + 1, "another picture was chosen for everywhere"
    ready = events.VariantsReady(image_id=ada, owner_id=owner, revision=1, variants=[variant("avatar.1024")])
    await publish(bus, ready, owner)
    await eventually(lambda: _counts(told, before + 2), what="the picture has files")
    await upload.DeleteImage(upload_pb2.DeleteImageRequest(id=bee))
    await upload.DeleteImage(upload_pb2.DeleteImageRequest(id=ada))
    assert await told() == before + 3, "it was deleted"
    await upload.RestoreImage(upload_pb2.RestoreImageRequest(id=ada))
    await upload.RestoreImage(upload_pb2.RestoreImageRequest(id=ada))
    assert await told() == before + 4, "it was restored"
    await choose(upload)
    assert await told() == before + 5, "none is chosen"


async def _counts(told: Callable[[], Any], wanted: int) -> bool:
    return bool(await told() == wanted)


async def test_what_somebody_chose_is_nobody_elses(upload: Any, ada: str, stranger: Caller) -> None:
    await choose(upload, SlotDefaults(slot="avatar", image_id=ada))

    with acting_for(stranger):
        assert (await get(upload)).etag == "0"
