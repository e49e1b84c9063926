"""Edits over HTTP, with the real upload service: If-Match, undo and redo, refusals by name, and previews."""

import asyncio
import io
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx2
import pytest
from gateway_doubles import ProcessorDouble
from gateway_people import Person, RunGateway, reason_of
from PIL import Image as Picture

from linkarooie.processor.v1 import processor_pb2, processor_pb2_grpc
from servicekit.errors import InvalidInputError, PreconditionError
from servicekit.ids import new_id

PLAIN = {"quarter_turns": 0, "mirrored": False, "crop": None, "focus": None, "background": None}
CROPPED = {**PLAIN, "crop": {"left": 0.25, "top": 0.0, "right": 0.75, "bottom": 1.0}}
FOCUSED = {**PLAIN, "quarter_turns": 3, "focus": {"x": 0.5, "y": 0.125}, "background": "#00ff7f"}


def jpeg() -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (640, 480), "teal").save(file, "JPEG")
    return file.getvalue()


async def uploaded(api: httpx2.AsyncClient) -> str:
    answer = await api.post("/v1/images", files={"file": ("me.jpg", jpeg())})
    path: str = answer.headers["location"]
    return path


@pytest.fixture
async def picture(api: httpx2.AsyncClient) -> str:
    return await uploaded(api)


async def test_edits_are_undone_and_redone_as_revisions(api: httpx2.AsyncClient, picture: str) -> None:
    wanted = {"base": CROPPED, "overrides": {"x.avatar": FOCUSED}}

    before = await api.get(f"{picture}/edits")
    edited = await api.put(f"{picture}/edits", json=wanted, headers={"if-match": before.headers["etag"]})
    undone = await api.post(f"{picture}/revisions/1/restore", headers={"if-match": edited.headers["etag"]})
    redone = await api.post(f"{picture}/revisions/2/restore")

    assert [answer.headers["etag"] for answer in (before, edited, undone, redone)] == ['"1"', '"2"', '"3"', '"4"']
    assert before.json().items() >= {"number": 1, "base": PLAIN, "overrides": {}}.items()
    assert edited.json().items() >= {"number": 2, **wanted}.items()
    assert undone.json().items() >= {"number": 3, "base": PLAIN, "overrides": {}}.items()
    assert redone.json().items() >= {"number": 4, **wanted}.items()
    assert (await api.get(f"{picture}/edits")).json() == redone.json()
    pages = [(await api.get(f"{picture}/revisions", params={"page_size": 3})).json()]
    more = {"page_token": pages[0]["next_page_token"]}
    pages.append((await api.get(f"{picture}/revisions", params=more)).json())
    assert [revision["number"] for page in pages for revision in page["items"]] == [4, 3, 2, 1]
    assert pages[0]["items"][0] == redone.json()
    image = (await api.get(picture)).json()
    assert (image["revision"], image["state"]) == (4, "processing")


async def test_of_two_who_edit_what_they_both_read_one_is_told_the_present_revision(
    api: httpx2.AsyncClient, picture: str
) -> None:
    edits = [{"base": CROPPED}, {"base": FOCUSED}]

    answers = await asyncio.gather(
        *(api.put(f"{picture}/edits", json=each, headers={"if-match": '"1"'}) for each in edits)
    )
    undone = await api.post(f"{picture}/revisions/1/restore", headers={"if-match": '"1"'})

    late = next(answer for answer in answers if answer.status_code != 200)
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    for stale in (late, undone):
        assert reason_of(stale) == (412, "ETAG_MISMATCH")
        assert stale.json()["metadata"] == {"revision": "2"}


async def test_an_etag_that_is_none_of_ours_changes_nothing(api: httpx2.AsyncClient, picture: str) -> None:
    for etag in ('"0"', '"one"', '"١"', '"99999999999"'):
        answer = await api.put(f"{picture}/edits", json={"base": CROPPED}, headers={"if-match": etag.encode()})

        assert reason_of(answer) == (400, "INVALID_INPUT")
        assert answer.json()["errors"][0]["field"] == "If-Match"
    assert (await api.get(f"{picture}/edits")).headers["etag"] == '"1"'


async def test_a_crop_outside_the_picture_says_what_is_allowed_and_what_it_is(
    api: httpx2.AsyncClient, picture: str
) -> None:
    outside = {"base": PLAIN, "overrides": {"x.avatar": {"crop": {"left": 0, "top": -0.25, "right": 1, "bottom": 1.5}}}}

    answer = await api.put(f"{picture}/edits", json=outside)

    problem = answer.json()
    assert reason_of(answer) == (400, "EDIT_INVALID")
    assert [error["field"] for error in problem["errors"]] == ["overrides.x.avatar.crop"]
    assert problem["metadata"] == {
        "field": "overrides.x.avatar.crop",
        "minimum": "0",
        "maximum": "1",
        "actual": "left=0 top=-0.25 right=1 bottom=1.5",
    }


async def test_what_makes_no_sense_is_named_and_changes_nothing(api: httpx2.AsyncClient, picture: str) -> None:
    fields = {
        '{"base": {"focus": {"x": NaN, "y": 0.5}}}': "base.focus",
        '{"base": {"crop": {"left": 0, "top": 0, "right": 1e999, "bottom": 1}}}': "base.crop",
        '{"base": {"crop": {"left": 0.5, "top": 0, "right": 0.501, "bottom": 1}}}': "base.crop",
        '{"base": {"crop": {"left": 0, "top": 0, "right": 1}}}': "base.crop.bottom",
        '{"base": {"focus": {"x": 1%s, "y": 0}}}' % ("0" * 400): "base.focus.x",
        '{"base": {"quarter_turns": -1}}': "base.quarter_turns",
        '{"base": {"quarter_turns": 99999999999999}}': "base.quarter_turns",
        '{"base": {"background": "red"}}': "base.background",
        '{"base": {"rotate": 1}}': "base.rotate",
        '{"overrides": {"x.door": {}}}': "overrides.x.door",
        "[1]": "body",
    }

    refused = {
        body: await api.put(f"{picture}/edits", content=body, headers={"content-type": "application/json"})
        for body in fields
    }

    assert {answer.status_code for answer in refused.values()} == {400}
    assert {body: answer.json()["errors"][0]["field"] for body, answer in refused.items()} == fields
    assert (await api.get(f"{picture}/edits")).headers["etag"] == '"1"'


async def test_what_is_not_there_or_somebody_elses_is_not_found(
    api: httpx2.AsyncClient, http: httpx2.AsyncClient, picture: str, sign_up: Callable[[], Any]
) -> None:
    stranger: Person = await sign_up()

    gone = await api.post(f"{picture}/revisions/7/restore")
    for path, client, headers in (
        (picture, http, stranger.headers),
        (f"/v1/images/{new_id()}", api, {}),
    ):
        answers = [
            await client.get(f"{path}/edits", headers=headers),
            await client.put(f"{path}/edits", json={"base": CROPPED}, headers=headers),
            await client.get(f"{path}/revisions", headers=headers),
            await client.post(f"{path}/revisions/1/restore", headers=headers),
            await client.post(f"{path}/preview", json={"slot": "x.avatar"}, headers=headers),
        ]
        assert [reason_of(answer) for answer in answers] == [(404, "IMAGE_NOT_FOUND")] * 5
    assert reason_of(gone) == (404, "REVISION_NOT_FOUND")


async def test_a_preview_is_the_file_of_a_slot_and_says_what_it_is(
    run_gateway: RunGateway, serve_double: Callable[..., Any], sign_up: Callable[[], Any]
) -> None:
    processor = ProcessorDouble()
    register = partial(processor_pb2_grpc.add_ProcessorServiceServicer_to_server, processor)
    service = processor_pb2.DESCRIPTOR.services_by_name["ProcessorService"]
    box = processor_pb2.Rectangle(left=0.25, top=0, right=0.75, bottom=1)
    processor.answers["PreviewVariant"] = processor_pb2.PreviewVariantResponse(
        file=jpeg(),
        variant=processor_pb2.Variant(
            content_type="image/jpeg",
            width=640,
            height=480,
            bytes=len(jpeg()),
            sha256="a" * 64,
            frame=processor_pb2.Frame(box=box, reason=processor_pb2.FRAME_REASON_CROP),
            notes=[processor_pb2.VariantNote(code="UPSCALED", text="It is small.")],
        ),
    )
    person: Person = await sign_up()
    async with (
        serve_double(service, register) as target,
        run_gateway(processor_target=target) as url,
        httpx2.AsyncClient(base_url=url, headers=person.headers) as api,
    ):
        picture = await uploaded(api)
        shown = await api.post(f"{picture}/preview", json={"slot": "x.avatar", "edit": CROPPED})
        processor.answers["PreviewVariant"] = InvalidInputError("There is no such slot.", reason="SLOT_UNKNOWN")
        no_slot = await api.post(f"{picture}/preview", json={"slot": "x.door"})
        processor.answers["PreviewVariant"] = PreconditionError("Too large.", reason="BYTE_LIMIT_UNREACHABLE")
        not_possible = await api.post(f"{picture}/preview", json={"slot": "x.avatar"})
        sha256 = (await api.get(picture)).json()["sha256"]

    assert (shown.status_code, shown.headers["content-type"], shown.content) == (200, "image/jpeg", jpeg())
    assert json.loads(shown.headers["linkarooie-variant"]) == {
        "width": 640,
        "height": 480,
        "bytes": len(jpeg()),
        "sha256": "a" * 64,
        "frame": {**CROPPED["crop"], "reason": "crop"},
        "notes": [{"code": "UPSCALED", "text": "It is small."}],
    }
    assert shown.headers["cache-control"] == "no-store"
    asked = processor.asked[0][1]
    assert (asked.sha256, asked.key, asked.edit.crop) == (sha256, "x.avatar", box)
    assert [caller for _, _, caller in processor.asked] == [person.id] * 3
    assert (reason_of(no_slot), reason_of(not_possible)) == ((400, "SLOT_UNKNOWN"), (409, "BYTE_LIMIT_UNREACHABLE"))
