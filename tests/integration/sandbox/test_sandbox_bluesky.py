import time
from typing import Any

import httpx2
import pytest
from sandbox_clients import NARROW, BlueskyClient, Clock, Control, is_colour, noise, opened, picture

from sandbox import Sandbox

TEAL = (0, 128, 128)
GET_PROFILE = "app.bsky.actor.getProfile"


@pytest.fixture
def origin(sandbox: Sandbox) -> str:
    return sandbox.urls["bluesky"]


@pytest.fixture
async def ada(http: httpx2.AsyncClient, origin: str, clock: Clock) -> BlueskyClient:
    return await BlueskyClient(http, origin, clock).connect("ada")


async def test_handle_leads_to_did_and_did_to_the_server(http: httpx2.AsyncClient, origin: str) -> None:
    params = {"handle": "ada.sandbox.test"}
    did = (await http.get(f"{origin}/xrpc/com.atproto.identity.resolveHandle", params=params)).json()["did"]
    document = (await http.get(f"{origin}/plc/{did}")).json()
    assert document["id"] == did
    assert document["alsoKnownAs"] == ["at://ada.sandbox.test"]
    assert [(one["id"], one["serviceEndpoint"]) for one in document["service"]] == [("#atproto_pds", origin)]
    by_host = await http.get(f"{origin}/.well-known/atproto-did", headers={"Host": "ada.sandbox.test"})
    assert by_host.text == did
    assert (await http.get(f"{origin}/.well-known/atproto-did")).status_code == 404


async def test_unknown_handle_did_and_method(http: httpx2.AsyncClient, origin: str) -> None:
    params = {"handle": "nobody.sandbox.test"}
    answer = await http.get(f"{origin}/xrpc/com.atproto.identity.resolveHandle", params=params)
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidRequest")
    assert (await http.get(f"{origin}/plc/did:plc:nobody")).status_code == 404
    answer = await http.get(f"{origin}/xrpc/com.example.nothing")
    assert (answer.status_code, answer.json()["error"]) == (404, "XRPCNotSupported")


async def test_upload_and_put_show_in_the_record_at_once_and_in_the_app_view_a_second_later(
    ada: BlueskyClient, clock: Clock, control: Control
) -> None:
    data = picture("teal", (1200, 1200))
    blob = (await ada.upload(data)).json()["blob"]
    assert blob["$type"] == "blob"
    assert (blob["mimeType"], blob["size"]) == ("image/png", len(data))
    old, before = await ada.record(), await ada.seen()
    answer = await ada.put({**old["value"], "avatar": blob}, swapRecord=old["cid"])
    assert answer.status_code == 200
    assert set(answer.json()) == {"uri", "cid", "commit", "validationStatus"}
    new = await ada.record()
    assert new["cid"] == answer.json()["cid"] != old["cid"]
    assert new["value"] == {**old["value"], "avatar": blob}
    assert (await ada.seen())["avatar"] == before["avatar"]
    clock.ahead += 1.1
    after = await ada.seen()
    assert after["avatar"] == f"{ada.origin}/img/avatar/plain/{ada.did}/{blob['ref']['$link']}@jpeg"
    assert after["banner"] == before["banner"]
    served = (await ada.http.get(after["avatar"])).content
    assert served != data
    assert opened(served).size == (1000, 1000)
    assert is_colour(served, TEAL)
    assert await control.changes("bluesky", "avatar") == 1


async def test_blob_comes_back_byte_for_byte_once_a_record_holds_it(ada: BlueskyClient) -> None:
    data = picture("teal", (1500, 500), "JPEG")
    cid = (await ada.upload(data, "image/jpeg")).json()["blob"]["ref"]["$link"]
    params = {"did": ada.did, "cid": cid}
    url = f"{ada.origin}/xrpc/com.atproto.sync.getBlob"
    loose = await ada.http.get(url, params=params)
    assert (loose.status_code, loose.json()["error"]) == (400, "BlobNotFound")
    await ada.set_picture("banner", data)
    assert (await ada.http.get(url, params=params)).content == data
    await ada.set_picture("banner", picture("red", (1500, 500)))
    assert (await ada.http.get(url, params=params)).status_code == 400


async def test_type_is_sniffed_whatever_the_header_says(ada: BlueskyClient) -> None:
    answer = await ada.upload(picture(form="JPEG"), "application/octet-stream")
    assert answer.json()["blob"]["mimeType"] == "image/jpeg"


async def test_size_rule_bites_at_put_and_names_limit_and_size(ada: BlueskyClient, control: Control) -> None:
    data = noise(700, 700)
    assert 1_000_000 < len(data) < 5 * 1024 * 1024
    answer = await ada.set_picture("avatar", data)
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": "InvalidRequest",
            "message": "Invalid app.bsky.actor.profile record: "
            f"blob too big (maximum 1000000, got {len(data)}) at $.record.avatar",
        },
    )
    too_large = await ada.upload(bytes(5 * 1024 * 1024 + 1))
    assert (too_large.status_code, too_large.json()["error"]) == (413, "PayloadTooLarge")
    assert (await control.account("bluesky"))["history"] == []


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
async def test_only_png_and_jpeg_may_be_profile_pictures(ada: BlueskyClient, form: str) -> None:
    answer = await ada.set_picture("avatar", picture(form=form))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Invalid app.bsky.actor.profile record: Expected")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"ref": {"$link": "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}}, "BlobNotFound"),
        ({"mimeType": "image/jpeg"}, "InvalidMimeType"),
        ({"size": 5}, "InvalidSize"),
        ({"$type": "file"}, "InvalidRequest"),
    ],
)
async def test_blob_reference_must_be_the_one_that_upload_gave(
    ada: BlueskyClient, change: dict[str, Any], name: str
) -> None:
    blob = (await ada.upload(picture())).json()["blob"]
    old = await ada.record()
    answer = await ada.put({**old["value"], "avatar": {**blob, **change}}, swapRecord=old["cid"])
    assert (answer.status_code, answer.json()["error"]) == (400, name)


async def test_stale_swap_is_refused_but_the_same_content_is_welcome_without_a_commit(
    ada: BlueskyClient, control: Control
) -> None:
    old = await ada.record()
    edited = {**old["value"], "description": "edited"}
    first = await ada.put(edited, swapRecord=old["cid"])
    assert "commit" in first.json()
    stale = await ada.put({**edited, "description": "again"}, swapRecord=old["cid"])
    assert (stale.status_code, stale.json()) == (
        400,
        {"error": "InvalidSwap", "message": f"Record was at {first.json()['cid']}"},
    )
    same = await ada.put(edited, swapRecord=old["cid"])
    assert same.status_code == 200
    assert "commit" not in same.json()
    assert (await ada.put(edited | {"pronouns": "it"}, swapRecord=None)).json()["error"] == "InvalidSwap"
    assert (await control.account("bluesky"))["history"] == []


async def test_put_replaces_the_whole_record_and_may_take_pictures_away(
    ada: BlueskyClient, control: Control, clock: Clock
) -> None:
    await ada.put({"displayName": "Only this"})
    assert (await ada.record())["value"] == {"$type": "app.bsky.actor.profile", "displayName": "Only this"}
    clock.ahead += 1.1
    assert "avatar" not in await ada.seen()
    history = (await control.account("bluesky"))["history"]
    assert [(change["slot"], change["removed"]) for change in history] == [("avatar", True), ("banner", True)]


@pytest.mark.parametrize(
    "record", ["text", {"displayName": "x" * 65}, {"displayName": 5}, {"$type": "app.bsky.feed.post"}, {"a": 1.5}]
)
async def test_record_outside_the_lexicon_is_refused(ada: BlueskyClient, record: object) -> None:
    answer = await ada.put(record)
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidRequest")
    assert answer.json()["message"].startswith("Invalid app.bsky.actor.profile record")


async def test_new_account_has_no_record_until_one_is_put(ada: BlueskyClient, control: Control) -> None:
    await control.switch("bluesky", forget_profiles=True)
    answer = await ada.record()
    assert answer["error"] == "RecordNotFound"
    account = await control.account("bluesky")
    assert (account["avatar"], account["history"]) == ({"url": None, "changes": 0, "changed_at": None}, [])
    blob = (await ada.upload(picture())).json()["blob"]
    assert (await ada.put({"avatar": blob}, swapRecord="bafyrei")).json()["error"] == "InvalidSwap"
    assert (await ada.put({"avatar": blob}, swapRecord=None)).status_code == 200
    assert await control.changes("bluesky", "avatar") == 1


async def test_race_is_a_real_edit_by_someone_else(ada: BlueskyClient, control: Control) -> None:
    await control.switch("bluesky", race=True, times=1)
    refused = await ada.set_picture("avatar", picture())
    assert refused.json()["error"] == "InvalidSwap"
    assert (await ada.record())["value"]["description"].startswith("Edited elsewhere")
    assert (await ada.set_picture("avatar", picture())).status_code == 200
    assert (await ada.record())["value"]["description"].startswith("Edited elsewhere")


async def test_nobody_writes_into_another_repository(ada: BlueskyClient, http: httpx2.AsyncClient) -> None:
    params = {"handle": "grace.sandbox.test"}
    grace = (await http.get(f"{ada.origin}/xrpc/com.atproto.identity.resolveHandle", params=params)).json()["did"]
    answer = await ada.put({}, repo=grace)
    assert (answer.status_code, answer.json()["error"]) == (401, "AuthenticationRequired")


async def test_narrow_scopes_suffice_for_pictures_and_for_nothing_else(
    http: httpx2.AsyncClient, origin: str, clock: Clock
) -> None:
    narrow = await BlueskyClient(http, origin, clock, NARROW).connect("ada")
    assert (await narrow.set_picture("avatar", picture())).status_code == 200
    text = await narrow.upload(b"text", "text/plain")
    assert (text.status_code, text.json()) == (
        403,
        {"error": "ScopeMissingError", "message": 'Missing required scope "blob:text/plain"'},
    )
    through = await narrow.call("GET", GET_PROFILE, params={"actor": narrow.did})
    assert (through.status_code, through.json()["error"]) == (403, "ScopeMissingError")
    bare = await BlueskyClient(http, origin, clock, "atproto").connect("ada")
    refused = await bare.put({"displayName": "x"})
    assert refused.json()["message"] == 'Missing required scope "repo:app.bsky.actor.profile?action=create"'


async def test_app_view_answers_with_a_token_and_without(ada: BlueskyClient) -> None:
    through = await ada.call("GET", GET_PROFILE, params={"actor": ada.did})
    by_handle = await ada.seen("ada.sandbox.test")
    assert through.json()["avatar"] == by_handle["avatar"]
    unknown = await ada.http.get(f"{ada.origin}/xrpc/{GET_PROFILE}", params={"actor": "nobody.test"})
    assert unknown.status_code == 400


async def test_limit_headers_are_on_every_answer_and_429_has_no_retry_after(
    ada: BlueskyClient, control: Control
) -> None:
    answer = await ada.http.get(f"{ada.origin}/xrpc/{GET_PROFILE}", params={"actor": ada.did})
    assert (answer.headers["ratelimit-limit"], answer.headers["ratelimit-policy"]) == ("3000", "3000;w=300")
    assert 0 < int(answer.headers["ratelimit-reset"]) - time.time() <= 301
    before = int((await ada.upload(picture())).headers["ratelimit-remaining"])
    after = int((await ada.upload(picture())).headers["ratelimit-remaining"])
    assert before - after == 1
    await control.switch("bluesky", fail="429", retry_after_seconds=30)
    struck = await ada.http.get(f"{ada.origin}/xrpc/{GET_PROFILE}", params={"actor": ada.did})
    assert (struck.status_code, struck.json()["error"]) == (429, "RateLimitExceeded")
    assert 29 < int(struck.headers["ratelimit-reset"]) - time.time() <= 31
    assert "retry-after" not in struck.headers


@pytest.mark.parametrize(
    ("fail", "status", "name"),
    [
        ("500", 500, "InternalServerError"),
        ("502", 502, "UpstreamFailure"),
        ("503", 503, "NotEnoughResources"),
        ("401", 401, "invalid_token"),
        ("400_expired", 400, "ExpiredToken"),
        ("403_scope", 403, "ScopeMissingError"),
        ("AccountTakedown", 401, "AccountTakedown"),
    ],
)
async def test_switched_on_failure_answers_as_bluesky_does(
    ada: BlueskyClient, control: Control, fail: str, status: int, name: str
) -> None:
    await ada.upload(picture())
    await control.switch("bluesky", fail=fail, only="write", times=1)
    struck = await ada.upload(picture())
    assert (struck.status_code, struck.json()["error"]) == (status, name)
    assert "dpop-nonce" in struck.headers
    assert (await ada.upload(picture())).status_code == 200


async def test_failing_sign_in_answers_as_the_authorisation_server(ada: BlueskyClient, control: Control) -> None:
    await control.switch("bluesky", fail="500", only="auth")
    answer = await ada.refresh()
    assert (answer.status_code, answer.json()["error"]) == (500, "server_error")
    await control.switch("bluesky")
    assert (await ada.refresh()).status_code == 200


async def test_silent_reject_and_lost_answer(ada: BlueskyClient, control: Control) -> None:
    before = await ada.record()
    await control.switch("bluesky", silent_reject=True, times=1)
    assert (await ada.set_picture("avatar", picture("red"))).status_code == 200
    assert await ada.record() == before
    await control.switch("bluesky", lose_answer=True, times=1)
    with pytest.raises(httpx2.TransportError):
        await ada.set_picture("avatar", picture("red"))
    assert (await ada.record())["cid"] != before["cid"]
    assert await control.changes("bluesky", "avatar") == 1
