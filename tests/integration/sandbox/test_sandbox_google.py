from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet
from sandbox_clients import Clock, Control, is_colour
from sign_in_clients import STATE, VERIFIER, Provider, callback, challenge

from sandbox import Sandbox
from sandbox.google import GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET


@pytest.fixture
def google(sandbox: Sandbox, http: httpx2.AsyncClient) -> Provider:
    asked = {
        "client_id": GOOGLE_CLIENT_ID,
        "redirect_uri": callback("google"),
        "response_type": "code",
        "scope": "openid email profile",
        "state": STATE,
        "nonce": "once",
        **challenge(),
    }
    return Provider(http, sandbox.urls["google"], "/o/oauth2/v2/auth", asked)


async def exchange(google: Provider, code: str, **changes: str | None) -> httpx2.Response:
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": GOOGLE_CLIENT_ID,
        "client_secret": GOOGLE_CLIENT_SECRET,
        "redirect_uri": callback("google"),
        "code_verifier": VERIFIER,
        **changes,
    }
    return await google.http.post(
        f"{google.origin}/token", data={name: value for name, value in body.items() if value is not None}
    )


async def tokens(google: Provider, account: str = "ada", **asked: str | None) -> dict[str, Any]:
    answer = await exchange(google, (await google.authorize(account, **asked))["code"])
    assert answer.status_code == 200, answer.text
    return answer.json()


async def read(google: Provider, id_token: str) -> dict[str, Any]:
    """Checks the signature with the published keys, as any client does."""
    keys = KeySet.import_key_set((await google.get("/oauth2/v3/certs")).json())
    return dict(jwt.decode(id_token, keys, ["RS256"]).claims)


async def claims(google: Provider, account: str = "ada", **asked: str | None) -> dict[str, Any]:
    return await read(google, (await tokens(google, account, **asked))["id_token"])


async def test_discovery_names_its_own_issuer_and_endpoints_that_exist(google: Provider) -> None:
    answer = await google.get("/.well-known/openid-configuration")

    found = answer.json()
    assert found["issuer"] == google.origin
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert found["authorization_endpoint"] == google.page
    assert (await google.http.get(found["jwks_uri"])).json()["keys"]
    for name in ("token_endpoint", "userinfo_endpoint", "revocation_endpoint"):
        assert (await google.http.post(found[name])).status_code in (400, 401)


async def test_published_keys_are_public_rs256_keys_that_may_be_kept(google: Provider) -> None:
    answer = await google.get("/oauth2/v3/certs")

    [key] = answer.json()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert key["kid"]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)
    assert "max-age=22000" in answer.headers["cache-control"]


async def test_consent_comes_back_with_code_state_and_the_name_of_the_issuer(google: Provider) -> None:
    back = await google.authorize()

    assert set(back) == {"code", "state", "iss"}
    assert (back["state"], back["iss"]) == (STATE, google.origin)


async def test_id_token_tells_who_signed_in_to_which_app_and_when(google: Provider, clock: Clock) -> None:
    ada = await claims(google)

    assert (ada["iss"], ada["aud"], ada["azp"]) == (google.origin, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_ID)
    assert ada["nonce"] == "once"
    assert ada["exp"] - ada["iat"] == 3600
    assert abs(ada["iat"] - clock()) < 60
    assert (ada["email"], ada["email_verified"], ada["hd"]) == ("ada@sandbox.test", True, "sandbox.test")
    assert (ada["name"], ada["given_name"], ada["family_name"]) == ("Ada Rivers", "Ada", "Rivers")
    assert (await google.http.get(ada["picture"])).headers["content-type"] == "image/png"


async def test_people_differ_and_only_one_is_of_a_workspace(google: Provider) -> None:
    ada, grace = await claims(google), await claims(google, "grace")

    assert ada["sub"] != grace["sub"]
    assert ada["sub"].isdigit()
    assert "hd" not in grace
    assert (await claims(google))["sub"] == ada["sub"]


async def test_scopes_decide_what_is_told(google: Provider) -> None:
    assert not {"email", "name"} & set(await claims(google, scope="openid"))
    assert "id_token" not in await tokens(google, scope="email")


async def test_userinfo_tells_the_same_as_the_token_until_it_ends(google: Provider, clock: Clock) -> None:
    given = await tokens(google)
    who = await google.get("/v1/userinfo", given["access_token"])

    told = await read(google, given["id_token"])
    assert who.json() == {name: told[name] for name in who.json()}
    assert (await google.get("/v1/userinfo", "guessed")).status_code == 401
    clock.ahead += given["expires_in"] + 1
    late = await google.get("/v1/userinfo", given["access_token"])
    assert late.status_code == 401
    assert 'error="invalid_token"' in late.headers["www-authenticate"]


async def test_revoked_token_ends(google: Provider) -> None:
    token = (await tokens(google))["access_token"]

    assert (await google.http.post(f"{google.origin}/revoke", data={"token": token})).status_code == 200
    assert (await google.get("/v1/userinfo", token)).status_code == 401
    again = await google.http.post(f"{google.origin}/revoke", data={"token": token})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


async def test_denial_comes_back_as_access_denied(google: Provider) -> None:
    back = await google.authorize(decision="deny")

    assert (back["error"], back["state"]) == ("access_denied", STATE)
    assert "code" not in back


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"redirect_uri": callback("google") + "/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": callback("google") + "?next=1"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": callback("github")}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "https://evil.test/v1/auth/oauth/google/callback"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, 400, "redirect_uri_mismatch"),
        ({"response_type": "token"}, 400, "unsupported_response_type"),
        ({"scope": "openid drive"}, 400, "invalid_scope"),
        ({"scope": None}, 400, "invalid_scope"),
        ({"code_challenge_method": "plain"}, 400, "invalid_request"),
    ],
    ids=str,
)
async def test_wrong_request_is_told_on_a_page_and_never_sends_the_browser_away(
    google: Provider, changes: dict[str, str | None], status: int, error: str
) -> None:
    answer = await google.ask(**changes)

    assert answer.status_code == status
    assert f"Error {status}: {error}" in answer.text


async def test_callback_may_be_on_any_port_of_this_machine(google: Provider) -> None:
    for origin in ("http://localhost:9", "https://127.0.0.1", "http://[::1]:8080"):
        page = await google.ask(redirect_uri=f"{origin}/v1/auth/oauth/google/callback")
        assert page.status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"code": "guessed"}, 400, "invalid_grant"),
        ({"code_verifier": "wrong"}, 400, "invalid_grant"),
        ({"code_verifier": None}, 400, "invalid_grant"),
        ({"redirect_uri": "http://localhost:8080/v1/auth/oauth/google/callback"}, 400, "redirect_uri_mismatch"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
    ids=str,
)
async def test_exchange_that_does_not_fit_is_refused(
    google: Provider, changes: dict[str, str | None], status: int, error: str
) -> None:
    code = (await google.authorize())["code"]

    answer = await exchange(google, **{"code": code, **changes})

    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_code_works_once_and_ten_minutes(google: Provider, clock: Clock) -> None:
    code = (await google.authorize())["code"]
    assert (await exchange(google, code)).status_code == 200
    assert (await exchange(google, code)).json()["error"] == "invalid_grant"
    code = (await google.authorize())["code"]
    clock.ahead += 601
    assert (await exchange(google, code)).json()["error"] == "invalid_grant"


async def test_consent_form_works_once_and_ten_minutes(google: Provider, clock: Clock) -> None:
    page = await google.ask()
    assert (await google.decide(page)).status_code == 303
    assert (await google.decide(page)).status_code == 400
    page = await google.ask()
    clock.ahead += 601
    assert (await google.decide(page)).status_code == 400


async def test_stranger_cannot_be_chosen_on_the_consent_page(google: Provider) -> None:
    assert (await google.decide(await google.ask(), "mallory")).status_code == 400


async def test_hint_preselects_the_account(google: Provider) -> None:
    page = (await google.ask(login_hint="grace@sandbox.test")).text

    assert 'value="grace" checked' in page
    assert 'value="ada" checked' not in page


async def test_app_may_use_basic_authentication(google: Provider) -> None:
    code = (await google.authorize())["code"]
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback("google"),
        "code_verifier": VERIFIER,
    }

    basic = httpx2.BasicAuth(GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET)
    assert (await google.http.post(f"{google.origin}/token", data=body, auth=basic)).status_code == 200


async def test_email_can_be_absent_or_unverified(google: Provider, control: Control) -> None:
    await control.switch("google", no_email=True)
    assert not {"email", "email_verified"} & set(await claims(google))
    await control.switch("google", unverified_email=True)
    assert (await claims(google))["email_verified"] is False


async def test_issuer_can_come_without_its_scheme(google: Provider, control: Control) -> None:
    await control.switch("google", bare_issuer=True)

    assert (await claims(google))["iss"] == urlsplit(google.origin).netloc


@pytest.mark.parametrize(
    ("spoil", "claim"), [("nonce", "nonce"), ("issuer", "iss"), ("audience", "aud"), ("expired", "exp")]
)
async def test_one_claim_can_be_wrong(google: Provider, control: Control, clock: Clock, spoil: str, claim: str) -> None:
    right = await claims(google)
    await control.switch("google", spoil=spoil)

    wrong = await claims(google)

    if claim == "exp":
        assert wrong["exp"] < clock()
    else:
        assert wrong[claim] != right[claim]


async def test_signature_can_be_wrong(google: Provider, control: Control) -> None:
    await control.switch("google", spoil="signature")
    given = await tokens(google)

    with pytest.raises(BadSignatureError):
        await read(google, given["id_token"])


async def test_rotated_key_signs_at_once_and_the_one_before_stays_published(google: Provider, control: Control) -> None:
    before = await tokens(google)
    [old] = (await google.get("/oauth2/v3/certs")).json()["keys"]

    await control.switch("google", rotate_keys=True)

    after = await tokens(google)
    published = [key["kid"] for key in (await google.get("/oauth2/v3/certs")).json()["keys"]]
    assert len(published) == 2
    assert published[1] == old["kid"]
    assert (await read(google, before["id_token"]))["sub"] == (await read(google, after["id_token"]))["sub"]
    await control.switch("google", rotate_keys=True)
    assert old["kid"] not in [key["kid"] for key in (await google.get("/oauth2/v3/certs")).json()["keys"]]


async def test_failures_strike_tokens_or_documents(google: Provider, control: Control) -> None:
    await control.switch("google", fail="500", only="auth", times=1)
    assert (await google.get("/oauth2/v3/certs")).status_code == 200
    assert (await exchange(google, "any")).status_code == 500
    assert (await exchange(google, "any")).status_code == 400
    await control.switch("google", fail="not_json", only="read")
    assert (await google.get("/.well-known/openid-configuration")).headers["content-type"].startswith("text/html")
    await control.switch("google", fail="503")
    assert (await google.get("/v1/userinfo")).status_code == 503
    await control.switch("google", fail="drop")
    with pytest.raises(httpx2.RemoteProtocolError):
        await google.get("/oauth2/v3/certs")
    await control.switch("google", fail="hang")
    with pytest.raises(httpx2.ReadTimeout):
        await google.get("/oauth2/v3/certs", timeout=0.3)


async def test_picture_of_a_stranger_is_not_found(google: Provider) -> None:
    assert (await google.get("/a/nobody")).status_code == 404
    assert not is_colour((await google.get("/a/ada")).content, (0, 0, 0))
