"""The same for every platform: what an adapter has to do, driven through the whole service against the sandbox."""

import pytest
from sync_world import World

PLATFORMS = ["bluesky", "mastodon", "x"]
pytestmark = pytest.mark.parametrize("platform", PLATFORMS)


@pytest.mark.parametrize("slot", ["avatar", "banner"])
async def test_a_picture_is_sent_once_and_seen_there(world: World, platform: str, slot: str) -> None:
    person = world.person()
    connection = await person.connect(platform)
    image = await person.upload(1, slot)

    sync = await person.sync(image, connection.id, slot=slot)
    target = await person.reaches(sync, "VERIFIED")

    assert target.attempts == 1
    assert await world.control.changes(platform, slot) == 1
    other = "banner" if slot == "avatar" else "avatar"
    assert await world.control.changes(platform, other) == 0
    assert await person.history(target.id) == ["QUEUED", "SENDING", "WAITING_FOR_PLATFORM", "VERIFIED"]
