"""Uploads through the gateway into the real upload service and S3, and pictures back out of it."""

import asyncio
import contextlib
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from gateway_people import MAX_IMAGE_BYTES, MEDIA_KEY, Person, RunGateway
from PIL import Image as Picture
from pydantic import SecretStr

from gateway.media import MediaLinks
from gateway.settings import GatewaySettings
from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.ids import new_id, utc_now
from servicekit.object_store import ObjectStore


def jpeg(width: int = 640, height: int = 480) -> bytes:
    file = io.BytesIO()
    Picture.effect_noise((width, height), 80).save(file, "JPEG")
    return file.getvalue()


async def test_a_picture_is_taken_in_and_can_be_looked_up(api: httpx2.AsyncClient) -> None:
    content = jpeg()

    answer = await api.post(
        "/v1/images", data={"alt_text": "Noise, mostly grey"}, files={"file": ("noise.jpg", content)}
    )

    image = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/images/{image['id']}"
    assert (
        image.items()
        >= {
            "state": "processing",
            "reason": None,
            "width": 640,
            "height": 480,
            "bytes": len(content),
            "content_type": "image/jpeg",
            "sha256": hashlib.sha256(content).hexdigest(),
            "revision": 1,
            "alt_text": "Noise, mostly grey",
            "file_name": "noise.jpg",
            "thumbnails": [],
            "ready_at": None,
        }.items()
    )
    assert (await api.get(answer.headers["location"])).json() == image
    assert (await api.get("/v1/images")).json() == {"items": [image], "next_page_token": ""}
    assert (await api.get(f"/v1/images/{image['id']}/variants")).json()["items"] == []


async def test_the_same_key_again_gets_the_first_answer(api: httpx2.AsyncClient) -> None:
    content = jpeg()
    send = partial(api.post, "/v1/images", headers={"idempotency-key": new_id()})

    first, second = [await send(files={"file": content}) for _ in range(2)]
    other = await send(files={"file": jpeg(300, 300)})

    assert second.json()["id"] == first.json()["id"]
    assert (other.status_code, other.json()["reason"]) == (409, "IDEMPOTENCY_KEY_REUSED")


async def test_a_picture_is_described_and_deleted(api: httpx2.AsyncClient) -> None:
    path = (await api.post("/v1/images", files={"file": jpeg()})).headers["location"]

    described = await api.patch(path, json={"alt_text": "A fox"})
    deleted = await api.delete(path)
    gone = await api.get(path)

    assert described.json()["alt_text"] == "A fox"
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (gone.status_code, gone.json()["reason"]) == (404, "IMAGE_DELETED")


async def test_a_stranger_sees_nothing(
    api: httpx2.AsyncClient, http: httpx2.AsyncClient, sign_up: Callable[[], Any]
) -> None:
    path = (await api.post("/v1/images", files={"file": jpeg()})).headers["location"]
    stranger: Person = await sign_up()

    answers = [
        await http.request(method, path + rest, headers=stranger.headers, json=body)
        for method, rest, body in (
            ("GET", "", None),
            ("GET", "/variants", None),
            ("PATCH", "", {"alt_text": "mine"}),
            ("DELETE", "", None),
        )
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert (await http.get("/v1/images", headers=stranger.headers)).json()["items"] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"%PDF-1.7 hardly a picture", "UNSUPPORTED_FORMAT"), (b"", "EMPTY"), (b"<svg xmlns='x'/>", "SVG_REFUSED")],
)
async def test_what_is_no_picture_is_refused_with_the_reason_of_the_upload_service(
    api: httpx2.AsyncClient, content: bytes, reason: str
) -> None:
    answer = await api.post("/v1/images", files={"file": ("picture.jpg", content)})

    assert (answer.status_code, answer.json()["reason"]) == (400, reason)
    assert (await api.get("/v1/images")).json()["items"] == []


async def test_a_description_after_the_file_is_refused_and_nothing_is_stored(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/v1/images", files=[("file", ("a.jpg", jpeg())), ("alt_text", (None, b"late"))])

    assert (answer.status_code, answer.json()["reason"]) == (400, "FIELD_ORDER")
    assert (await api.get("/v1/images")).json()["items"] == []


async def test_a_body_that_says_it_is_too_large_is_refused_unread(run_gateway: RunGateway, person: Person) -> None:
    async with run_gateway(max_image_bytes=1000) as url, httpx2.AsyncClient(base_url=url) as client:
        answer = await client.post("/v1/images", files={"file": bytes(100_000)}, headers=person.headers)

    assert (answer.status_code, answer.json()["reason"]) == (413, "TOO_MANY_BYTES")


class RawUpload:
    """An upload whose body is sent piece by piece for as long as the test likes."""

    async def begin(self, gateway: str, token: str) -> None:
        place = urlsplit(gateway)
        self.reader, self.writer = await asyncio.open_connection(place.hostname, place.port)
        self.writer.write(
            f"POST /v1/images HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: multipart/form-data; boundary=line\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        await self.send(b'--line\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n')

    async def send(self, data: bytes) -> None:
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


async def test_a_file_over_the_limit_is_refused_while_it_is_still_being_sent(gateway: str, person: Person) -> None:
    upload, piece, sent = RawUpload(), bytes(64 * 1024), 0
    await upload.begin(gateway, person.token)

    # The body never ends by itself: only an early answer ends the test well.
    status_line = asyncio.create_task(upload.reader.readline())
    while not status_line.done() and sent < 40 * MAX_IMAGE_BYTES:
        await upload.send(piece)
        sent += len(piece)
        await asyncio.sleep(0)
    line = await asyncio.wait_for(status_line, 10)
    head = await upload.reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    body = await upload.reader.readexactly(length)
    await upload.close()

    assert b" 413 " in line
    assert b'"TOO_MANY_BYTES"' in body
    assert b'"max_bytes":"2000000"' in body


class SlowUpload(upload_pb2_grpc.UploadServiceServicer):
    """Reads what comes and tells how the call ended."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def UploadImage(
        self, request_iterator: AsyncIterator[upload_pb2.UploadImageRequest], context: object
    ) -> upload_pb2.UploadImageResponse:
        try:
            async for _ in request_iterator:
                self.began.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        raise AssertionError


async def test_when_the_browser_goes_away_the_upload_behind_it_is_cancelled(
    run_gateway: RunGateway, serve_double: Callable[..., Any], person: Person
) -> None:
    service = SlowUpload()
    register = partial(upload_pb2_grpc.add_UploadServiceServicer_to_server, service)
    descriptor = upload_pb2.DESCRIPTOR.services_by_name["UploadService"]
    upload = RawUpload()

    async with serve_double(descriptor, register) as target, run_gateway(upload_target=target) as url:
        await upload.begin(url, person.token)
        await upload.send(bytes(300_000))
        await asyncio.wait_for(service.began.wait(), 10)
        await upload.close()
        await asyncio.wait_for(service.cancelled.wait(), 10)


@pytest.fixture
async def stored(service_settings: Callable[..., Any], tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Puts a file into the store and signs its address as the gateway does."""
    objects = ObjectStore(service_settings(GatewaySettings, media_key=MEDIA_KEY))
    links = MediaLinks(SecretStr(MEDIA_KEY), utc_now)

    async def put(content: bytes, content_type: str) -> str:
        key = f"variants/{new_id()}/{hashlib.sha256(content).hexdigest()}"
        file = tmp_path / "file"
        file.write_bytes(content)
        await objects.put_file(key, file, content_type=content_type)
        return links.to(key, name="x-avatar")

    yield put
    await objects.stop()


async def test_a_signed_address_shows_its_picture_to_anybody_and_caches_may_keep_it(
    http: httpx2.AsyncClient, stored: Callable[..., Any]
) -> None:
    content = jpeg()
    url = await stored(content, "image/jpeg")

    shown = await http.get(url)
    head = await http.head(url)
    again = await http.get(url, headers={"if-none-match": shown.headers["etag"]})

    assert shown.content == content
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["content-length"] == head.headers["content-length"] == str(len(content))
    assert shown.headers["content-disposition"] == 'inline; filename="x-avatar.jpg"'
    assert shown.headers["cache-control"].startswith("private, max-age=")
    assert shown.headers["cache-control"].endswith(", immutable")
    assert "sandbox" in shown.headers["content-security-policy"]
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert head.content == b""
    assert (again.status_code, again.content) == (304, b"")


async def test_what_is_no_picture_is_only_ever_saved(http: httpx2.AsyncClient, stored: Callable[..., Any]) -> None:
    shown = await http.get(await stored(b"<script>alert(1)</script>", "text/html"))

    assert shown.headers["content-type"] == "application/octet-stream"
    assert shown.headers["content-disposition"] == 'attachment; filename="x-avatar.bin"'


async def test_an_altered_address_shows_nothing(http: httpx2.AsyncClient, stored: Callable[..., Any]) -> None:
    url: str = await stored(b"pixels", "image/png")
    other: str = await stored(b"others", "image/png")

    answers = [
        await http.get(url.replace("x-avatar", "x-banner")),
        await http.get(url.replace("exp=", "exp=9")),
        await http.get(other.split("?")[0] + "?" + url.split("?")[1]),
        await http.get(url[:-1] + ("0" if url[-1] != "0" else "1")),
    ]

    assert {(answer.status_code, answer.json()["reason"]) for answer in answers} == {(403, "MEDIA_LINK_INVALID")}
    assert (await http.get(url.split("?")[0] + "?exp=1&name=n&sig=")).json()["reason"] == "MEDIA_LINK_INVALID"


async def test_a_picture_that_is_gone_is_not_found(http: httpx2.AsyncClient) -> None:
    url = MediaLinks(SecretStr(MEDIA_KEY), utc_now).to("variants/gone", name="n")

    answer = await http.get(url)

    assert (answer.status_code, answer.json()["reason"]) == (404, "MEDIA_NOT_FOUND")
