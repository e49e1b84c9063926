"""A cache in front of the gateway is told which addresses answer something else now, also when it does not listen at first."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from gateway_people import RunGateway
from pydantic import SecretStr

from gateway.purge import PurgeFailedError, PurgeHook
from linkarooie.events.v1 import events_pb2 as events
from servicekit import topology
from servicekit.bus import Bus
from servicekit.consumers import Delivery
from servicekit.ids import new_id, utc_now


class Cache:
    """A real HTTP server that empties caches; refuses as often as it is told to."""

    def __init__(self) -> None:
        self.refusals: list[bytes] = []
        self.asked: list[tuple[str, str, list[str]]] = []

    async def start(self) -> str:
        self.server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        host, port = self.server.sockets[0].getsockname()
        return f"http://{host}:{port}/purge?zone=1"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.asked.append((head[0], headers.get("authorization", ""), body["urls"]))
        status = self.refusals.pop(0) if self.refusals else b"200 OK"
        if status:  # nothing: hangs up
            writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    def urls_of(self, name: str) -> list[list[str]]:
        return [urls for _, _, urls in self.asked if any(name in url for url in urls)]


@pytest.fixture
async def cache() -> AsyncIterator[Cache]:
    made = Cache()
    yield made
    made.server.close()
    await made.server.wait_closed()


async def change(bus: Bus, *paths: str) -> None:
    changed = events.AddressesChanged(owner_id=new_id(), paths=paths)
    await bus.publish_fact(changed, event_id=new_id(), source="upload", owner_id=changed.owner_id)


async def waits(bus: Bus) -> int:
    """How many changes nobody was told of yet."""
    info = await bus.jetstream.consumer_info(topology.PURGE.stream, topology.PURGE.durable)
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def test_the_cache_is_told_again_until_it_has_listened(
    run_gateway: RunGateway, bus: Bus, cache: Cache, eventually: Callable[..., Any]
) -> None:
    url, name = await cache.start(), new_id()
    cache.refusals = [b"503 Away"]
    settings = {"purge_url": url, "purge_token": "let me in", "public_url": "https://pictures.example"}

    async with run_gateway(**settings):
        await change(bus, f"/avatar/{name}", f"/media/variants/{name} é.webp")

        async def all_told() -> bool:
            return await waits(bus) == 0 and len(cache.urls_of(name)) >= 2

        await eventually(all_told, within_seconds=40)

    told = [f"https://pictures.example/avatar/{name}", f"https://pictures.example/media/variants/{name}%20%C3%A9.webp"]
    assert cache.urls_of(name) == [told] * 2
    assert {(line, token) for line, token, _ in cache.asked} == {("POST /purge?zone=1 HTTP/1.1", "Bearer let me in")}


async def test_a_cache_that_hangs_up_was_not_told(cache: Cache) -> None:
    url = await cache.start()
    cache.refusals = [b"", b"302 Found"]
    hook = PurgeHook(url, SecretStr(""), public_url="https://pictures.example")
    changed = events.AddressesChanged(paths=["/avatar/ada"])
    delivery = Delivery(new_id(), "purge", "evt.addresses.changed.v1", changed, new_id(), 1, utc_now())

    await hook.start()
    for what in ("does not answer", "answered 302"):
        with pytest.raises(PurgeFailedError, match=what):
            await hook.tell(delivery)
    await hook.tell(delivery)
    await hook.stop()

    assert cache.asked == [("POST /purge?zone=1 HTTP/1.1", "", ["https://pictures.example/avatar/ada"])] * 3


async def test_without_an_address_to_tell_changes_are_done_with(
    run_gateway: RunGateway, bus: Bus, eventually: Callable[..., Any]
) -> None:
    async with run_gateway(purge_url=""):
        await change(bus, "/avatar/ada")

        async def none_wait() -> bool:
            return await waits(bus) == 0

        await eventually(none_wait)
