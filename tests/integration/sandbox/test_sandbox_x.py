import asyncio
import base64
import io
import time
from pathlib import Path

import httpx2
import pytest
from sandbox_clients import (
    CALLBACK,
    Clock,
    Control,
    XClient,
    code,
    is_colour,
    noise,
    opened,
    picture,
    query,
)

from sandbox import Sandbox

TEAL, RED = (0, 128, 128), (255, 0, 0)
VERIFY = "/1.1/account/verify_credentials.json"


@pytest.fixture
def stranger(sandbox: Sandbox, http: httpx2.AsyncClient) -> XClient:
    return XClient(http, sandbox.urls["x"])


@pytest.fixture
async def ada(stranger: XClient) -> XClient:
    return await stranger.connect("ada")


async def avatar_url(client: XClient) -> str:
    return (await client.call("GET", VERIFY)).json()["profile_image_url_https"]


async def test_three_legs_give_a_token_for_the_chosen_account(stranger: XClient) -> None:
    grace = await stranger.connect("grace")
    answer = await grace.call("GET", VERIFY)
    assert answer.json()["screen_name"] == "grace"
    assert answer.headers["x-access-level"] == "read-write"


async def test_denial_sends_the_browser_back_with_the_denied_token(stranger: XClient, http: httpx2.AsyncClient) -> None:
    pending = query("?" + (await stranger.start(CALLBACK + "?next=1")).text)
    answer = await http.post(
        f"{stranger.origin}/oauth/authorize",
        data={"oauth_token": pending["oauth_token"], "account": "ada", "decision": "deny"},
    )
    assert query(answer.headers["location"]) == {"next": "1", "denied": pending["oauth_token"]}


async def test_consent_link_works_once(ada: XClient, stranger: XClient, http: httpx2.AsyncClient) -> None:
    pending = query("?" + (await stranger.start()).text)
    form = {"oauth_token": pending["oauth_token"], "account": "ada", "decision": "allow"}
    first = await http.post(f"{stranger.origin}/oauth/authorize", data=form)
    second = await http.post(f"{stranger.origin}/oauth/authorize", data=form)
    assert (first.status_code, second.status_code) == (303, 400)


@pytest.mark.parametrize("callback", ["http://localhost:8080/cb", "https://example.com/cb", "ftp://127.0.0.1/", "oob"])
async def test_callback_outside_the_loopback_addresses_is_code_415(stranger: XClient, callback: str) -> None:
    answer = await stranger.start(callback)
    assert (answer.status_code, code(answer)) == (403, 415)


async def test_wrong_verifier_gives_no_token(stranger: XClient) -> None:
    pending = query("?" + (await stranger.start()).text)
    waiting = XClient(stranger.http, stranger.origin, pending["oauth_token"], pending["oauth_token_secret"])
    answer = await waiting.call("POST", "/oauth/access_token", verifier="guessed")
    assert answer.status_code == 401


async def test_wrong_secret_is_code_32(ada: XClient) -> None:
    forger = XClient(ada.http, ada.origin, ada.token, ada.token_secret, consumer_secret="wrong")
    answer = await forger.call("GET", VERIFY)
    assert (answer.status_code, code(answer)) == (401, 32)


async def test_query_is_part_of_the_signature(ada: XClient) -> None:
    method, uri, headers = ada.signed("GET", "/1.1/users/show.json?screen_name=ada")
    genuine = await ada.http.request(method, uri, headers=headers)
    _, uri, headers = ada.signed("GET", "/1.1/users/show.json?screen_name=ada")
    altered = await ada.http.get(uri.replace("ada", "grace"), headers=headers)
    assert genuine.json()["screen_name"] == "ada"
    assert code(altered) == 32


async def test_same_signed_request_twice_is_refused(ada: XClient) -> None:
    method, uri, headers = ada.signed("GET", VERIFY)
    first = await ada.http.request(method, uri, headers=headers)
    second = await ada.http.request(method, uri, headers=headers)
    assert (first.status_code, second.status_code, code(second)) == (200, 401, 32)


async def test_clock_that_is_off_is_code_135(ada: XClient, clock: Clock) -> None:
    clock.ahead = 301
    answer = await ada.call("GET", VERIFY)
    assert (answer.status_code, code(answer)) == (401, 135)


async def test_no_credentials_are_code_215_and_bearer_tokens_code_220(ada: XClient) -> None:
    nothing = await ada.http.get(ada.origin + VERIFY)
    bearer = await ada.http.post(
        ada.origin + "/1.1/account/update_profile_image.json", headers={"Authorization": "Bearer abc"}
    )
    v2 = await ada.http.get(ada.origin + "/2/users/me")
    assert (nothing.status_code, code(nothing)) == (400, 215)
    assert (bearer.status_code, code(bearer)) == (403, 220)
    assert (v2.status_code, v2.json()["title"], v2.headers["content-type"]) == (
        401,
        "Unauthorized",
        "application/problem+json",
    )


async def test_new_avatar_shows_only_after_the_delay_and_the_old_address_dies(
    ada: XClient, clock: Clock, control: Control
) -> None:
    before = await avatar_url(ada)
    answer = await ada.upload("image", picture("teal"))
    assert answer.status_code == 200
    assert answer.json()["profile_image_url_https"] == before
    assert (await ada.http.get(before)).status_code == 200
    clock.ahead += 2.1
    after = await avatar_url(ada)
    assert after != before
    assert (await ada.http.get(before)).status_code == 404
    assert is_colour((await ada.http.get(after)).content, TEAL)
    assert await control.changes("x", "avatar") == 1
    assert await control.changes("x", "avatar", "grace") == 0


async def test_avatar_is_re_encoded_and_comes_in_the_usual_sizes(ada: XClient, clock: Clock) -> None:
    sent = picture("teal", (900, 900), "JPEG")
    await ada.upload("image", sent)
    clock.ahead += 2.1
    normal = await avatar_url(ada)
    sizes = {}
    for suffix in ("_normal", "_bigger", "_mini", "_400x400", ""):
        served = await ada.http.get(normal.replace("_normal", suffix))
        sizes[suffix] = opened(served.content).size
        assert served.content != sent
    assert sizes == {
        "_normal": (48, 48),
        "_bigger": (73, 73),
        "_mini": (24, 24),
        "_400x400": (400, 400),
        "": (400, 400),
    }


async def test_avatar_may_come_as_base64_in_a_signed_form(ada: XClient, clock: Clock) -> None:
    image = base64.b64encode(noise(400, 400)).decode()
    answer = await ada.call_form("/1.1/account/update_profile_image.json", {"image": image})
    assert answer.status_code == 200, answer.text


async def test_parameters_in_the_query_of_an_upload_are_signed(ada: XClient) -> None:
    answer = await ada.call(
        "POST",
        "/1.1/account/update_profile_image.json?include_entities=false&skip_status=true",
        files={"image": ("a.png", picture())},
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("data", [b"not a picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>", picture()[:200]])
async def test_what_is_no_picture_is_rejected(ada: XClient, control: Control, data: bytes) -> None:
    answer = await ada.upload("image", data)
    assert (answer.status_code, code(answer)) == (400, 120)
    assert (await ada.upload("banner", data)).status_code == 400
    assert (await control.account("x"))["history"] == []


async def test_limits_are_700_kb_for_avatars_and_5_mb_for_banners(ada: XClient) -> None:
    avatar = noise(500, 500)
    assert 700_000 < len(avatar) < 5_000_000
    too_large = await ada.upload("image", avatar)
    assert (too_large.status_code, code(too_large)) == (400, 120)
    assert (await ada.upload("banner", avatar)).status_code == 201
    assert (await ada.upload("banner", noise(1500, 1200))).status_code == 422


async def test_body_beyond_all_bounds_is_413(ada: XClient) -> None:
    answer = await ada.upload("image", bytes(16_000_000))
    assert answer.status_code == 413


async def test_missing_file_is_named(ada: XClient) -> None:
    answer = await ada.call("POST", "/1.1/account/update_profile_image.json", files={"picture": ("a.png", picture())})
    assert (code(answer), answer.json()["errors"][0]["message"]) == (38, "image parameter is missing.")


async def test_banner_answers_201_with_no_body_and_a_new_address_each_time(ada: XClient, clock: Clock) -> None:
    urls = set()
    for colour in ("red", "teal"):
        answer = await ada.upload("banner", picture(colour, (1500, 500)))
        assert (answer.status_code, answer.content) == (201, b"")
        assert answer.headers["content-type"].startswith("text/html")
        clock.ahead += 2.1
        user = (await ada.call("GET", VERIFY)).json()
        sizes = (await ada.call("GET", "/1.1/users/profile_banner.json?screen_name=ada")).json()["sizes"]
        assert sizes["600x200"]["url"] == user["profile_banner_url"] + "/600x200"
        served = await ada.http.get(sizes["600x200"]["url"])
        assert opened(served.content).size == (600, 200)
        urls.add(user["profile_banner_url"])
    assert is_colour(served.content, TEAL)
    assert len(urls) == 2


async def test_two_banners_within_one_second_have_two_addresses(ada: XClient, control: Control, clock: Clock) -> None:
    await control.switch("x", slow_seconds=0)
    urls = []
    for colour in ("red", "teal"):
        await ada.upload("banner", picture(colour, (1500, 500)))
        urls.append((await ada.call("GET", VERIFY)).json()["profile_banner_url"])
    assert urls[0] != urls[1]


async def test_banner_crop_needs_all_four_values_inside_the_picture(ada: XClient, clock: Clock) -> None:
    path = "/1.1/account/update_profile_banner.json"
    halves = opened(picture("red", (600, 400))).copy()
    halves.paste((0, 128, 128), (0, 200, 600, 400))
    out = io.BytesIO()
    halves.save(out, "PNG")
    file = {"banner": ("b.png", out.getvalue())}
    headers = ada.signed("POST", path)[2]
    lower = {"width": "600", "height": "200", "offset_left": "0", "offset_top": "200"}
    good = await ada.http.post(ada.origin + path, headers=headers, files=file, data=lower)
    assert good.status_code == 201
    clock.ahead += 2.1
    banner = (await ada.call("GET", VERIFY)).json()["profile_banner_url"]
    assert is_colour((await ada.http.get(banner + "/1500x500")).content, TEAL)
    headers = ada.signed("POST", path)[2]
    outside = await ada.http.post(ada.origin + path, headers=headers, files=file, data={**lower, "width": "601"})
    assert outside.status_code == 422


async def test_removed_banner_is_404_and_counts_as_one_change(ada: XClient, clock: Clock, control: Control) -> None:
    first = await ada.call("POST", "/1.1/account/remove_profile_banner.json")
    again = await ada.call("POST", "/1.1/account/remove_profile_banner.json")
    assert (first.status_code, first.content, again.status_code) == (200, b"", 200)
    clock.ahead += 2.1
    answer = await ada.call("GET", "/1.1/users/profile_banner.json?screen_name=ada")
    assert (answer.status_code, code(answer)) == (404, 34)
    assert "profile_banner_url" not in (await ada.call("GET", VERIFY)).json()
    history = (await control.account("x"))["history"]
    assert [(change["slot"], change["removed"]) for change in history] == [("banner", True)]


async def test_users_are_found_by_name_and_id_or_not_at_all(ada: XClient) -> None:
    by_name = await ada.call("GET", "/1.1/users/show.json?screen_name=grace")
    by_id = await ada.call("GET", f"/1.1/users/show.json?user_id={by_name.json()['id_str']}")
    unknown = await ada.call("GET", "/1.1/users/show.json?screen_name=nobody")
    assert by_id.json() == by_name.json()
    assert (unknown.status_code, code(unknown)) == (404, 50)


async def test_v2_shows_the_fields_that_were_asked_for(ada: XClient) -> None:
    bare = (await ada.call("GET", "/2/users/me")).json()["data"]
    full = (await ada.call("GET", "/2/users/me?user.fields=profile_image_url,profile_banner_url")).json()["data"]
    assert set(bare) == {"id", "name", "username"}
    assert set(full) == {*bare, "profile_image_url", "profile_banner_url"}


async def test_read_token_cannot_write(stranger: XClient) -> None:
    reader = await stranger.connect("ada", "?x_auth_access_type=read")
    answer = await reader.upload("image", picture())
    assert (answer.status_code, code(answer)) == (403, 220)
    assert (await reader.call("GET", VERIFY)).headers["x-access-level"] == "read"


async def test_invalidated_token_is_code_89(ada: XClient) -> None:
    assert (await ada.call("POST", "/1.1/oauth/invalidate_token.json")).status_code == 200
    answer = await ada.call("GET", VERIFY)
    assert (answer.status_code, code(answer)) == (401, 89)


async def test_limit_headers_count_down_on_success_and_failure_until_429(ada: XClient, clock: Clock) -> None:
    for left in range(74, -1, -1):
        answer = await ada.call("GET", VERIFY)
        assert answer.headers["x-rate-limit-remaining"] == str(left)
    refused = await ada.call("GET", VERIFY)
    assert (refused.status_code, code(refused)) == (429, 88)
    assert 0 < int(refused.headers["x-rate-limit-reset"]) - time.time() <= 901
    assert (await ada.call("GET", "/2/users/me")).status_code == 200


@pytest.mark.parametrize(
    ("fail", "status", "number"),
    [
        ("429", 429, 88),
        ("500", 500, 131),
        ("503", 503, 130),
        ("401", 401, 89),
        ("403_scope", 403, 220),
        ("326", 403, 326),
        ("403_suspended", 403, 64),
        ("453", 403, 453),
    ],
)
async def test_switched_on_failure_answers_as_x_does_and_heals_after_times(
    ada: XClient, control: Control, fail: str, status: int, number: int
) -> None:
    await control.switch("x", fail=fail, only="write", times=1)
    assert (await ada.call("GET", VERIFY)).status_code == 200
    struck = await ada.upload("image", picture())
    assert (struck.status_code, code(struck)) == (status, number)
    assert struck.headers["x-rate-limit-limit"] == "30"
    assert await control.changes("x", "avatar") == 0
    assert (await ada.upload("image", picture())).status_code == 200
    assert (await control.switches("x"))["fail"] is None


async def test_429_names_the_reset_that_was_switched(ada: XClient, control: Control) -> None:
    await control.switch("x", fail="429", retry_after_seconds=40)
    answer = await ada.call("GET", VERIFY)
    assert answer.headers["x-rate-limit-remaining"] == "0"
    assert 39 < int(answer.headers["x-rate-limit-reset"]) - time.time() <= 41


async def test_failures_in_v2_are_problems(ada: XClient, control: Control) -> None:
    await control.switch("x", fail="429")
    answer = await ada.call("GET", "/2/users/me")
    assert answer.json()["type"].endswith("/rate-limit-exceeded")


async def test_smaller_plan_still_signs_in_and_reads_v2(stranger: XClient, control: Control) -> None:
    await control.switch("x", fail="453")
    ada = await stranger.connect("ada")
    assert (await ada.call("GET", "/2/users/me")).status_code == 200
    assert code(await ada.upload("image", picture())) == 453


async def test_403_may_come_without_a_body(ada: XClient, control: Control) -> None:
    await control.switch("x", fail="403_empty")
    answer = await ada.upload("banner", picture())
    assert (answer.status_code, answer.content) == (403, b"")


async def test_silent_reject_answers_success_and_changes_nothing(ada: XClient, control: Control, clock: Clock) -> None:
    before = await avatar_url(ada)
    await control.switch("x", silent_reject=True)
    assert (await ada.upload("image", picture())).status_code == 200
    assert (await ada.upload("banner", picture())).status_code == 201
    clock.ahead += 60
    assert await avatar_url(ada) == before
    assert (await control.account("x"))["history"] == []


async def test_lost_answer_leaves_exactly_one_change(ada: XClient, control: Control) -> None:
    await control.switch("x", lose_answer=True, times=1)
    with pytest.raises(httpx2.TransportError):
        await ada.upload("image", picture())
    assert await control.changes("x", "avatar") == 1
    assert (await ada.upload("image", picture())).status_code == 200


async def test_held_answer_never_comes_though_the_picture_is_changed(ada: XClient, control: Control) -> None:
    await control.switch("x", hold_answer=True, times=1)
    method, uri, headers = ada.signed("POST", "/1.1/account/update_profile_image.json")
    with pytest.raises(httpx2.ReadTimeout):
        await ada.http.request(method, uri, headers=headers, files={"image": ("a.png", picture())}, timeout=1)
    assert await control.changes("x", "avatar") == 1
    assert (await ada.upload("image", picture())).status_code == 200


async def test_dropped_call_changes_nothing(ada: XClient, control: Control) -> None:
    await control.switch("x", fail="drop", times=1)
    with pytest.raises(httpx2.TransportError):
        await ada.upload("image", picture())
    assert await control.changes("x", "avatar") == 0


async def test_hanging_platform_never_answers(ada: XClient, control: Control) -> None:
    await control.switch("x", fail="hang", only="write")
    method, uri, headers = ada.signed("POST", "/1.1/account/update_profile_image.json")
    with pytest.raises(httpx2.ReadTimeout):
        await ada.http.request(method, uri, headers=headers, files={"image": ("a.png", picture())}, timeout=0.3)
    assert (await ada.call("GET", VERIFY)).status_code == 200


async def test_hanging_call_does_not_keep_the_sandbox_from_stopping(tmp_path: Path, http: httpx2.AsyncClient) -> None:
    async with Sandbox(tmp_path, port=0) as sandbox:
        await Control(http, sandbox.urls["index"]).switch("x", fail="hang")
        hanging = asyncio.create_task(http.get(sandbox.urls["x"] + VERIFY))
        await asyncio.wait([hanging], timeout=0.3)
        assert not hanging.done()
    with pytest.raises(httpx2.TransportError):
        await hanging


@pytest.mark.parametrize("switch", ["revoke_tokens", "expire_tokens"])
async def test_revoked_access_is_code_89_and_a_new_consent_helps(
    stranger: XClient, control: Control, switch: str
) -> None:
    ada = await stranger.connect("ada")
    await control.switch("x", **{switch: True})
    assert code(await ada.call("GET", VERIFY)) == 89
    assert (await (await stranger.connect("ada")).call("GET", VERIFY)).status_code == 200


async def test_unknown_endpoint_is_code_34(ada: XClient) -> None:
    answer = await ada.call("GET", "/1.1/account/settings.json")
    assert (answer.status_code, code(answer)) == (404, 34)
