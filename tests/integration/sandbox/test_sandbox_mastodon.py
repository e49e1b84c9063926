from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sandbox_clients import CALLBACK, Clock, Control, MastodonClient, is_colour, noise, opened, picture

from sandbox import Sandbox

TEAL = (0, 128, 128)
VERIFY = "/api/v1/accounts/verify_credentials"


@pytest.fixture
def stranger(sandbox: Sandbox, http: httpx2.AsyncClient) -> MastodonClient:
    return MastodonClient(http, sandbox.urls["mastodon"])


@pytest.fixture
async def ada(stranger: MastodonClient) -> MastodonClient:
    return await stranger.connect("ada")


async def test_registration_answers_with_the_credentials_of_the_app(stranger: MastodonClient) -> None:
    app = (await stranger.register(website="https://example.test", redirect_uris=[CALLBACK, CALLBACK + "2"])).json()
    assert app["redirect_uris"] == [CALLBACK, CALLBACK + "2"]
    assert app["redirect_uri"] == f"{CALLBACK}\n{CALLBACK}2"
    assert app["scopes"] == ["read:accounts", "write:accounts"]
    assert app["client_secret_expires_at"] == 0
    assert app["client_id"] != app["client_secret"]


async def test_registration_takes_forms_too(stranger: MastodonClient) -> None:
    answer = await stranger.http.post(
        f"{stranger.origin}/api/v1/apps", data={"client_name": "L", "redirect_uris": f"{CALLBACK}\n{CALLBACK}2"}
    )
    assert (answer.json()["redirect_uris"], answer.json()["scopes"]) == ([CALLBACK, CALLBACK + "2"], ["read"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"redirect_uris": "not-absolute"}, "Redirect URI must be an absolute URI."),
        ({"redirect_uris": "javascript:alert(1)"}, "Redirect URI must be an absolute URI."),
        ({"redirect_uris": ""}, "Redirect URI can't be blank"),
        ({"client_name": " "}, "Name can't be blank"),
        ({"scopes": "write:everything"}, "Scopes doesn't match configured on the server."),
    ],
)
async def test_registration_names_what_is_wrong(stranger: MastodonClient, values: dict[str, str], message: str) -> None:
    answer = await stranger.register(**values)
    assert (answer.status_code, answer.json()) == (422, {"error": f"Validation failed: {message}"})


async def test_discovery_names_endpoints_that_exist(stranger: MastodonClient) -> None:
    found = (await stranger.http.get(f"{stranger.origin}/.well-known/oauth-authorization-server")).json()
    assert found["code_challenge_methods_supported"] == ["S256"]
    for name in ("token_endpoint", "revocation_endpoint", "app_registration_endpoint"):
        assert (await stranger.http.post(found[name])).status_code in (401, 403, 422)


async def test_consent_gives_a_token_with_state_and_scopes(stranger: MastodonClient) -> None:
    await stranger.register()
    back = await stranger.authorize("grace")
    assert back["state"] == "s t&1"
    token = (await stranger.exchange(back["code"])).json()
    assert (token["token_type"], token["scope"]) == ("Bearer", "read:accounts write:accounts")
    stranger.token = token["access_token"]
    assert (await stranger.me())["username"] == "grace"


async def test_denial_comes_back_as_access_denied(stranger: MastodonClient) -> None:
    await stranger.register()
    back = await stranger.authorize(decision="deny")
    assert (back["error"], back["state"]) == ("access_denied", "s t&1")


async def test_unknown_app_and_redirect_never_send_the_browser_away(stranger: MastodonClient) -> None:
    await stranger.register()
    asked = {"response_type": "code", "client_id": "nobody", "redirect_uri": CALLBACK}
    assert (await stranger.http.get(f"{stranger.origin}/oauth/authorize", params=asked)).status_code == 401
    asked = {"response_type": "code", "client_id": stranger.app["client_id"], "redirect_uri": "http://evil.test/"}
    assert (await stranger.http.get(f"{stranger.origin}/oauth/authorize", params=asked)).status_code == 400


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"scope": "read:accounts write:media"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
async def test_bad_authorisation_requests_come_back_as_errors(
    stranger: MastodonClient, changes: dict[str, str], name: str
) -> None:
    await stranger.register()
    assert (await stranger.authorize(**changes))["error"] == name


async def test_granular_scope_is_within_the_broad_one(stranger: MastodonClient) -> None:
    await stranger.register(scopes="read write")
    assert "code" in await stranger.authorize(scope="write:accounts")


@pytest.mark.parametrize("changes", [{"code_verifier": "wrong"}, {"redirect_uri": CALLBACK + "2"}, {"code": "guessed"}])
async def test_exchange_that_does_not_fit_is_invalid_grant(stranger: MastodonClient, changes: dict[str, str]) -> None:
    await stranger.register()
    code = (await stranger.authorize())["code"]
    answer = await stranger.exchange(**{"code": code, **changes})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await stranger.exchange(code)).status_code == 200


async def test_code_works_once_and_ten_minutes(stranger: MastodonClient, clock: Clock) -> None:
    await stranger.register()
    code = (await stranger.authorize())["code"]
    assert (await stranger.exchange(code)).status_code == 200
    assert (await stranger.exchange(code)).json()["error"] == "invalid_grant"
    code = (await stranger.authorize())["code"]
    clock.ahead += 601
    assert (await stranger.exchange(code)).json()["error"] == "invalid_grant"


async def test_wrong_client_secret_is_invalid_client(stranger: MastodonClient) -> None:
    await stranger.register()
    code = (await stranger.authorize())["code"]
    answer = await stranger.exchange(code, client_secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_client_may_use_basic_authentication(stranger: MastodonClient) -> None:
    await stranger.register()
    code = (await stranger.authorize())["code"]
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": stranger.VERIFIER,
    }
    basic = httpx2.BasicAuth(stranger.app["client_id"], stranger.app["client_secret"])
    answer = await stranger.http.post(f"{stranger.origin}/oauth/token", data=body, auth=basic)
    assert answer.status_code == 200


async def test_app_token_has_no_user(stranger: MastodonClient) -> None:
    await stranger.register(scopes="read")
    answer = await stranger.exchange("", grant_type="client_credentials", scope="read")
    stranger.token = answer.json()["access_token"]
    answer = await stranger.call("GET", VERIFY)
    assert (answer.status_code, answer.json()["error"]) == (422, "This method requires an authenticated user")


async def test_revoked_token_says_so_and_only_its_app_may_revoke_it(
    ada: MastodonClient, sandbox: Sandbox, http: httpx2.AsyncClient
) -> None:
    other = MastodonClient(http, ada.origin)
    await other.register()

    async def revoke(app: dict[str, str]) -> httpx2.Response:
        body = {"client_id": app["client_id"], "client_secret": app["client_secret"], "token": ada.token}
        return await http.post(f"{ada.origin}/oauth/revoke", data=body)

    refused = await revoke(other.app)
    assert (refused.status_code, refused.json()["error"]) == (403, "unauthorized_client")
    done = await revoke(ada.app)
    assert (done.status_code, done.json()) == (200, {})
    answer = await ada.call("GET", VERIFY)
    assert (answer.status_code, answer.json()) == (401, {"error": "The access token was revoked"})


async def test_scopes_bound_what_a_token_may_do(stranger: MastodonClient) -> None:
    reader = await stranger.connect(scope="read:accounts")
    refused = await reader.upload(avatar=picture())
    assert (refused.status_code, refused.json()) == (403, {"error": "This action is outside the authorized scopes"})
    writer = await stranger.connect(scope="write:accounts")
    assert (await writer.call("GET", VERIFY)).status_code == 403
    assert (await writer.upload(avatar=picture())).status_code == 200
    identity = await stranger.connect(scope="profile")
    assert (await identity.call("GET", "/oauth/userinfo")).json()["preferred_username"] == "ada"


async def test_both_pictures_go_in_one_request_to_new_addresses(ada: MastodonClient, control: Control) -> None:
    before = await ada.me()
    answer = await ada.upload(avatar=picture("teal", (900, 600), "JPEG"), header=picture("teal", (3000, 1000)))
    after = await ada.me()
    assert answer.json() == after
    for field, size in (("avatar", (400, 400)), ("header", (1500, 500))):
        assert after[field] != before[field]
        served = (await ada.http.get(after[field])).content
        assert is_colour(served, TEAL)
        assert opened(served).size == size
        assert (await ada.http.get(before[field])).status_code == 404
    assert after["avatar"].endswith(".jpg")
    history = (await control.account("mastodon"))["history"]
    assert [change["slot"] for change in history] == ["avatar", "banner"]


async def test_same_file_again_gets_another_address(ada: MastodonClient, control: Control) -> None:
    urls = {(await ada.upload(avatar=picture())).json()["avatar"] for _ in range(2)}
    assert len(urls) == 2
    assert await control.changes("mastodon", "avatar") == 2


async def test_header_keeps_its_ratio_within_the_area(ada: MastodonClient) -> None:
    header = (await ada.upload(header=picture("teal", (1600, 1600)))).json()["header"]
    width, height = opened((await ada.http.get(header)).content).size
    assert width == height
    assert 749_000 < width * height <= 750_000


async def test_gif_also_has_a_static_png(ada: MastodonClient) -> None:
    me = (await ada.upload(avatar=picture("teal", form="GIF"))).json()
    assert opened((await ada.http.get(me["avatar"])).content).format == "GIF"
    assert opened((await ada.http.get(me["avatar_static"])).content).format == "PNG"


@pytest.mark.parametrize("data", [b"not a picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
async def test_one_invalid_picture_rejects_the_whole_request(
    ada: MastodonClient, control: Control, data: bytes
) -> None:
    answer = await ada.upload(avatar=picture(), header=data)
    assert (answer.status_code, answer.json()["error"]) == (422, "Validation failed: Header content type is invalid")
    assert (await control.account("mastodon"))["history"] == []


async def test_oversize_is_a_validation_message_and_the_limit_depends_on_the_server(
    ada: MastodonClient, control: Control
) -> None:
    large = noise(1000, 1000)
    assert 2 * 1024 * 1024 < len(large) < 8 * 1024 * 1024
    assert (await ada.upload(avatar=large)).status_code == 200
    answer = await ada.upload(avatar=picture() + bytes(8 * 1024 * 1024))
    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "Validation failed: Avatar file size must be less than 8 MB",
    )
    await control.switch("mastodon", old_server=True)
    assert (await ada.upload(avatar=large)).json()["error"].endswith("less than 2 MB")
    assert (await ada.upload(avatar=bytes(18 * 1024 * 1024))).status_code == 413


async def test_removal_shows_missing_png_and_may_be_repeated(ada: MastodonClient, control: Control) -> None:
    first = await ada.call("DELETE", "/api/v1/profile/avatar")
    again = await ada.call("DELETE", "/api/v1/profile/avatar")
    assert first.status_code == again.status_code == 200
    assert first.json()["avatar"].endswith("/avatars/original/missing.png")
    assert (await ada.http.get(first.json()["avatar"])).status_code == 200
    assert (
        (await ada.call("DELETE", "/api/v1/profile/header")).json()["header"].endswith("/headers/original/missing.png")
    )
    assert (await ada.call("DELETE", "/api/v1/profile/shoe")).status_code == 404
    assert await control.changes("mastodon", "avatar") == 1
    profile = (await ada.call("GET", "/api/v1/profile")).json()
    assert (profile["avatar"], profile["header"]) == (None, None)


async def test_profile_takes_descriptions_up_to_150_characters(ada: MastodonClient) -> None:
    path = "/api/v1/profile"
    answer = await ada.call("PATCH", path, files={"avatar": ("a", picture())}, data={"avatar_description": "é" * 150})
    assert answer.json()["avatar_description"] == "é" * 150
    assert answer.json() == (await ada.call("GET", path)).json()
    answer = await ada.call("PATCH", path, json={"header_description": "x" * 151})
    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "Validation failed: Header description is too long (maximum is 150 characters)",
    )


async def test_texts_can_be_changed_without_touching_pictures(ada: MastodonClient, control: Control) -> None:
    answer = await ada.call("PATCH", "/api/v1/accounts/update_credentials", data={"display_name": "A", "note": "<b>"})
    assert (answer.json()["display_name"], answer.json()["note"]) == ("A", "<p>&lt;b&gt;</p>")
    assert (await control.account("mastodon"))["history"] == []


async def test_instance_tells_version_and_description_limits(ada: MastodonClient) -> None:
    v2 = (await ada.http.get(f"{ada.origin}/api/v2/instance")).json()
    assert v2["version"].startswith("4.6.")
    assert v2["api_versions"]["mastodon"] >= 9
    assert v2["configuration"]["accounts"]["max_avatar_description_length"] == 150
    assert (await ada.http.get(f"{ada.origin}/api/v1/instance")).json()["version"] == v2["version"]
    link = (await ada.http.get(f"{ada.origin}/.well-known/nodeinfo")).json()["links"][0]["href"]
    assert (await ada.http.get(link)).json()["software"]["name"] == "mastodon"


async def test_old_server_knows_neither_discovery_nor_pkce_nor_profile(
    stranger: MastodonClient, control: Control
) -> None:
    await control.switch("mastodon", old_server=True)
    await stranger.register()
    code = (await stranger.authorize())["code"]
    assert (await stranger.exchange(code, code_verifier="ignored")).status_code == 200
    for path in ("/.well-known/oauth-authorization-server", "/api/v1/profile"):
        assert (await stranger.http.get(stranger.origin + path)).status_code == 404
    v2 = (await stranger.http.get(f"{stranger.origin}/api/v2/instance")).json()
    assert "api_versions" not in v2
    assert v2["version"].startswith("4.2.")


async def test_limit_headers_count_300_in_five_minutes_with_an_iso_reset(ada: MastodonClient, clock: Clock) -> None:
    answers = [await ada.call("GET", VERIFY) for _ in range(301)]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers[:2]] == ["299", "298"]
    assert answers[299].status_code == 200
    refused = answers[300]
    assert (refused.status_code, refused.json()) == (429, {"error": "Too many requests"})
    reset = datetime.strptime(refused.headers["x-ratelimit-reset"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert timedelta(0) < reset - datetime.now(UTC) <= timedelta(minutes=5)
    clock.ahead += 301
    assert (await ada.call("GET", VERIFY)).status_code == 200


async def test_limits_can_be_switched_off_and_the_reset_can_be_an_epoch(ada: MastodonClient, control: Control) -> None:
    await control.switch("mastodon", enforce_limits=False, reset_as="unix seconds")
    answers = [await ada.call("GET", VERIFY) for _ in range(302)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[-1].headers["x-ratelimit-reset"].isdigit()


@pytest.mark.parametrize(
    ("fail", "status", "message"),
    [
        ("429", 429, "Too many requests"),
        ("401", 401, "The access token was revoked"),
        ("403_scope", 403, "This action is outside the authorized scopes"),
        ("403_disabled", 403, "Your login is currently disabled"),
        ("422", 422, "Validation failed: Avatar content type is invalid"),
        ("422_oversize", 422, "Validation failed: Avatar file size must be less than 2 MB"),
        ("401_html", 401, None),
        ("500", 500, None),
        ("503", 503, None),
    ],
)
async def test_switched_on_failure_answers_as_mastodon_does(
    ada: MastodonClient, control: Control, fail: str, status: int, message: str | None
) -> None:
    await control.switch("mastodon", fail=fail, only="write", times=1)
    assert (await ada.call("GET", VERIFY)).status_code == 200
    struck = await ada.upload(avatar=picture())
    assert struck.status_code == status
    if message is None:
        assert struck.headers["content-type"].startswith("text/html")
    else:
        assert struck.json() == {"error": message}
    assert "x-ratelimit-reset" in struck.headers
    assert (await ada.upload(avatar=picture())).status_code == 200
    assert await control.changes("mastodon", "avatar") == 1


async def test_failing_sign_in_spares_reads_and_writes(ada: MastodonClient, control: Control) -> None:
    await control.switch("mastodon", fail="500", only="auth")
    assert (await ada.exchange("any")).status_code == 500
    assert (await ada.upload(avatar=picture())).status_code == 200


async def test_slow_server_shows_the_old_picture_for_a_while(
    ada: MastodonClient, control: Control, clock: Clock
) -> None:
    await control.switch("mastodon", slow_seconds=5)
    before = (await ada.me())["avatar"]
    assert (await ada.upload(avatar=picture())).json()["avatar"] == before
    clock.ahead += 5.1
    assert (await ada.me())["avatar"] != before


async def test_silent_reject_and_lost_answer(ada: MastodonClient, control: Control) -> None:
    before = (await ada.me())["avatar"]
    await control.switch("mastodon", silent_reject=True, times=1)
    assert (await ada.upload(avatar=picture())).json()["avatar"] == before
    await control.switch("mastodon", lose_answer=True, times=1)
    with pytest.raises(httpx2.TransportError):
        await ada.upload(avatar=picture())
    assert (await ada.me())["avatar"] != before
    assert await control.changes("mastodon", "avatar") == 1


@pytest.mark.parametrize(("switch", "word"), [("revoke_tokens", "was revoked"), ("expire_tokens", "expired")])
async def test_tokens_can_be_ended_from_outside(ada: MastodonClient, control: Control, switch: str, word: str) -> None:
    await control.switch("mastodon", **{switch: True})
    answer = await ada.call("GET", VERIFY)
    assert (answer.status_code, answer.json()["error"]) == (401, f"The access token {word}")


async def test_unknown_token_and_unknown_path(stranger: MastodonClient) -> None:
    answer = await stranger.call("GET", VERIFY)
    assert (answer.status_code, answer.json()) == (401, {"error": "The access token is invalid"})
    answer = await stranger.call("GET", "/api/v1/nothing")
    assert (answer.status_code, answer.json()) == (404, {"error": "Record not found"})
