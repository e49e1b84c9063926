"""The other ways in through the gateway: directly to the store, from an address, and from a platform."""

import hashlib
import io
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx2
import pytest
from gateway_doubles import SyncDouble
from gateway_people import MAX_IMAGE_BYTES, Person, reason_of
from PIL import Image as Picture

from linkarooie.sync.v1 import sync_pb2
from servicekit.errors import PreconditionError
from servicekit.ids import new_id


def png() -> bytes:
    file = io.BytesIO()
    Picture.effect_noise((320, 240), 80).save(file, "PNG")
    return file.getvalue()


async def put(upload: dict[str, Any], content: bytes) -> int:
    """Sends a file to the store, as a program without our token does."""
    async with httpx2.AsyncClient() as program:
        return (await program.put(upload["url"], content=content, headers=upload["headers"])).status_code


async def test_a_program_uploads_directly_to_the_store(api: httpx2.AsyncClient) -> None:
    content = png()
    declared = {
        "bytes": len(content),
        "content_type": "image/png",
        "sha256": hashlib.sha256(content).hexdigest(),
        "alt_text": "Noise",
        "file_name": "noise.png",
    }
    begin = partial(api.post, "/v1/uploads", headers={"idempotency-key": new_id()})

    begun = await begin(json=declared)

    upload = begun.json()
    assert (begun.status_code, upload["state"], upload["reason"], upload["image_id"]) == (201, "pending", None, None)
    assert upload["headers"] == {"content-type": "image/png", "content-length": str(len(content))}
    assert (await begin(json=declared)).json() == upload
    assert reason_of(await begin(json={**declared, "alt_text": "Other"})) == (409, "IDEMPOTENCY_KEY_REUSED")
    path = begun.headers["location"]
    assert (await api.get(path)).json() == upload
    assert reason_of(await api.post(f"{path}/complete")) == (409, "UPLOAD_NOT_RECEIVED")

    assert await put(upload, content) == 200
    completed = await api.post(f"{path}/complete")

    image = completed.json()
    assert (completed.status_code, completed.headers["location"]) == (201, f"/v1/images/{image['id']}")
    assert (image["state"], image["alt_text"], image["title"]) == ("processing", "Noise", "noise")
    over = (await api.get(path)).json()
    assert (over["state"], over["image_id"], over["url"], over["headers"]) == ("completed", image["id"], None, {})
    assert (await api.post(f"{path}/complete")).json()["id"] == image["id"]
    assert reason_of(await api.delete(path)) == (409, "UPLOAD_COMPLETED")


async def test_what_was_refused_says_why(api: httpx2.AsyncClient) -> None:
    content = png()
    begun = await api.post("/v1/uploads", json={"bytes": len(content), "content_type": "image/jpeg"})
    await put(begun.json(), content)
    path = begun.headers["location"]

    refused = await api.post(f"{path}/complete")

    assert reason_of(refused) == (400, "UPLOAD_DIFFERS")
    assert (await api.get(path)).json()["reason"]["code"] == "UPLOAD_DIFFERS"
    assert reason_of(await api.post(f"{path}/complete")) == (409, "UPLOAD_REFUSED")


async def test_an_upload_is_given_up(api: httpx2.AsyncClient, sign_up: Callable[..., Any]) -> None:
    path = (await api.post("/v1/uploads", json={"bytes": 1, "content_type": "image/png"})).headers["location"]
    stranger: Person = await sign_up()

    assert (await api.delete(path, headers=stranger.headers)).status_code == 404
    assert (await api.delete(path)).status_code == 204

    assert (await api.get(path)).json()["state"] == "cancelled"
    assert reason_of(await api.post(f"{path}/complete")) == (409, "UPLOAD_CANCELLED")


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"bytes": MAX_IMAGE_BYTES + 1}, (400, "TOO_MANY_BYTES")),
        ({"content_type": "image/svg+xml"}, (400, "UNSUPPORTED_FORMAT")),
        ({"bytes": 0}, (400, "INVALID_INPUT")),
        ({"bytes": 1 << 70}, (400, "INVALID_INPUT")),
        ({"sha256": "no hash"}, (400, "INVALID_INPUT")),
    ],
)
async def test_a_wrong_declaration_is_refused(
    api: httpx2.AsyncClient, declared: dict[str, Any], problem: tuple[int, str]
) -> None:
    answer = await api.post("/v1/uploads", json={"bytes": 1, "content_type": "image/png", **declared})
    assert reason_of(answer) == problem


@pytest.mark.parametrize("url", ["https://127.0.0.1/fox.jpg", "http://example.org/fox.jpg", "fox.jpg"])
async def test_addresses_that_are_not_public_are_not_fetched(api: httpx2.AsyncClient, url: str) -> None:
    assert reason_of(await api.post("/v1/images/import", json={"url": url})) == (400, "IMPORT_ADDRESS_REFUSED")


async def test_what_a_connection_shows_is_taken_in(api: httpx2.AsyncClient, person: Person, sync: SyncDouble) -> None:
    image = (await api.post("/v1/images", files={"file": png()})).json()
    sync.answers["ImportPicture"] = sync_pb2.ImportPictureResponse(image_id=image["id"])
    connection_id = new_id()

    taken = await api.post(f"/v1/connections/{connection_id}/import", json={"slot": "banner"})

    assert (taken.status_code, taken.headers["location"]) == (201, f"/v1/images/{image['id']}")
    assert taken.json()["id"] == image["id"]
    asked = sync_pb2.ImportPictureRequest(connection_id=connection_id, slot="banner")
    assert sync.asked[-1] == ("ImportPicture", asked, person.id)

    sync.answers["ImportPicture"] = PreconditionError("No banner was seen there.", reason="NOTHING_SHOWN")
    refused = await api.post(f"/v1/connections/{connection_id}/import", json={"slot": "banner"})
    assert reason_of(refused) == (409, "NOTHING_SHOWN")
