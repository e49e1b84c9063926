from sync_world import World


async def test_a_picture_reaches_x_and_is_verified(world: World) -> None:
    person = world.person()
    connection = await person.connect("x")
    image = await person.upload(1)

    sync = await person.sync(image, connection.id)
    target = await person.reaches(sync, "VERIFIED")

    assert target.attempts == 1
    assert await world.control.changes("x") == 1
    assert await person.history(target.id) == ["QUEUED", "SENDING", "WAITING_FOR_PLATFORM", "VERIFIED"]
