"""Avatars as sites pull them, with the real services behind the gateway."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from gateway_people import Person, RunGateway, reason_of
from PIL import Image as Picture

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from servicekit.bus import Bus
from servicekit.ids import new_id
from servicekit.object_store import ObjectStore
from services.upload.settings import UploadSettings

RED, BLUE = (255, 0, 0), (0, 0, 255)
BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
# What is about one request and nothing else.
OF_THE_REQUEST = ("date", "x-request-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


def solid(colour: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (1024, 1024), colour).save(file, "PNG")
    return file.getvalue()


def seen(answer: httpx2.Response) -> tuple[str, int, tuple[int, ...]]:
    """Returns format, size and about the colour of a picture."""
    assert answer.status_code == 200, answer.text
    with Picture.open(io.BytesIO(answer.content)) as opened:
        assert opened.get_format_mimetype() == answer.headers["content-type"]
        assert opened.width == opened.height
        middle: Any = opened.convert("RGB").getpixel((opened.width // 2, opened.height // 2))
        return str(opened.format), opened.width, tuple(255 if part > 128 else 0 for part in middle)


def whole(answer: httpx2.Response) -> Any:
    """Returns all that a stranger gets, but for what is about the one request."""
    headers = {name: value for name, value in answer.headers.items() if name not in OF_THE_REQUEST}
    body = {**answer.json(), "reference": ""} if answer.status_code == 404 else answer.content
    return answer.status_code, headers, body


@pytest.fixture
async def known(api: httpx2.AsyncClient, eventually: Callable[..., Any]) -> Any:
    """What the upload service has heard of `person`: nothing but names, all closed."""

    async def heard() -> Any:
        settings = (await api.get("/v1/avatar-settings")).json()
        return settings if settings["handle"] and settings["email_sha256"] else None

    return await eventually(heard)


@pytest.fixture
async def show(
    api: httpx2.AsyncClient,
    person: Person,
    bus: Bus,
    service_settings: Callable[..., Any],
    eventually: Callable[..., Any],
    tmp_path: Path,
) -> AsyncIterator[Callable[..., Any]]:
    """Makes a picture of one colour the default avatar of `person`."""
    objects = ObjectStore(service_settings(UploadSettings))

    async def shown(colour: tuple[int, ...]) -> None:
        content = solid(colour)
        uploaded = await api.post("/v1/images", files={"file": ("me.png", content)})
        image_id = uploaded.json()["id"]
        file, object_key = tmp_path / "avatar", f"variants/{image_id}/avatar.1024"
        file.write_bytes(content)
        await objects.put_file(object_key, file, content_type="image/png")
        made = processor_pb2.Variant(
            key="avatar.1024",
            content_type="image/png",
            width=1024,
            height=1024,
            bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            perceptual_hash="0" * 16,
            object_key=object_key,
        )
        ready = events.VariantsReady(image_id=image_id, owner_id=person.id, revision=1, variants=[made])
        await bus.publish_fact(ready, event_id=new_id(), source="processor", owner_id=person.id)

        async def is_ready() -> bool:
            return bool((await api.get(f"/v1/images/{image_id}")).json()["state"] == "ready")

        await eventually(is_ready)
        chosen = await api.put("/v1/defaults", json={"avatar": {"everywhere": image_id}})
        assert chosen.status_code == 200, chosen.text

    yield shown
    await objects.stop()


async def opened(api: httpx2.AsyncClient, *, by_handle: bool, by_email: bool) -> Any:
    answer = await api.put("/v1/avatar-settings", json={"by_handle": by_handle, "by_email": by_email})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_site_gets_the_avatar_in_the_size_and_format_that_it_asks_for(
    api: httpx2.AsyncClient, http: httpx2.AsyncClient, known: Any, show: Callable[..., Any]
) -> None:
    await show(RED)
    settings = await opened(api, by_handle=True, by_email=True)
    handle, sha256, md5 = known["handle"], known["email_sha256"], known["email_md5"]

    asked = {
        (handle, ""): ("JPEG", 80),
        (handle.upper(), BROWSER): ("AVIF", 80),
        (f"{handle}?s=200", "image/webp,*/*"): ("WEBP", 200),
        (f"{handle}?size=2048", "*/*"): ("JPEG", 2048),
        (f"{handle}.png?s=1", BROWSER): ("PNG", 1),
        (f"{sha256}.jpg?s=16", BROWSER): ("JPEG", 16),
        (f"{sha256}?d=404", "complete; garbage;;q=x,,/"): ("JPEG", 80),
        (f"{md5}?s=0", "*/*"): ("JPEG", 80),
        (f"{md5}?s=99999", "*/*"): ("JPEG", 2048),
        (f"{md5}?s=abc", "*/*"): ("JPEG", 80),
        (f"{md5}?s=-5", "*/*"): ("JPEG", 80),
        (f"{md5}?s=%C2%B2", "*/*"): ("JPEG", 80),
        (f"{md5}?s=00000000000000000000", "*/*"): ("JPEG", 80),
        (f"{handle}?d=http://evil.example/x.png", "*/*"): ("JPEG", 80),
    }
    for (path, accept), expected in asked.items():
        answer = await http.get(f"/avatar/{path}", headers={"accept": accept})
        assert seen(answer) == (*expected, RED), (path, accept)
        assert ("vary" in answer.headers) is ("." not in path.partition("?")[0])
    assert settings["has_avatar"] is True
    forced = await http.get(f"/avatar/{handle}?f=y")
    assert (seen(forced)[2] == RED, seen(await http.get(f"/avatar/{handle}?forcedefault=n"))[2]) == (False, RED)


async def test_an_answer_can_be_shown_by_every_site_kept_for_seconds_and_asked_for_by_its_etag(
    api: httpx2.AsyncClient, http: httpx2.AsyncClient, known: Any, show: Callable[..., Any]
) -> None:
    await show(RED)
    await opened(api, by_handle=True, by_email=False)
    address = f"/avatar/{known['handle']}"

    answer = await http.get(address, headers={"accept": BROWSER})
    again = await http.get(address, headers={"accept": BROWSER, "if-none-match": f'"x", {answer.headers["etag"]}'})
    head = await http.head(address, headers={"accept": BROWSER})
    other = await http.get(address, headers={"accept": "*/*", "if-none-match": answer.headers["etag"]})
    nothing = await http.get("/avatar/nobody-at-all?d=404")

    assert (again.status_code, again.content, head.status_code, head.content) == (304, b"", 200, b"")
    assert head.headers["content-length"] == str(len(answer.content))
    assert other.status_code == 200
    assert reason_of(nothing) == (404, "AVATAR_NOT_FOUND")
    for each in (answer, again, head, nothing):
        assert {name: each.headers.get(name) for name in ("cache-control", "vary", "x-content-type-options")} == {
            "cache-control": "public, max-age=10",
            "vary": "accept",
            "x-content-type-options": "nosniff",
        }
        assert each.headers["access-control-allow-origin"] == "*"
        assert each.headers["cross-origin-resource-policy"] == "cross-origin"
        assert each.headers["content-security-policy"].split("; ")[:2] == ["default-src 'none'", "sandbox"]
        assert "set-cookie" not in each.headers
    for each in (answer, again, head):
        assert each.headers["etag"] == answer.headers["etag"]
        assert not each.headers["etag"].startswith("W/")


async def test_a_change_by_the_owner_shows_within_seconds_through_every_replica(
    api: httpx2.AsyncClient,
    gateway: str,
    run_gateway: RunGateway,
    known: Any,
    show: Callable[..., Any],
    eventually: Callable[..., Any],
) -> None:
    await show(RED)
    await opened(api, by_handle=True, by_email=True)
    paths = [f"/avatar/{known[name]}" for name in ("handle", "email_sha256")]
    async with run_gateway() as second, httpx2.AsyncClient() as http:

        async def colours() -> list[tuple[int, ...]]:
            return [seen(await http.get(replica + path))[2] for path in paths for replica in (gateway, second)]

        before = await colours()
        await opened(api, by_handle=True, by_email=False)
        await show(BLUE)

        async def is_new() -> bool:
            by_handle, by_handle_too, *by_email = await colours()
            return by_handle == by_handle_too == BLUE and not {*by_email} & {RED, BLUE}

        await eventually(is_new, within_seconds=15)
    assert before == [RED] * 4


async def test_a_stranger_gets_the_same_whether_there_is_an_account_or_not(
    api: httpx2.AsyncClient, http: httpx2.AsyncClient, known: Any
) -> None:
    # Each has a name of its own, so these are what is not drawn from a name.
    for word in ("404", "mp", "blank", "", "nonsense", "http://evil.example"):
        answers = [
            await http.get(f"/avatar/{name}", params={"d": word}, headers={"accept": BROWSER})
            for name in (known["handle"], known["email_sha256"], known["email_md5"], "nobody-at-all", "f" * 64)
        ]
        assert all(whole(answer) == whole(answers[0]) for answer in answers)


@pytest.mark.parametrize("name", ["%00", "%FF%FE", "..%2F..%2Fetc", "%20", "a%0d%0ab", ".png", "x" * 10_000, "💥"])
async def test_a_name_that_is_none_gets_what_stands_for_one(http: httpx2.AsyncClient, name: str) -> None:
    answer = await http.get(f"/avatar/{name}", params={"d": "retro%ff\0", "s": "9" * 5000})

    # What holds a slash is no name, and no address of ours.
    assert answer.status_code in ((200, 404) if "%2F" in name else (200,))
    if answer.status_code == 200 and "%2F" not in name:
        assert seen(answer)[:2] == ("JPEG", 2048)


async def test_many_at_once_who_want_the_same_cost_one_drawing(
    api: httpx2.AsyncClient, http: httpx2.AsyncClient, known: Any, show: Callable[..., Any]
) -> None:
    await show(RED)
    await opened(api, by_handle=True, by_email=False)

    answers = await asyncio.gather(*(http.get(f"/avatar/{known['handle']}?s=512") for _ in range(40)))

    assert {seen(answer) for answer in answers} == {("JPEG", 512, RED)}


async def test_calls_are_counted_for_the_address(run_gateway: RunGateway) -> None:
    async with run_gateway(limit_avatar="2/minute") as url, httpx2.AsyncClient(base_url=url) as http:
        answers = [await http.get("/avatar/nobody-at-all") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["content-type"] == "application/problem+json"
