"""What the gateway says of a picture that was looked at, framed, or tried again."""

import base64
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from gateway_people import MEDIA_KEY, Person
from google.protobuf.message import Message
from PIL import Image as Picture

from gateway.settings import GatewaySettings
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from servicekit.bus import Bus
from servicekit.ids import new_id
from servicekit.object_store import ObjectStore

PLACEHOLDER = b"\x01\x02 a thumb hash"


def jpeg() -> bytes:
    file = io.BytesIO()
    Picture.effect_noise((640, 480), 80).save(file, "JPEG")
    return file.getvalue()


def variant(key: str, frame: processor_pb2.Frame | None, *, platform: str = "", content_type: str) -> Any:
    return processor_pb2.Variant(
        key=key,
        platform=platform,
        slot="avatar" if platform else "",
        content_type=content_type,
        width=320,
        height=240,
        object_key=f"variants/{key}",
        frame=frame,
    )


@pytest.fixture
async def picture(api: httpx2.AsyncClient) -> str:
    answer = await api.post("/v1/images", files={"file": ("me.jpg", jpeg())})
    assert [answer.json()[what] for what in ("placeholder", "faces", "preview_url")] == [None, [], None]
    path: str = answer.headers["location"]
    return path


@pytest.fixture
def say(bus: Bus, api: httpx2.AsyncClient, person: Person, eventually: Callable[..., Any]) -> Callable[..., Any]:
    """Says what the processor would of a picture, and returns the picture when it has come to that state."""

    async def said(path: str, state: str, event: Message) -> Any:
        await bus.publish_fact(event, event_id=new_id(), source="processor", owner_id=person.id)

        async def reached() -> Any:
            image = (await api.get(path)).json()
            return image if image["state"] == state else None

        return await eventually(reached)

    return said


async def test_faces_frames_and_a_placeholder_are_told(
    api: httpx2.AsyncClient, person: Person, picture: str, say: Callable[..., Any]
) -> None:
    face = processor_pb2.Rectangle(left=0.5, top=0.25, right=0.75, bottom=0.5)
    around_it = processor_pb2.Frame(
        box=processor_pb2.Rectangle(left=0.25, top=0, right=1, bottom=1), reason=processor_pb2.FRAME_REASON_FACES
    )
    ready = events.VariantsReady(
        image_id=picture.rsplit("/", 1)[1],
        owner_id=person.id,
        revision=1,
        look=processor_pb2.Look(faces=[face], placeholder=PLACEHOLDER),
        variants=[
            variant("thumbnail.320.webp", None, content_type="image/webp"),
            variant("thumbnail.320.avif", None, content_type="image/avif"),
            variant("thumbnail.640.avif", None, content_type="image/avif"),
            variant("thumbnail.640.jpeg", None, content_type="image/jpeg"),
            variant("avatar.1024", None, content_type="image/jpeg"),
            variant("x.avatar", around_it, platform="x", content_type="image/jpeg"),
        ],
    )

    image = await say(picture, "ready", ready)
    variants = (await api.get(f"{picture}/variants")).json()["items"]

    assert base64.b64decode(image["placeholder"]) == PLACEHOLDER
    assert image["faces"] == [{"left": 0.5, "top": 0.25, "right": 0.75, "bottom": 0.5}]
    assert sorted(thumbnail["content_type"] for thumbnail in image["thumbnails"]) == [*["image/avif"] * 2, "image/webp"]
    assert image["preview_url"].startswith("/media/variants/thumbnail.640.jpeg?")
    assert "&alt=thumbnail.640.avif&" in image["preview_url"]
    assert {each["key"]: each["frame"] for each in variants if each["platform"] or "320" in each["key"]} == {
        "thumbnail.320.webp": None,
        "thumbnail.320.avif": None,
        "x.avatar": {"left": 0.25, "top": 0.0, "right": 1.0, "bottom": 1.0, "reason": "faces"},
    }


async def test_a_file_is_there_for_everybody_from_when_its_picture_is_published_until_it_is_taken_back(
    api: httpx2.AsyncClient,
    http: httpx2.AsyncClient,
    person: Person,
    picture: str,
    say: Callable[..., Any],
    service_settings: Callable[..., Any],
    tmp_path: Path,
    eventually: Callable[..., Any],
) -> None:
    key = f"variants/{person.id}/sha/plain/avatar.jpg"
    (tmp_path / "avatar.jpg").write_bytes(jpeg())
    objects = ObjectStore(service_settings(GatewaySettings, media_key=MEDIA_KEY))
    await objects.put_file(key, tmp_path / "avatar.jpg", content_type="image/jpeg")
    await objects.stop()
    made = variant("x.avatar", None, platform="x", content_type="image/jpeg")
    made.object_key = key
    await say(
        picture,
        "ready",
        events.VariantsReady(image_id=picture.rsplit("/", 1)[1], owner_id=person.id, revision=1, variants=[made]),
    )

    async def becomes(status: int) -> httpx2.Response | None:
        answer = await http.get(f"/media/{key}")
        return answer if answer.status_code == status else None

    before = await http.get(f"/media/{key}")
    published = await api.patch(picture, json={"published": True})
    shown = await eventually(partial(becomes, 200))
    taken_back = await api.patch(picture, json={"published": False})
    await eventually(partial(becomes, 403))

    assert (before.status_code, before.json()["reason"]) == (403, "MEDIA_LINK_INVALID")
    assert [answer.json()["published"] for answer in (published, taken_back)] == [True, False]
    assert shown.headers["cache-control"].startswith("public")
    assert shown.content == (tmp_path / "avatar.jpg").read_bytes()


async def test_a_failed_picture_says_why_and_is_tried_again(
    api: httpx2.AsyncClient, person: Person, picture: str, say: Callable[..., Any]
) -> None:
    too_soon = await api.post(f"{picture}/retry")
    failed = events.VariantsFailed(
        image_id=picture.rsplit("/", 1)[1], owner_id=person.id, revision=1, reason="BROKEN", message="It ends too soon."
    )

    shown = await say(picture, "failed", failed)
    again = await api.post(f"{picture}/retry")

    assert (too_soon.status_code, too_soon.json()["reason"]) == (409, "IMAGE_NOT_FAILED")
    assert shown["reason"] == {"code": "BROKEN", "message": "It ends too soon."}
    assert (again.status_code, again.json()["state"], again.json()["reason"]) == (200, "processing", None)


async def test_a_picture_of_somebody_else_cannot_be_tried_again(
    http: httpx2.AsyncClient, picture: str, sign_up: Callable[[], Any]
) -> None:
    stranger: Person = await sign_up()

    answer = await http.post(f"{picture}/retry", headers=stranger.headers)

    assert (answer.status_code, answer.json()["reason"]) == (404, "IMAGE_NOT_FOUND")
