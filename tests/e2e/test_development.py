"""`linkarooie dev` as newcomers treat it: stopped, started again, killed, started twice, in the way of others, cleared."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from system import PASSWORD, Development, Person, photograph, told


@asynccontextmanager
async def signed_up(development: Development) -> AsyncIterator[Person]:
    async with httpx2.AsyncClient(base_url=development.url, timeout=30) as http:
        yield await Person.signed_up(http, development.mail)


async def pictures_of(development: Development, email: str) -> list[str]:
    """Signs in and returns the names of the pictures in the library."""
    async with httpx2.AsyncClient(base_url=development.url, timeout=30) as http:
        signed_in = told(await http.post("/v1/auth/login", json={"email": email, "password": PASSWORD}), 200)
        http.headers["authorization"] = f"Bearer {signed_in['access_token']}"
        return [image["id"] for image in told(await http.get("/v1/images"), 200)["items"]]


async def test_stopping_leaves_nothing_behind_and_starting_again_finds_everything(tmp_path: Path) -> None:
    development = Development(tmp_path)
    await development.start()
    try:
        async with signed_up(development) as person:
            image_id = await person.upload(photograph())
            await person.ready(image_id)
    finally:
        assert await development.press_ctrl_c() == 0
    assert "Traceback" not in development.said

    await development.start()
    try:
        assert await pictures_of(development, person.email) == [image_id]
    finally:
        assert await development.press_ctrl_c() == 0

    await development.reset()
    assert not development.data.exists()


async def test_stopping_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    development = Development(tmp_path)
    for step in ("Starting Postgres", "Starting the services"):
        await development.begin_to_start(step)
        await development.press_ctrl_c()
        assert "Traceback" not in development.said


async def test_a_killed_run_does_not_keep_the_next_one_from_starting(tmp_path: Path) -> None:
    development = Development(tmp_path)
    try:
        await development.start()
        async with signed_up(development) as person:
            image_id = await person.upload(photograph())
        await development.crash()

        await development.start()
        assert await pictures_of(development, person.email) == [image_id]
    finally:
        await development.press_ctrl_c()


async def test_a_port_in_use_is_named_with_what_to_do_and_the_next_start_works(tmp_path: Path) -> None:
    development = Development(tmp_path)
    for setting, port in development.ports.environment().items():
        with socket.socket() as other:
            other.bind(("127.0.0.1", int(port)))
            other.listen()
            said = await development.fails("dev", "--data", str(development.data))
        assert "Traceback" not in said
        assert port in said
        assert setting in said
    try:
        await development.start()
    finally:
        await development.press_ctrl_c()


async def test_a_folder_in_use_is_neither_started_on_nor_cleared(development: Development, tmp_path: Path) -> None:
    for command in ("dev", "reset"):
        said = await Development(tmp_path).fails(command, "--data", str(development.data))
        assert "Traceback" not in said
        assert f"{development.data} is in use" in said
    async with httpx2.AsyncClient(base_url=development.url) as http:
        assert (await http.get("/readyz")).status_code == 200
