"""The browser's way to a provider and back: bound to the browser, and always ending in a page of this site."""

from collections.abc import Callable
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
import pytest
import structlog
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from gateway.cookies import Purpose, purpose_of
from gateway.security import is_own_path
from linkarooie.auth.v1 import auth_pb2
from servicekit.errors import PreconditionError, ServiceError, UnavailableError
from servicekit.identity import Caller, caller_if_any
from servicekit.protobuf import timestamp

PROVIDER_PAGE = "https://provider.example/consent?client_id=us"
FLOW, TICKET, REFRESH = "__Host-linkarooie-flow", "__Host-linkarooie-ticket", "__Host-linkarooie-refresh"


class Auth:
    """Stands in for the auth service: answers with `outcome`, and remembers what it was asked, and by whom."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.outcome: auth_pb2.FinishSocialSignInResponse | Exception = auth_pb2.FinishSocialSignInResponse(
            signed_in=self._signed_in("new"), return_to="/pictures"
        )
        self.problem: ServiceError | None = None
        self.begun: list[Any] = []
        self.finished: list[tuple[auth_pb2.FinishSocialSignInRequest, Caller | None]] = []
        self.completed: list[auth_pb2.CompleteSocialSignUpRequest] = []
        self.ended: list[str] = []

    def tokens(self, name: str) -> auth_pb2.SessionTokens:
        return auth_pb2.SessionTokens(
            access_token=name,
            access_expire_time=timestamp(self.now + timedelta(minutes=10)),
            refresh_token=f"refresh {name}",
            refresh_expire_time=timestamp(self.now + timedelta(days=14)),
        )

    def _signed_in(self, name: str) -> auth_pb2.SignedIn:
        return auth_pb2.SignedIn(tokens=self.tokens(name), device_token="device")

    async def BeginSocialSignIn(self, request: Any, timeout: float) -> auth_pb2.BeginSocialSignInResponse:
        self.begun.append(request)
        if self.problem is not None:
            raise self.problem
        return auth_pb2.BeginSocialSignInResponse(authorize_url=PROVIDER_PAGE)

    async def BeginIdentityLink(self, request: Any, timeout: float) -> auth_pb2.BeginIdentityLinkResponse:
        self.begun.append(request)
        expires = timestamp(self.now + timedelta(minutes=10))
        return auth_pb2.BeginIdentityLinkResponse(authorize_url=PROVIDER_PAGE, expire_time=expires)

    async def FinishSocialSignIn(
        self, request: auth_pb2.FinishSocialSignInRequest, timeout: float
    ) -> auth_pb2.FinishSocialSignInResponse:
        self.finished.append((request, caller_if_any()))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    async def CompleteSocialSignUp(
        self, request: auth_pb2.CompleteSocialSignUpRequest
    ) -> auth_pb2.CompleteSocialSignUpResponse:
        self.completed.append(request)
        user = auth_pb2.User(id="new", email=request.email, role=auth_pb2.ROLE_USER, create_time=timestamp(self.now))
        return auth_pb2.CompleteSocialSignUpResponse(user=user)

    async def RefreshSession(self, request: auth_pb2.RefreshSessionRequest) -> auth_pb2.RefreshSessionResponse:
        return auth_pb2.RefreshSessionResponse(tokens=self.tokens("good"))

    async def LogOut(self, request: auth_pb2.LogOutRequest) -> auth_pb2.LogOutResponse:
        self.ended.append(request.refresh_token)
        return auth_pb2.LogOutResponse()


@pytest.fixture
def auth(noon: Callable[[], datetime]) -> Auth:
    return Auth(noon())


@pytest.fixture
def client(make_api: Callable[..., FastAPI], open_client: Any, noon: Callable[[], datetime], auth: Auth) -> Any:
    return open_client(make_api(clock=noon, parts={"auth": auth}))


def cookies_of(answer: Any) -> dict[str, Any]:
    found: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        found.load(header)
    return dict(found)


def cookie(**values: str) -> dict[str, str]:
    return {"cookie": "; ".join(f"__Host-linkarooie-{name}={value}" for name, value in values.items())}


async def test_a_browser_is_sent_to_the_provider_with_a_secret_that_no_script_reads(client: Any, auth: Auth) -> None:
    answer = await client.get("/v1/auth/oauth/google/start?return_to=/pictures")

    (asked,) = auth.begun
    flow = cookies_of(answer)[FLOW]
    assert (answer.status_code, answer.headers["location"]) == (303, PROVIDER_PAGE)
    assert (asked.provider, asked.return_to, asked.browser_secret) == ("google", "/pictures", flow.value)
    assert (flow["httponly"], flow["samesite"], flow["max-age"], flow["path"]) == (True, "lax", "600", "/")
    assert purpose_of(flow.value) is Purpose.SIGN_IN
    assert len(flow.value) > 40


async def test_two_tabs_on_their_way_share_the_secret_but_a_link_has_its_own(client: Any, auth: Auth) -> None:
    first = cookies_of(await client.get("/v1/auth/oauth/google/start"))[FLOW].value
    await client.get("/v1/auth/oauth/github/start", headers=cookie(flow=first))
    link = await client.post(
        "/v1/me/identities",
        json={"provider": "github"},
        headers={"sec-fetch-site": "same-origin", **cookie(flow=first, access="good")},
    )

    assert [asked.browser_secret == first for asked in auth.begun] == [True, True, False]
    assert purpose_of(cookies_of(link)[FLOW].value) is Purpose.LINK
    assert link.json() == {"authorize_url": PROVIDER_PAGE, "expires_at": "2026-11-21T12:10:00.000Z"}


@pytest.mark.parametrize("planted", ["", "mine", "sign-in.", "sign-in", "other.secret", "sign-in." + "x" * 2000])
async def test_a_cookie_that_is_no_secret_of_ours_is_replaced(client: Any, auth: Auth, planted: str) -> None:
    await client.get("/v1/auth/oauth/google/start", headers=cookie(flow=planted))

    assert auth.begun[0].browser_secret != planted


async def test_a_provider_that_cannot_be_asked_leads_to_the_page_that_says_so(client: Any, auth: Auth) -> None:
    auth.problem = UnavailableError("It does not answer.", reason="PROVIDER_UNAVAILABLE")

    answer = await client.get("/v1/auth/oauth/google/start")

    assert answer.headers["location"] == "/login?problem=PROVIDER_UNAVAILABLE&provider=google"
    assert FLOW not in cookies_of(answer)


ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "https://evil.example",
    "evil",
    "",
    "/a\tb",
    "/\n/e",
    "/a\\b",
]


@pytest.mark.parametrize("return_to", ELSEWHERE)
async def test_nobody_can_have_the_browser_sent_elsewhere(client: Any, auth: Auth, return_to: str) -> None:
    begun = await client.get("/v1/auth/oauth/google/start", params={"return_to": return_to})
    linked = await client.post(
        "/v1/me/identities",
        json={"provider": "google", "return_to": return_to},
        headers={"authorization": "Bearer good"},
    )
    auth.outcome = auth_pb2.FinishSocialSignInResponse(signed_in=auth_pb2.SignedIn(), return_to=return_to)
    finished = await client.get("/v1/auth/oauth/google/callback", headers=cookie(flow="sign-in.secret"))

    assert (begun.status_code, linked.status_code, auth.begun) == (400, 400, [])
    assert [error["field"] for error in begun.json()["errors"] + linked.json()["errors"]] == ["return_to"] * 2
    assert finished.headers["location"] == "/"


@given(st.text(max_size=40).map(lambda text: "/" + text))
def test_an_own_path_never_leads_to_another_host(path: str) -> None:
    # Browsers drop tabs and line ends from an address and read a backslash as a slash (WHATWG URL, 4.4).
    as_read = "".join(c for c in path if c not in "\t\r\n").replace("\\", "/")

    if is_own_path(path):
        assert not as_read.startswith("//")
        assert as_read == path


async def test_who_comes_back_is_signed_in_and_goes_on_where_they_were(client: Any, auth: Auth) -> None:
    answer = await client.get(
        "/v1/auth/oauth/google/callback?code=c&state=s&iss=i",
        headers=cookie(flow="sign-in.secret", device="known", refresh="before"),
    )

    ((asked, _),) = auth.finished
    kept = {name: morsel.value for name, morsel in cookies_of(answer).items()}
    assert (answer.status_code, answer.headers["location"]) == (303, "/pictures")
    assert answer.headers["cache-control"] == "no-store"
    assert dict(asked.parameters) == {"code": "c", "state": "s", "iss": "i"}
    assert (asked.provider, asked.browser_secret, asked.device_token) == ("google", "sign-in.secret", "known")
    assert kept == {
        "__Host-linkarooie-access": "new",
        REFRESH: "refresh new",
        "__Host-linkarooie-device": "device",
        FLOW: "",
    }
    assert auth.ended == ["before"]  # the session that this browser had


async def test_a_failure_to_end_the_session_before_does_not_undo_the_new_one(
    client: Any, auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(request: object) -> None:
        raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())

    monkeypatch.setattr(auth, "LogOut", away)
    answer = await client.get("/v1/auth/oauth/google/callback", headers=cookie(flow="sign-in.secret", refresh="before"))

    assert answer.headers["location"] == "/pictures"
    assert cookies_of(answer)[REFRESH].value == "refresh new"


@pytest.mark.parametrize(
    ("flow", "page"), [("sign-in.secret", "/login"), ("link.secret", "/settings/sign-in"), ("forged", "/login")]
)
async def test_what_went_wrong_is_told_by_the_page_that_it_began_on(
    client: Any, auth: Auth, flow: str, page: str
) -> None:
    auth.outcome = PreconditionError("It was used.", reason="FLOW_NOT_VALID")

    answer = await client.get("/v1/auth/oauth/google/callback?state=s", headers=cookie(flow=flow, access="good"))

    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?problem=FLOW_NOT_VALID&provider=google")


async def test_a_browser_that_began_nothing_is_not_even_asked_about(client: Any, auth: Auth) -> None:
    answer = await client.get("/v1/auth/oauth/google/callback?code=stolen&state=s")

    assert answer.headers["location"] == "/login?problem=FLOW_NOT_VALID&provider=google"
    assert auth.finished == []


async def test_an_accident_is_told_without_what_happened_and_logged_without_the_query(client: Any, auth: Auth) -> None:
    auth.outcome = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata())

    with structlog.testing.capture_logs() as lines:
        answer = await client.get("/v1/auth/oauth/x%26y/callback?code=secret-code", headers=cookie(flow="sign-in.s"))

    assert answer.headers["location"] == "/login?problem=INTERNAL&provider=x%26y"
    assert "social_sign_in_not_finished" in [line["event"] for line in lines]
    assert "secret-code" not in str(lines)


async def test_a_link_is_finished_by_the_session_that_began_it(client: Any, auth: Auth) -> None:
    auth.outcome = auth_pb2.FinishSocialSignInResponse(linked=auth_pb2.Identity(id="i"), return_to="/settings/sign-in")

    answer = await client.get("/v1/auth/oauth/google/callback", headers=cookie(flow="link.secret", access="good"))

    ((_, caller),) = auth.finished
    assert caller is not None
    assert (caller.session_id, answer.headers["location"]) == ("session", "/settings/sign-in")
    assert set(cookies_of(answer)) == {FLOW}


async def test_a_session_that_slept_during_consent_is_renewed_for_the_link(client: Any, auth: Auth) -> None:
    auth.outcome = auth_pb2.FinishSocialSignInResponse(linked=auth_pb2.Identity(id="i"), return_to="/settings/sign-in")

    answer = await client.get(
        "/v1/auth/oauth/google/callback", headers=cookie(flow="link.secret", access="over", refresh="mine")
    )

    ((_, caller),) = auth.finished
    assert caller is not None
    assert caller.session_id == "session"
    assert cookies_of(answer)[REFRESH].value == "refresh good"


async def test_a_renewed_session_is_kept_also_when_the_rest_goes_wrong(client: Any, auth: Auth) -> None:
    auth.outcome = PreconditionError("No.", reason="CONSENT_DECLINED")

    answer = await client.get(
        "/v1/auth/oauth/google/callback", headers=cookie(flow="link.secret", access="over", refresh="mine")
    )

    assert answer.headers["location"] == "/settings/sign-in?problem=CONSENT_DECLINED&provider=google"
    assert cookies_of(answer)[REFRESH].value == "refresh good"


async def test_who_has_no_address_yet_is_asked_for_one_and_only_the_browser_has_the_ticket(
    client: Any, auth: Auth
) -> None:
    auth.outcome = auth_pb2.FinishSocialSignInResponse(
        ticket=auth_pb2.SignUpTicket(
            ticket="the ticket",
            provider_label="Facebook",
            email="fox@example.com",
            display_name="Fox & Fable",
            expire_time=timestamp(auth.now + timedelta(minutes=30)),
        )
    )

    asked = await client.get("/v1/auth/oauth/facebook/callback", headers=cookie(flow="sign-in.secret"))
    ticket = cookies_of(asked)[TICKET]
    completed = await client.post(
        "/v1/auth/oauth/complete",
        json={"email": "fox@example.com", "display_name": "Fox"},
        headers={"sec-fetch-site": "same-origin", "cookie": f"{TICKET}={ticket.coded_value}"},
    )

    page = urlsplit(asked.headers["location"])
    assert page.path == "/complete-sign-up"
    assert parse_qs(page.query) == {
        "email": ["fox@example.com"],
        "display_name": ["Fox & Fable"],
        "provider_label": ["Facebook"],
    }
    assert (ticket.value, ticket["max-age"], ticket["httponly"]) == ("the ticket", "1800", True)
    assert (completed.status_code, completed.json()["email"]) == (202, "fox@example.com")
    assert auth.completed[0].ticket == "the ticket"
    assert cookies_of(completed)[TICKET]["max-age"] == "0"


async def test_without_a_ticket_nobody_completes_anything(client: Any, auth: Auth) -> None:
    answer = await client.post("/v1/auth/oauth/complete", json={"email": "fox@example.com", "display_name": "Fox"})

    assert (answer.status_code, answer.json()["reason"]) == (409, "FLOW_NOT_VALID")
    assert auth.completed == []
