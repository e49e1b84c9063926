import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sandbox_clients import CALLBACK, NARROW, BlueskyClient, Clock, Control, Key, picture
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import BLUESKY_APP_PASSWORDS, Sandbox
from sandbox.kit.server import RunningApp, bind

SESSION = "/xrpc/com.atproto.server."


@pytest.fixture
def stranger(sandbox: Sandbox, http: httpx2.AsyncClient, clock: Clock) -> BlueskyClient:
    return BlueskyClient(http, sandbox.urls["bluesky"], clock)


@pytest.fixture
async def ada(stranger: BlueskyClient) -> BlueskyClient:
    return await stranger.connect("ada")


async def works(client: BlueskyClient) -> bool:
    return (await client.call("GET", "com.atproto.server.getSession")).status_code == 200


# OAuth


async def test_discovery_leads_from_the_resource_to_its_authorisation_server(stranger: BlueskyClient) -> None:
    resource = (await stranger.http.get(f"{stranger.origin}/.well-known/oauth-protected-resource")).json()
    server = resource["authorization_servers"][0]
    metadata = (await stranger.http.get(f"{server}/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == server
    assert metadata["require_pushed_authorization_requests"] is True
    assert metadata["dpop_signing_alg_values_supported"] == ["ES256"]


async def test_first_proof_is_asked_for_a_nonce(stranger: BlueskyClient) -> None:
    url = f"{stranger.origin}/oauth/par"
    answer = await stranger.http.post(url, data={}, headers={"DPoP": stranger.proof("POST", url)})
    assert (answer.status_code, answer.json()["error"]) == (400, "use_dpop_nonce")
    stranger.nonce = answer.headers["dpop-nonce"]
    assert (await stranger.push()).status_code == 201


async def test_code_comes_back_with_state_and_issuer_and_the_token_names_the_account(stranger: BlueskyClient) -> None:
    back = await stranger.authorize("grace")
    assert (back["state"], back["iss"]) == ("s&1", stranger.origin)
    tokens = (await stranger.exchange(back["code"])).json()
    assert (tokens["token_type"], tokens["scope"], tokens["expires_in"]) == ("DPoP", stranger.scope, 3600)
    document = (await stranger.http.get(f"{stranger.origin}/plc/{tokens['sub']}")).json()
    assert document["alsoKnownAs"] == ["at://grace.sandbox.test"]


async def test_denial_and_fragment_mode(stranger: BlueskyClient) -> None:
    back = await stranger.authorize(decision="deny")
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "s&1", stranger.origin)
    pushed = (await stranger.push(response_mode="fragment")).json()
    form = {"request_uri": pushed["request_uri"], "account": "ada", "decision": "allow"}
    answer = await stranger.http.post(f"{stranger.origin}/oauth/authorize", data=form)
    assert answer.headers["location"].startswith(f"{CALLBACK}#")


async def test_login_hint_chooses_the_account_on_the_page(stranger: BlueskyClient) -> None:
    pushed = (await stranger.push(login_hint="grace.sandbox.test")).json()
    params = {"client_id": stranger.client_id, "request_uri": pushed["request_uri"]}
    page = (await stranger.http.get(f"{stranger.origin}/oauth/authorize", params=params)).text
    assert 'value="grace" checked' in page


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"redirect_uri": "https://evil.test/"}, "invalid_request"),
        ({"scope": "transition:generic"}, "invalid_scope"),
        ({"scope": "atproto transition:email"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "invalid_request"),
        ({"client_id": "http://localhost:3000"}, "invalid_request"),
        ({"client_id": "http://example.com/client.json"}, "invalid_client_metadata"),
        ({"client_id": "nonsense"}, "invalid_request"),
    ],
)
async def test_bad_pushed_requests_are_refused(stranger: BlueskyClient, changes: dict[str, str], name: str) -> None:
    answer = await stranger.push(**changes)
    assert (answer.status_code, answer.json()["error"]) == (400, name)


async def test_port_of_a_loopback_callback_does_not_count(stranger: BlueskyClient) -> None:
    assert (await stranger.push(redirect_uri=CALLBACK.replace("8080", "9999"))).status_code == 201


async def test_authorisation_needs_a_fresh_pushed_request_of_the_same_app(
    stranger: BlueskyClient, clock: Clock
) -> None:
    page = f"{stranger.origin}/oauth/authorize"
    uri = (await stranger.push()).json()["request_uri"]
    good = {"client_id": stranger.client_id, "request_uri": uri}
    assert (await stranger.http.get(page, params={"client_id": stranger.client_id})).status_code == 400
    assert (await stranger.http.get(page, params={**good, "client_id": "http://localhost"})).status_code == 400
    assert (await stranger.http.get(page, params=good)).status_code == 200
    clock.ahead += 300
    assert (await stranger.http.get(page, params=good)).status_code == 400


@pytest.mark.parametrize(
    "changes", [{"code_verifier": "wrong"}, {"redirect_uri": "http://127.0.0.1/other"}, {"code": "cod-guessed"}]
)
async def test_exchange_that_does_not_fit_is_invalid_grant(stranger: BlueskyClient, changes: dict[str, str]) -> None:
    code = (await stranger.authorize())["code"]
    answer = await stranger.exchange(**{"code": code, **changes})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_replayed_code_ends_the_session(stranger: BlueskyClient) -> None:
    code = (await stranger.authorize())["code"]
    stranger.tokens = (await stranger.exchange(code)).json()
    assert await works(stranger)
    assert (await stranger.exchange(code)).json()["error"] == "invalid_grant"
    assert not await works(stranger)


async def test_refresh_gives_a_new_pair_and_reuse_ends_the_session(ada: BlueskyClient) -> None:
    first = ada.tokens
    assert (await ada.refresh()).status_code == 200
    assert ada.tokens["refresh_token"] != first["refresh_token"]
    assert await works(ada)
    replayed = await ada.refresh(first["refresh_token"])
    assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")
    assert not await works(ada)
    assert (await ada.refresh()).json()["error"] == "invalid_grant"


async def test_tokens_are_of_no_use_with_another_key(ada: BlueskyClient) -> None:
    ada.key = Key()
    answer = await ada.call("GET", "com.atproto.server.getSession")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert (await ada.refresh()).status_code == 401


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"htm": "PUT"}, "invalid_dpop_proof"),
        ({"htu": "http://127.0.0.1/other"}, "invalid_dpop_proof"),
        ({"ath": "wrong"}, "invalid_dpop_proof"),
        ({"iat": 1_000_000_000}, "invalid_dpop_proof"),
        ({"jti": ""}, "invalid_dpop_proof"),
        ({"nonce": "stale"}, "use_dpop_nonce"),
        ({"nonce": None}, "use_dpop_nonce"),
    ],
)
async def test_proof_must_fit_the_request(ada: BlueskyClient, claims: dict[str, Any], name: str) -> None:
    assert await works(ada)
    url, token = f"{ada.origin}{SESSION}getSession", ada.tokens["access_token"]
    headers = {"Authorization": f"DPoP {token}", "DPoP": ada.proof("GET", url, token, **claims)}
    answer = await ada.http.get(url, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, name)
    assert f'error="{name}"' in answer.headers["www-authenticate"]
    assert answer.headers["dpop-nonce"]


async def test_proof_and_nonce_do_not_last(ada: BlueskyClient, clock: Clock) -> None:
    assert await works(ada)
    url, token = f"{ada.origin}{SESSION}getSession", ada.tokens["access_token"]
    headers = {"Authorization": f"DPoP {token}", "DPoP": ada.proof("GET", url, token)}
    assert (await ada.http.get(url, headers=headers)).status_code == 200
    assert (await ada.http.get(url, headers=headers)).json()["message"] == "DPoP proof replayed"
    clock.ahead += 181
    headers["DPoP"] = ada.proof("GET", url, token)
    assert (await ada.http.get(url, headers=headers)).json()["error"] == "use_dpop_nonce"


async def test_oauth_token_is_no_bearer_token(ada: BlueskyClient) -> None:
    headers = {"Authorization": f"Bearer {ada.tokens['access_token']}"}
    answer = await ada.http.get(f"{ada.origin}{SESSION}getSession", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidToken")


async def test_access_ends_after_an_hour_and_a_public_session_after_two_weeks(ada: BlueskyClient, clock: Clock) -> None:
    clock.ahead += 3601
    answer = await ada.call("GET", "com.atproto.server.getSession")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert (await ada.refresh()).status_code == 200
    assert await works(ada)
    clock.ahead += 14 * 24 * 3600
    assert (await ada.refresh()).json()["error"] == "invalid_grant"


async def test_revoking_ends_the_session(ada: BlueskyClient) -> None:
    answer = await ada.form("/oauth/revoke", token=ada.tokens["refresh_token"])
    assert answer.status_code == 200
    assert not await works(ada)


async def test_switches_expire_and_revoke(ada: BlueskyClient, control: Control) -> None:
    await control.switch("bluesky", expire_tokens=True)
    assert not await works(ada)
    assert (await ada.refresh()).status_code == 200
    assert await works(ada)
    await control.switch("bluesky", revoke_tokens=True)
    assert not await works(ada)
    assert (await ada.refresh()).json()["error"] == "invalid_grant"


async def test_oauth_session_survives_a_restart(tmp_path: Path, http: httpx2.AsyncClient, clock: Clock) -> None:
    async with Sandbox(tmp_path, port=0, clock=clock) as first:
        ada = await BlueskyClient(http, first.urls["bluesky"], clock).connect()
    async with Sandbox(tmp_path, port=0, clock=clock) as second:
        ada.origin = second.urls["bluesky"]
        assert await works(ada)
        assert (await ada.refresh()).status_code == 200


# Clients with a document


class Document:
    """The metadata document of a confidential client, served on loopback."""

    def __init__(self, key: Key) -> None:
        self.changes: dict[str, Any] = {}
        self.key = key
        self.url = ""

    async def serve(self, _: Request) -> Response:
        return JSONResponse(
            {
                "client_id": self.url,
                "application_type": "web",
                "client_name": "Linkarooie",
                "redirect_uris": [CALLBACK],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "scope": NARROW,
                "dpop_bound_access_tokens": True,
                "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_signing_alg": "ES256",
                "jwks_uri": self.url.replace("client.json", "jwks.json"),
                **self.changes,
            }
        )

    async def serve_keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [{**self.key.jwk, "kid": "k1", "use": "sig", "alg": "ES256"}]})


@pytest.fixture
async def document() -> AsyncIterator[Document]:
    document = Document(Key())
    # Of its own: documents are kept for a while by their address, and a port may be given twice.
    folder = uuid.uuid4().hex
    routes = [Route(f"/{folder}/client.json", document.serve), Route(f"/{folder}/jwks.json", document.serve_keys)]
    sock = bind(0)
    document.url = f"http://127.0.0.1:{sock.getsockname()[1]}/{folder}/client.json"
    running = RunningApp(Starlette(routes=routes), sock)
    await running.start()
    yield document
    await running.stop()


@pytest.fixture
def confidential(stranger: BlueskyClient, document: Document) -> BlueskyClient:
    stranger.client_id, stranger.scope, stranger.assertion_key = document.url, NARROW, document.key
    return stranger


async def test_confidential_client_signs_in_refreshes_and_sets_a_picture(
    confidential: BlueskyClient, clock: Clock
) -> None:
    ada = await confidential.connect("ada")
    assert (await ada.set_picture("avatar", picture())).status_code == 200
    clock.ahead += 15 * 24 * 3600
    assert (await ada.refresh()).status_code == 200


async def test_consent_names_the_client_of_the_document(confidential: BlueskyClient) -> None:
    uri = (await confidential.push()).json()["request_uri"]
    params = {"client_id": confidential.client_id, "request_uri": uri}
    page = (await confidential.http.get(f"{confidential.origin}/oauth/authorize", params=params)).text
    assert "Allow Linkarooie to use" in page


@pytest.mark.parametrize(
    "changes", [{"aud": "http://other.test"}, {"iss": "someone"}, {"iat": 1_000_000_000}, {"exp": 1_000_000_000}]
)
async def test_assertion_must_be_fresh_and_for_this_server(
    confidential: BlueskyClient, changes: dict[str, Any]
) -> None:
    good = confidential.assertion

    def bad(**_: Any) -> dict[str, str]:
        return good(**changes)

    confidential.assertion = bad  # type: ignore[method-assign]
    answer = await confidential.push()
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


async def test_assertion_works_once_and_only_with_the_right_key(confidential: BlueskyClient) -> None:
    fixed = confidential.assertion()
    confidential.assertion = lambda **_: fixed  # type: ignore[method-assign]
    assert (await confidential.push()).status_code == 201
    assert (await confidential.push()).json()["error"] == "invalid_client"
    del confidential.assertion
    confidential.assertion_key = Key()
    assert (await confidential.push()).json()["error"] == "invalid_client"
    confidential.assertion_key = None
    assert (await confidential.push()).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "http://127.0.0.1/other.json"},
        {"dpop_bound_access_tokens": False},
        {"redirect_uris": ["http://example.com/cb"]},
        {"redirect_uris": []},
        {"scope": "transition:generic"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"grant_types": ["implicit"]},
        {"filler": "x" * 70_000},
    ],
)
async def test_document_that_breaks_the_rules_is_refused(
    confidential: BlueskyClient, document: Document, changes: dict[str, Any]
) -> None:
    document.changes = changes
    answer = await confidential.push()
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


async def test_document_that_cannot_be_fetched_is_named(stranger: BlueskyClient) -> None:
    with bind(0) as closed:
        stranger.client_id = f"http://127.0.0.1:{closed.getsockname()[1]}/client.json"
    answer = await stranger.push()
    assert answer.json()["error"] == "invalid_client_metadata"
    assert stranger.client_id in answer.json()["error_description"]


# App passwords


class Login:
    def __init__(self, http: httpx2.AsyncClient, origin: str) -> None:
        self.http = http
        self.origin = origin

    async def create(self, identifier: str = "ada.sandbox.test", password: str = "") -> httpx2.Response:
        body = {"identifier": identifier, "password": password or BLUESKY_APP_PASSWORDS["ada"]}
        return await self.http.post(f"{self.origin}{SESSION}createSession", json=body)

    async def call(self, method: str, name: str, token: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await self.http.request(method, f"{self.origin}{SESSION}{name}", headers=headers)


@pytest.fixture
def login(sandbox: Sandbox, http: httpx2.AsyncClient) -> Login:
    return Login(http, sandbox.urls["bluesky"])


def error(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def test_app_password_opens_a_session(login: Login) -> None:
    session = (await login.create()).json()
    assert (session["handle"], session["active"]) == ("ada.sandbox.test", True)
    assert session["didDoc"]["service"][0]["serviceEndpoint"] == login.origin
    assert (await login.create(session["did"])).status_code == 200
    shown = await login.call("GET", "getSession", session["accessJwt"])
    assert shown.json()["did"] == session["did"]


async def test_wrong_password_and_stranger_are_told_apart_from_nothing(login: Login) -> None:
    wrong, unknown = await login.create(password="wrong"), await login.create("nobody.test")
    assert error(wrong) == (401, "AuthenticationRequired")
    assert wrong.json() == unknown.json()


async def test_thirty_logins_in_five_minutes_are_the_limit(login: Login) -> None:
    answers = [await login.create() for _ in range(31)]
    assert answers[29].status_code == 200
    assert answers[29].headers["ratelimit-limit"] == "30"
    assert error(answers[30]) == (429, "RateLimitExceeded")


async def test_expired_access_is_400_and_refresh_gives_a_new_pair(login: Login, clock: Clock) -> None:
    session = (await login.create()).json()
    clock.ahead += 121 * 60
    assert error(await login.call("GET", "getSession", session["accessJwt"])) == (400, "ExpiredToken")
    pair = (await login.call("POST", "refreshSession", session["refreshJwt"])).json()
    assert pair["refreshJwt"] != session["refreshJwt"]
    assert (await login.call("GET", "getSession", pair["accessJwt"])).status_code == 200


async def test_used_refresh_token_gives_the_same_next_one_for_two_hours(login: Login, clock: Clock) -> None:
    old = (await login.create()).json()["refreshJwt"]
    first = (await login.call("POST", "refreshSession", old)).json()["refreshJwt"]
    clock.ahead += 119 * 60
    assert (await login.call("POST", "refreshSession", old)).json()["refreshJwt"] == first
    clock.ahead += 2 * 60
    assert error(await login.call("POST", "refreshSession", old)) == (400, "ExpiredToken")
    assert (await login.call("POST", "refreshSession", first)).status_code == 200


async def test_deleted_session_refreshes_no_more(login: Login) -> None:
    refresh = (await login.create()).json()["refreshJwt"]
    assert (await login.call("POST", "deleteSession", refresh)).status_code == 200
    assert error(await login.call("POST", "refreshSession", refresh)) == (400, "ExpiredToken")


async def test_revoked_app_password_stops_refreshing_but_access_goes_on(login: Login, control: Control) -> None:
    session = (await login.create()).json()
    await control.switch("bluesky", revoke_tokens=True)
    assert error(await login.call("POST", "refreshSession", session["refreshJwt"])) == (400, "ExpiredToken")
    assert (await login.call("GET", "getSession", session["accessJwt"])).status_code == 200
    await control.switch("bluesky", expire_tokens=True)
    assert error(await login.call("GET", "getSession", session["accessJwt"])) == (400, "ExpiredToken")


async def test_tokens_of_the_wrong_kind_and_nonsense(login: Login) -> None:
    session = (await login.create()).json()
    assert error(await login.call("POST", "refreshSession", session["accessJwt"])) == (400, "InvalidToken")
    assert error(await login.call("GET", "getSession", session["refreshJwt"])) == (400, "InvalidToken")
    assert error(await login.call("GET", "getSession", "nonsense")) == (500, "InternalServerError")
    assert error(await login.http.get(f"{login.origin}{SESSION}getSession")) == (401, "AuthMissing")


async def test_taken_down_account_cannot_sign_in(login: Login, control: Control) -> None:
    await control.switch("bluesky", fail="AccountTakedown")
    assert error(await login.create()) == (401, "AccountTakedown")


async def test_app_password_session_may_write(login: Login) -> None:
    session = (await login.create()).json()
    headers = {"Authorization": f"Bearer {session['accessJwt']}", "Content-Type": "image/png"}
    url = f"{login.origin}/xrpc/com.atproto.repo.uploadBlob"
    assert (await login.http.post(url, content=picture(), headers=headers)).status_code == 200
