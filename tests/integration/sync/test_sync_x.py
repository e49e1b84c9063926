"""What only X does."""

from sync_world import World

from linkarooie.sync.v1 import sync_pb2


async def test_a_plan_without_the_call_leads_to_setting_the_picture_by_hand(world: World) -> None:
    person = world.person()
    connection = await person.connect("x")
    await world.control.switch("x", fail="453")

    sync = await person.sync(await person.upload(50), connection.id)
    target = await person.reaches(sync, "NEEDS_YOU", reason="NOT_ALLOWED")

    assert target.reason.action_class == sync_pb2.ACTION_CLASS_PLATFORM_DOES_NOT_ALLOW_IT
    assert target.reason.link.startswith("https://developer.x.com/")
    assert target.instructions[0] == "Save the prepared picture."

    confirmed = (await person.call("ConfirmTarget", sync_pb2.ConfirmTargetRequest(id=target.id))).target
    assert confirmed.state == sync_pb2.TARGET_STATE_WAITING_FOR_PLATFORM
    await person.reaches(sync, "DIFFERS", reason="NOT_SEEN")


async def test_what_does_not_wait_for_a_hand_cannot_be_confirmed(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    target = await person.reaches(await person.sync(await person.upload(51), connection.id), "VERIFIED")
    confirm = person.call("ConfirmTarget", sync_pb2.ConfirmTargetRequest(id=target.id))
    assert await person.reason_of(confirm) == "TARGET_NOT_ASSISTED"


async def test_a_locked_account_is_its_owners_to_unlock(world: World) -> None:
    person = world.person()
    connection = await person.connect("x")
    await world.control.switch("x", fail="326")
    sync = await person.sync(await person.upload(52), connection.id)
    target = await person.reaches(sync, "NEEDS_YOU", reason="ACCOUNT_LOCKED")
    assert target.reason.link == "https://x.com"

    await world.control.switch("x")
    await person.call("RetryTarget", sync_pb2.RetryTargetRequest(id=target.id))
    await person.reaches(sync, "VERIFIED")


async def test_one_wrong_401_disconnects_nobody(world: World) -> None:
    person = world.person()
    connection = await person.connect("x")
    image = await person.upload(53)
    await world.control.switch("x", fail="401", only="write", times=1)
    await person.reaches(await person.sync(image, connection.id), "VERIFIED")
    assert (await person.connection(connection.id)).state == sync_pb2.CONNECTION_STATE_HEALTHY


async def test_wrong_keys_of_the_operator_are_said_to_be_that(world: World) -> None:
    await world.control.switch("x", fail="401", only="auth")
    person = world.person()
    assert await person.reason_of(person.begin("x")) == "PLATFORM_NOT_CONFIGURED"


async def test_a_platform_that_is_down_cannot_be_connected_now(world: World) -> None:
    await world.control.switch("x", fail="500", only="auth")
    person = world.person()
    assert await person.reason_of(person.begin("x")) == "PLATFORM_UNAVAILABLE"
