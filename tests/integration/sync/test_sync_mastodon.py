"""What only Mastodon's servers do."""

import pytest
from sync_world import World

from linkarooie.sync.v1 import sync_pb2


@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        ("", "INSTANCE_REFUSED"),
        ("localhost", "INSTANCE_REFUSED"),
        ("not a name", "INSTANCE_REFUSED"),
        ("mastodon.social:8443", "INSTANCE_REFUSED"),
        ("127.0.0.1", "INSTANCE_REFUSED"),
        ("169.254.169.254", "INSTANCE_REFUSED"),
        ("[::1]", "INSTANCE_REFUSED"),
        ("a" * 254, "INSTANCE_REFUSED"),
        ("nobody-has-this.invalid", "INSTANCE_UNREACHABLE"),
    ],
)
async def test_servers_that_cannot_be_used_are_refused_with_a_reason(world: World, instance: str, reason: str) -> None:
    person = world.person()
    assert await person.reason_of(person.begin("mastodon", instance)) == reason


async def test_a_host_that_is_no_mastodon_server_is_found_out(world: World) -> None:
    bluesky = world.control.sandbox.urls["bluesky"]
    person = world.person()
    assert await person.reason_of(person.begin("mastodon", bluesky)) == "INSTANCE_UNREACHABLE"


@pytest.mark.parametrize("form", ["{}", "http://{}", "@ada@{}", "http://{}/@ada", "  {} "])
async def test_a_server_may_be_named_in_the_ways_that_people_name_it(world: World, form: str) -> None:
    person = world.person()
    url = await person.begin("mastodon", form.format(world.instance("mastodon")))
    parameters = await world.consent(url)
    connection = (await person.finish("mastodon", parameters)).connection
    assert connection.instance == world.instance("mastodon")
    assert connection.remote_handle == f"@ada@{world.instance('mastodon')}"


async def test_a_server_that_forgot_us_is_registered_with_again(world: World) -> None:
    person = world.person()
    await person.connect("mastodon")
    await world.control.reset()
    assert (await person.connect("mastodon")).state == sync_pb2.CONNECTION_STATE_HEALTHY


async def test_an_old_server_does(world: World) -> None:
    await world.control.switch("mastodon", old_server=True)
    person = world.person()
    connection = await person.connect("mastodon")
    await person.reaches(await person.sync(await person.upload(60), connection.id), "VERIFIED")


async def test_a_file_that_a_server_refuses_is_said_in_its_words(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    image = await person.upload(61)
    await world.control.switch("mastodon", fail="422_oversize")
    target = await person.reaches(await person.sync(image, connection.id), "FAILED", reason="IMAGE_REJECTED")
    assert "Avatar file size must be less than 2 MB" in target.reason.message


async def test_a_401_without_a_word_is_a_revocation(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    image = await person.upload(63)
    await world.control.switch("mastodon", fail="401_html")
    await person.reaches(await person.sync(image, connection.id), "PAUSED", reason="AUTH_REVOKED")


async def test_access_that_works_again_after_all_resumes_on_a_look(world: World) -> None:
    person = world.person()
    connection = await person.connect("mastodon")
    image = await person.upload(64)
    await world.control.switch("mastodon", fail="401")
    sync = await person.sync(image, connection.id)
    await person.reaches(sync, "PAUSED", reason="AUTH_REVOKED")
    await world.control.switch("mastodon")
    checked = await person.call("CheckConnection", sync_pb2.CheckConnectionRequest(id=connection.id))
    assert checked.connection.state == sync_pb2.CONNECTION_STATE_HEALTHY
    await person.reaches(sync, "VERIFIED")
