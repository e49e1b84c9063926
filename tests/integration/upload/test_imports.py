"""Pictures from the web, fetched from a real server that does what hosts do, and worse."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from upload_client import get, jpeg

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.errors import AlreadyExistsError, InvalidInputError, NotFoundError, PreconditionError, ServiceError
from servicekit.grpc_client import Channels, remote_errors
from servicekit.ids import new_id
from servicekit.settings import GrpcSettings
from services.upload.app import build
from services.upload.settings import UploadSettings

TIMEOUT_SECONDS = 1.0
MAX_BYTES = 200_000
PICTURE = jpeg()


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def moved(location: str, status: str = "302 Found") -> bytes:
    return answer(status=status, location=location)


ANSWERS = {
    "/fox.jpg": answer(PICTURE),
    "/avatar": moved("/a/", "301 Moved Permanently"),
    "/a/": moved("../fox.jpg", "307 Temporary Redirect"),
    "/loop": moved("/loop"),
    "/to-private": moved("https://127.0.0.1/"),
    "/to-metadata": moved("https://169.254.169.254/latest/meta-data/"),
    "/to-http": moved("http://example.org/fox.jpg"),
    "/to-port": moved("https://example.org:8443/fox.jpg"),
    "/to-file": moved("file:///etc/passwd"),
    "/nowhere": answer(b"no", "404 Not Found"),
    "/gone": answer(b"no", "410 Gone"),
    "/for-members": answer(b"no", "403 Forbidden"),
    "/broken-host": answer(b"no", "503 Service Unavailable"),
    "/no-target": answer(status="302 Found"),
    "/page": answer(b"<!doctype html><title>A fox</title>", content_type="image/jpeg"),
    "/half.jpg": answer(PICTURE[:400]),
    "/cut.jpg": answer(PICTURE)[:-100],
    "/empty": answer(),
    "/large": answer(b"x" * (MAX_BYTES + 1)),
    "/dropped": b"",
}


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    closing = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            path = request.split(b" ")[1].decode()
            if path in ("/drips", "/streams"):
                writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
            while path == "/drips" and not closing.is_set():
                writer.write(b".")
                await writer.drain()
                await asyncio.sleep(0.02)
            while path == "/streams" and not closing.is_set():
                writer.write(b"x" * 65_536)
                await writer.drain()
            if path == "/silent":
                await closing.wait()
            writer.write(ANSWERS.get(path.partition("?")[0], b""))
            await writer.drain()
        except OSError:
            pass  # whoever asked has heard enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    name, port = server.sockets[0].getsockname()
    try:
        yield f"http://{name}:{port}"
    finally:
        closing.set()
        server.close()


@pytest.fixture(scope="module")
async def host() -> AsyncIterator[str]:
    """The address of a server that an operator has named as trusted."""
    async with serving() as url:
        yield url


@pytest.fixture(scope="module")
async def upload(service_settings: Callable[..., Any], run_app: Any, host: str) -> AsyncIterator[Any]:
    """A stub for the running service, which waits for hosts only shortly."""
    settings = service_settings(
        UploadSettings, trusted_hosts=[host], import_timeout_seconds=TIMEOUT_SECONDS, max_image_bytes=MAX_BYTES
    )
    app = build(settings)
    async with run_app(app):
        channels = Channels(GrpcSettings())
        assert app.grpc is not None
        service = upload_pb2.DESCRIPTOR.services_by_name["UploadService"]
        yield upload_pb2_grpc.UploadServiceStub(channels.to(app.grpc.address, service))
        await channels.stop()


async def fetch(upload: Any, url: str, **more: str) -> upload_pb2.Image:
    with remote_errors():
        answered = await upload.ImportImage(upload_pb2.ImportImageRequest(url=url, **more), timeout=30)
    image: upload_pb2.Image = answered.image
    return image


async def refusal(upload: Any, url: str) -> ServiceError:
    with pytest.raises(ServiceError) as refused:
        await fetch(upload, url)
    return refused.value


@pytest.mark.parametrize("path", ["/fox.jpg", "/fox.jpg?size=large#top"])
async def test_a_picture_is_fetched_and_taken_in(upload: Any, host: str, owner: str, path: str) -> None:
    image = await fetch(upload, f" {host}{path}", alt_text=" A fox ")

    assert (image.state, image.bytes, image.content_type) == (
        upload_pb2.IMAGE_STATE_PROCESSING,
        len(PICTURE),
        "image/jpeg",
    )
    assert (image.file_name, image.title, image.alt_text) == ("fox.jpg", "fox", "A fox")
    assert await get(upload, image.id) == image


async def test_redirects_are_followed(upload: Any, host: str, owner: str) -> None:
    assert (await fetch(upload, f"{host}/avatar")).bytes == len(PICTURE)


@pytest.mark.parametrize("path", ["/to-private", "/to-metadata", "/to-http", "/to-port", "/to-file"])
async def test_a_redirect_leads_nowhere_where_an_address_would_not(
    upload: Any, host: str, owner: str, path: str
) -> None:
    error = await refusal(upload, f"{host}{path}")
    assert (type(error), error.reason, error.metadata) == (InvalidInputError, "IMPORT_ADDRESS_REFUSED", {})
    assert "127.0.0.1" not in error.message
    assert "169.254" not in error.message


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/fox.jpg",
        "https://localhost/fox.jpg",
        "https://[::1]/fox.jpg",
        "https://2130706433/fox.jpg",
        "http://example.org/fox.jpg",
        "https://example.org:8443/fox.jpg",
        "https://ada:secret@example.org/fox.jpg",
        "ftp://example.org/fox.jpg",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "//example.org/fox.jpg",
        "fox.jpg",
        "https://",
        "https://[",
        "https://exa\nmple.org/fox.jpg",
        "https://example.org/" + "x" * 2000,
        "",
        "🦊",
    ],
)
async def test_an_address_that_is_not_public_and_https_is_refused(upload: Any, owner: str, url: str) -> None:
    error = await refusal(upload, url)
    assert (type(error), error.reason) == (InvalidInputError, "IMPORT_ADDRESS_REFUSED")


@pytest.mark.parametrize(
    ("path", "kind", "reason", "metadata"),
    [
        ("/loop", InvalidInputError, "IMPORT_TOO_MANY_REDIRECTS", {"max_redirects": "5"}),
        ("/nowhere", PreconditionError, "IMPORT_NOT_FOUND", {"status": "404"}),
        ("/gone", PreconditionError, "IMPORT_NOT_FOUND", {"status": "410"}),
        ("/for-members", PreconditionError, "IMPORT_NO_ANSWER", {"status": "403"}),
        ("/broken-host", PreconditionError, "IMPORT_NO_ANSWER", {"status": "503"}),
        ("/no-target", PreconditionError, "IMPORT_NO_ANSWER", {"status": "302"}),
        ("/dropped", PreconditionError, "IMPORT_NO_ANSWER", {}),
        ("/cut.jpg", PreconditionError, "IMPORT_NO_ANSWER", {}),
        ("/drips", PreconditionError, "IMPORT_TIMEOUT", {"limit_seconds": "1"}),
        ("/silent", PreconditionError, "IMPORT_TIMEOUT", {"limit_seconds": "1"}),
        ("/streams", InvalidInputError, "TOO_MANY_BYTES", {"max_bytes": str(MAX_BYTES)}),
        ("/large", InvalidInputError, "TOO_MANY_BYTES", {"max_bytes": str(MAX_BYTES)}),
    ],
)
async def test_what_a_host_does_wrong_is_told(
    upload: Any, host: str, owner: str, path: str, kind: type[ServiceError], reason: str, metadata: dict[str, str]
) -> None:
    error = await refusal(upload, f"{host}{path}")
    assert (type(error), error.reason, error.metadata) == (kind, reason, metadata)


@pytest.mark.parametrize(
    ("path", "reason"), [("/page", "UNSUPPORTED_FORMAT"), ("/half.jpg", "BROKEN"), ("/empty", "EMPTY")]
)
async def test_what_is_no_picture_is_refused_like_an_upload(
    upload: Any, host: str, owner: str, path: str, reason: str
) -> None:
    assert (await refusal(upload, f"{host}{path}")).reason == reason
    assert (await upload.ListImages(upload_pb2.ListImagesRequest())).images == []


async def test_a_host_that_is_not_there_is_told(upload: Any, host: str, owner: str) -> None:
    error = await refusal(upload, "https://nowhere.invalid/fox.jpg")
    assert (type(error), error.reason) == (PreconditionError, "IMPORT_NO_ANSWER")


async def test_the_same_key_again_gets_the_first_picture(upload: Any, host: str, owner: str) -> None:
    key = new_id()
    several = [fetch(upload, f"{host}/fox.jpg", idempotency_key=key) for _ in range(4)]
    made = {image.id for image in await asyncio.gather(*several)}
    assert len(made) == 1
    assert len((await upload.ListImages(upload_pb2.ListImagesRequest())).images) == 1

    with pytest.raises(AlreadyExistsError) as refused:
        await fetch(upload, f"{host}/avatar", idempotency_key=key)
    assert refused.value.reason == "IDEMPOTENCY_KEY_REUSED"

    await upload.DeleteImage(upload_pb2.DeleteImageRequest(id=made.pop()))
    with pytest.raises(NotFoundError) as gone:
        await fetch(upload, f"{host}/fox.jpg", idempotency_key=key)
    assert gone.value.reason == "IMAGE_DELETED"


async def test_a_description_that_is_too_long_is_refused_before_anything_is_fetched(upload: Any, owner: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await fetch(upload, "https://nowhere.invalid/fox.jpg", alt_text="a" * 1501)
    assert refused.value.violations[0].field == "alt_text"
