"""Which picture is shown where, over HTTP, with the real upload service; the connections are those of a double."""

import io
from typing import Any

import httpx2
import pytest
from gateway_doubles import SyncDouble
from gateway_people import reason_of
from PIL import Image as Picture

from linkarooie.sync.v1 import sync_pb2
from servicekit.errors import ForbiddenError
from servicekit.ids import new_id

NOTHING: dict[str, Any] = {"everywhere": None, "platforms": {}, "connections": {}}


@pytest.fixture
async def image_id(api: httpx2.AsyncClient) -> str:
    file = io.BytesIO()
    Picture.new("RGB", (64, 64), "teal").save(file, "JPEG")
    answer = await api.post("/v1/images", files={"file": ("me.jpg", file.getvalue())})
    made: str = answer.json()["id"]
    return made


def connections(*ids: str, more: str = "") -> sync_pb2.ListConnectionsResponse:
    return sync_pb2.ListConnectionsResponse(
        connections=[sync_pb2.Connection(id=one) for one in ids], next_page_token=more
    )


async def test_what_is_chosen_is_kept_and_only_what_was_read_is_replaced(
    api: httpx2.AsyncClient, sync: SyncDouble, image_id: str
) -> None:
    connection = new_id()
    sync.answers["ListConnections"] = connections(new_id(), connection)
    wanted = {
        "avatar": {"everywhere": image_id, "platforms": {"x": image_id}, "connections": {connection: image_id}},
        "banner": NOTHING,
    }

    before = await api.get("/v1/defaults")
    chosen = await api.put("/v1/defaults", json=wanted, headers={"if-match": before.headers["etag"]})
    stale = await api.put("/v1/defaults", json={}, headers={"if-match": before.headers["etag"]})
    kept = await api.get("/v1/defaults")
    # What is known is not asked for again, even if the connection has gone meanwhile.
    again = await api.put("/v1/defaults", json=wanted)
    cleared = await api.put("/v1/defaults", json={}, headers={"if-match": kept.headers["etag"]})

    assert (before.status_code, before.json()) == (200, {"avatar": NOTHING, "banner": NOTHING})
    assert (chosen.status_code, chosen.json(), chosen.headers["etag"]) == (200, wanted, '"1"')
    assert reason_of(stale) == (412, "ETAG_MISMATCH")
    assert stale.json()["metadata"] == {"etag": "1"}
    assert (kept.json(), again.headers["etag"]) == (wanted, '"1"')
    assert (cleared.json(), cleared.headers["etag"]) == ({"avatar": NOTHING, "banner": NOTHING}, '"2"')
    assert [method for method, _, _ in sync.asked] == ["ListConnections"]


async def test_a_connection_that_is_not_the_callers_is_named(
    api: httpx2.AsyncClient, sync: SyncDouble, image_id: str
) -> None:
    mine, theirs = new_id(), new_id()
    sync.answers["ListConnections"] = connections(mine)
    wanted = {"banner": {"connections": {mine: image_id, theirs: image_id}}}

    refused = await api.put("/v1/defaults", json=wanted)
    sync.answers["ListConnections"] = ForbiddenError("This API key lacks a scope.", reason="SCOPE_MISSING")
    without_scope = await api.put("/v1/defaults", json=wanted)

    assert reason_of(refused) == (400, "CONNECTION_NOT_FOUND")
    assert refused.json()["errors"] == [
        {"field": f"banner.connections.{theirs}", "detail": f"You have no connection {theirs}."}
    ]
    assert reason_of(without_scope) == (403, "SCOPE_MISSING")
    assert (await api.get("/v1/defaults")).headers["etag"] == '"0"'


async def test_what_cannot_be_chosen_is_named(api: httpx2.AsyncClient, image_id: str) -> None:
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"avatar": {"everywhere": "no id"}}, "IMAGE_NOT_FOUND", "avatar.everywhere"),
        ({"avatar": {"platforms": {"geocities": image_id}}}, "PLATFORM_UNKNOWN", "avatar.platforms.geocities"),
        ({"banner": {"platforms": {"instagram": image_id}}}, "SLOT_UNKNOWN", "banner.platforms.instagram"),
        ({"banner": {"platforms": {"x": ""}}}, "IMAGE_NOT_FOUND", "banner.platforms.x"),
        ({"door": {}}, "INVALID_INPUT", "door"),
    ]
    for wanted, reason, field in cases:
        answer = await api.put("/v1/defaults", json=wanted)

        assert reason_of(answer) == (400, reason)
        assert [error["field"] for error in answer.json()["errors"]] == [field]
