"""What is taken from a provider's answers, and what is not, with a provider that says whatever the test wants."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from servicekit.outbound import Answer
from services.auth.providers.base import (
    AnswerInvalidError,
    Begun,
    ConsentDeclinedError,
    Http,
    ProviderError,
    UnreachableError,
    access_token_of,
    code_of,
    error_code,
    json_of,
)
from services.auth.providers.documents import (
    LONGEST_SECONDS,
    PAUSE_SECONDS,
    SHORTEST_SECONDS,
    USUAL_SECONDS,
    CachedDocument,
    kept_for,
)
from services.auth.providers.github import GitHub
from services.auth.providers.openid import OpenId, OpenIdClient, says_verified

ISSUER = "https://sso.example.org"
REDIRECT_URI = "https://pictures.example.org/v1/auth/oauth/sso/callback"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
DISCOVERY: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize?tenant=7",
    "token_endpoint": f"{ISSUER}/token",
    "userinfo_endpoint": f"{ISSUER}/userinfo",
    "jwks_uri": f"{ISSUER}/keys",
    "id_token_signing_alg_values_supported": ["ES256", "RS256", "HS256", "none"],
}


def answer(value: object, status: int = 200, **headers: str) -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


class FakeHttp(Http):
    """Answers by the path of the address; an exception is raised instead."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, Mapping[str, str], str]] = []

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: str | None = None,
    ) -> Answer:
        path = urlsplit(url).path
        self.calls.append((path, headers or {}, content or ""))
        found = self.answers[path]
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, Answer)
        return found

    def asked(self, path: str) -> int:
        return sum(called == path for called, _, _ in self.calls)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def keys(*public: Any) -> Answer:
    return answer({"keys": [key.as_dict(private=False) if not isinstance(key, dict) else key for key in public]})


def claims_of(begun: Begun, **changes: Any) -> dict[str, Any]:
    """Returns the claims of a good ID token for a sign-in; None as a change leaves one out."""
    now = int(NOW.timestamp())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": "us:1",
        "sub": "17",
        "iat": now,
        "exp": now + 300,
        "nonce": begun.kept["nonce"],
        "email": "ada@example.org",
        "email_verified": True,
        "name": "Ada Rivers",
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def signed(claims: dict[str, Any], key: Any = KEY, **header: Any) -> str:
    header = {"alg": "ES256", "kid": "one", **header}
    named = {name: value for name, value in header.items() if value is not None}
    return jwt.encode(named, claims, key, algorithms=[named["alg"]])


class World:
    """An OpenID provider of the test's, and the answers that it gives."""

    def __init__(self) -> None:
        self.http = FakeHttp(
            {"/.well-known/openid-configuration": answer(DISCOVERY), "/keys": keys(KEY), "/token": answer({})}
        )
        client = OpenIdClient(ISSUER, "us:1", "s 3%", says_verified)
        self.provider = OpenId("sso", "Company", client, self.http, clock=lambda: NOW)

    def discover(self, **changes: Any) -> None:
        self.http.answers["/.well-known/openid-configuration"] = answer({**DISCOVERY, **changes})

    async def begin(self) -> Begun:
        return await self.provider.begin(redirect_uri=REDIRECT_URI, state="a state")

    async def finish(self, begun: Begun, id_token: object, **parameters: str) -> Any:
        self.http.answers["/token"] = answer({"access_token": "a", "token_type": "Bearer", "id_token": id_token})
        sent = {"code": "a code", "state": "a state", **parameters}
        return await self.provider.finish(sent, kept=begun.kept, redirect_uri=REDIRECT_URI)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_sign_in_asks_for_the_least_and_proves_who_asked(world: World) -> None:
    begun = await world.begin()
    parts = urlsplit(begun.authorize_url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ISSUER}/authorize"
    asked = dict(parse_qsl(parts.query))
    assert len(asked.pop("code_challenge")) == 43
    assert asked == {
        "tenant": "7",
        "response_type": "code",
        "client_id": "us:1",
        "redirect_uri": REDIRECT_URI,
        "scope": "openid email profile",
        "state": "a state",
        "nonce": begun.kept["nonce"],
        "code_challenge_method": "S256",
    }
    assert begun.kept["verifier"] not in begun.authorize_url
    again = await world.begin()
    assert {*begun.kept.values()}.isdisjoint(again.kept.values())


async def test_a_good_answer_says_who_it_is(world: World) -> None:
    begun = await world.begin()
    account = await world.finish(begun, signed(claims_of(begun)))
    assert (account.subject, account.name, account.display_name) == ("17", "ada@example.org", "Ada Rivers")
    assert account.trusted_email() == "ada@example.org"
    _, headers, form = next(call for call in world.http.calls if call[0] == "/token")
    assert dict(parse_qsl(form)) == {
        "grant_type": "authorization_code",
        "code": "a code",
        "redirect_uri": REDIRECT_URI,
        "code_verifier": begun.kept["verifier"],
    }
    shown = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
    assert shown == "us%3A1:s+3%25", "each part is encoded, so that a colon divides them"


async def test_a_provider_that_takes_the_secret_in_the_form_gets_it_there(world: World) -> None:
    world.discover(token_endpoint_auth_methods_supported=["client_secret_post"])
    begun = await world.begin()
    await world.finish(begun, signed(claims_of(begun)))
    _, headers, form = next(call for call in world.http.calls if call[0] == "/token")
    assert "Authorization" not in headers
    assert dict(parse_qsl(form))["client_secret"] == "s 3%"


def spoilt() -> dict[str, Any]:
    """Returns what may be wrong with an ID token, each as a change to its claims."""
    now = int(NOW.timestamp())
    return {
        "another issuer": {"iss": "https://elsewhere.example"},
        "an issuer that is not text": {"iss": [ISSUER]},
        "no issuer": {"iss": None},
        "another audience": {"aud": "them"},
        "another audience, though it was made for us to use": {"aud": "them", "azp": "us:1"},
        "no audience": {"aud": None},
        "several audiences and nobody named": {"aud": ["us:1", "them"]},
        "several audiences and another named": {"aud": ["us:1", "them"], "azp": "them"},
        "another party named": {"azp": "them"},
        "its time over": {"exp": now - 60},
        "no end": {"exp": None},
        "an end that is not a number": {"exp": "tomorrow"},
        "made in the future": {"iat": now + 600},
        "no beginning": {"iat": None},
        "not good yet": {"nbf": now + 600},
        "another nonce": {"nonce": "another"},
        "no nonce": {"nonce": None},
        "no subject": {"sub": None},
        "an empty subject": {"sub": ""},
        "a subject that is not text": {"sub": 17},
        "a subject without end": {"sub": "x" * 256},
    }


@pytest.mark.parametrize("change", spoilt().values(), ids=spoilt().keys())
async def test_an_id_token_with_one_wrong_claim_is_refused(world: World, change: dict[str, Any]) -> None:
    begun = await world.begin()
    with pytest.raises(AnswerInvalidError):
        await world.finish(begun, signed(claims_of(begun, **change)))


async def test_several_audiences_are_good_when_we_are_named(world: World) -> None:
    begun = await world.begin()
    claims = claims_of(begun, aud=["us:1", "them"], azp="us:1")
    assert (await world.finish(begun, signed(claims))).subject == "17"


async def test_an_id_token_that_nobody_signed_is_refused(world: World) -> None:
    begun = await world.begin()
    head = _encoded(b'{"alg":"none"}')
    body = signed(claims_of(begun)).split(".")[1]
    for token in (f"{head}.{body}.", f"{head}.{body}.AAAA"):
        with pytest.raises(AnswerInvalidError):
            await world.finish(begun, token)


async def test_a_public_key_does_not_serve_as_a_shared_secret(world: World) -> None:
    begun = await world.begin()
    body = signed(claims_of(begun)).split(".")[1]
    for secret in (KEY.as_pem(private=False), b"s 3%"):
        head = _encoded(b'{"alg":"HS256","kid":"one"}')
        signature = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
        with pytest.raises(AnswerInvalidError):
            await world.finish(begun, f"{head}.{body}.{_encoded(signature)}")


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@pytest.mark.parametrize("token", ["", "a.b.c", "a.b", None, 7, {"a": "b"}, "\N{SNOWMAN}.\N{SNOWMAN}.x", "." * 1000])
async def test_what_is_no_id_token_is_refused(world: World, token: object) -> None:
    begun = await world.begin()
    with pytest.raises(AnswerInvalidError):
        await world.finish(begun, token)


@given(st.text())
async def test_no_text_in_place_of_an_id_token_does_more_than_be_refused(token: str) -> None:
    world = World()
    begun = await world.begin()
    with pytest.raises(AnswerInvalidError):
        await world.finish(begun, token)


async def test_an_algorithm_that_the_provider_does_not_name_is_refused(world: World) -> None:
    world.discover(id_token_signing_alg_values_supported=["RS256"])
    begun = await world.begin()
    with pytest.raises(AnswerInvalidError):
        await world.finish(begun, signed(claims_of(begun)))


async def test_keys_that_are_for_something_else_do_not_get_in_the_way(world: World) -> None:
    unknown = {"kty": "FUTURE", "kid": "two"}
    encrypting = {**KEY.as_dict(private=False), "use": "enc", "kid": "three"}
    world.http.answers["/keys"] = keys(unknown, encrypting, KEY)
    begun = await world.begin()
    claims = claims_of(begun)
    assert (await world.finish(begun, signed(claims))).subject == "17"
    with pytest.raises(AnswerInvalidError):
        await world.finish(begun, signed(claims, kid="three"))


async def test_one_key_without_a_name_is_found(world: World) -> None:
    nameless = {name: value for name, value in KEY.as_dict(private=False).items() if name != "kid"}
    world.http.answers["/keys"] = keys(nameless)
    begun = await world.begin()
    assert (await world.finish(begun, signed(claims_of(begun), kid=None))).subject == "17"


@pytest.mark.parametrize(
    "published", [{}, {"keys": []}, {"keys": "none"}, {"keys": [7, {"kty": "EC", "crv": "P-256"}]}]
)
async def test_keys_that_are_none_are_refused(world: World, published: object) -> None:
    world.http.answers["/keys"] = answer(published)
    begun = await world.begin()
    with pytest.raises(AnswerInvalidError):
        await world.finish(begun, signed(claims_of(begun)))


async def test_a_new_key_is_looked_for_once_and_an_invented_one_not_again_and_again(world: World) -> None:
    begun = await world.begin()
    claims = claims_of(begun)
    await world.finish(begun, signed(claims))
    new = RSAKey.generate_key(2048, {"kid": "two"})
    world.http.answers["/keys"] = keys(KEY, new)
    assert (await world.finish(begun, signed(claims, new, alg="RS256", kid="two"))).subject == "17"
    asked = world.http.asked("/keys")
    for _ in range(10):
        with pytest.raises(AnswerInvalidError):
            await world.finish(begun, signed(claims, kid="invented"))
    assert world.http.asked("/keys") == asked


async def test_claims_that_are_told_apart_count_if_they_are_about_the_same_person(world: World) -> None:
    begun = await world.begin()
    token = signed(claims_of(begun, email=None, email_verified=None, name=None))
    told = {"sub": "17", "email": "ada@example.org", "email_verified": True, "preferred_username": "ada"}
    world.http.answers["/userinfo"] = answer(told)
    account = await world.finish(begun, token)
    assert (account.trusted_email(), account.display_name) == ("ada@example.org", "ada")
    for other in ({**told, "sub": "18"}, {**told, "sub": None}, []):
        world.http.answers["/userinfo"] = answer(other)
        with pytest.raises(AnswerInvalidError):
            await world.finish(begun, token)


async def test_a_provider_that_tells_nothing_apart_is_not_asked(world: World) -> None:
    world.http.answers["/.well-known/openid-configuration"] = answer(
        {name: value for name, value in DISCOVERY.items() if name != "userinfo_endpoint"}
    )
    begun = await world.begin()
    account = await world.finish(begun, signed(claims_of(begun, email=None)))
    assert (account.email, account.name) == ("", "Ada Rivers")


async def test_what_another_issuer_sent_back_is_refused_before_it_is_believed(world: World) -> None:
    begun = await world.begin()
    with pytest.raises(AnswerInvalidError):
        await world.finish(begun, "", iss="https://elsewhere.example", error="access_denied")
    assert world.http.asked("/token") == 0
    account = await world.finish(begun, signed(claims_of(begun)), iss=ISSUER)
    assert account.subject == "17"


@pytest.mark.parametrize("missing", ["authorization_endpoint", "issuer"])
async def test_a_discovery_document_without_what_is_needed_is_refused(world: World, missing: str) -> None:
    world.discover(**{missing: None})
    with pytest.raises(AnswerInvalidError):
        await world.begin()


@pytest.mark.parametrize(
    ("told", "subject"), [({"id": 7}, "7"), ({"id": "7"}, None), ({"id": True}, None), ({}, None), ([], None)]
)
async def test_github_is_asked_for_the_number_of_an_account(told: object, subject: str | None) -> None:
    http = FakeHttp(
        {
            "/login/oauth/access_token": answer({"access_token": "a", "token_type": "bearer"}),
            "/user": answer(told),
            "/user/emails": answer([]),
        }
    )
    provider = GitHub(
        http, client_id="us", client_secret="s", url="https://github.example", api_url="https://api.github.example"
    )
    finishing = provider.finish({"code": "c"}, kept={"verifier": "v"}, redirect_uri=REDIRECT_URI)
    if subject is None:
        with pytest.raises(AnswerInvalidError):
            await finishing
    else:
        assert (await finishing).subject == subject


@pytest.mark.parametrize(
    ("emails", "email"),
    [
        ([{"email": "a@b.test", "primary": True, "verified": True}], "a@b.test"),
        ([{"email": "a@b.test", "primary": True, "verified": False}], ""),
        ([{"email": "a@b.test", "primary": False, "verified": True}], ""),
        ([{"email": "a@b.test", "primary": "yes", "verified": "yes"}], ""),
        ([7, None, {"email": 7, "primary": True, "verified": True}], ""),
        ([], ""),
    ],
)
async def test_of_githubs_addresses_the_primary_one_counts_if_it_is_verified(emails: object, email: str) -> None:
    http = FakeHttp(
        {
            "/login/oauth/access_token": answer({"access_token": "a"}),
            "/user": answer({"id": 7, "login": "ada", "name": None}),
            "/user/emails": answer(emails),
        }
    )
    provider = GitHub(
        http, client_id="us", client_secret="s", url="https://github.example", api_url="https://api.github.example"
    )
    account = await provider.finish({"code": "c"}, kept={"verifier": "v"}, redirect_uri=REDIRECT_URI)
    assert (account.email, account.trusted_email(), account.display_name) == (email, email or None, "ada")


async def test_a_document_is_asked_for_again_when_its_time_is_over() -> None:
    clock = Clock()
    http = FakeHttp({"/doc": answer({"n": 1}, cache_control="public, max-age=100")})
    document = CachedDocument(http, monotonic=clock)
    assert await document.get("https://a.example/doc") == {"n": 1}
    http.answers["/doc"] = answer({"n": 2})
    clock.now += 99
    assert await document.get("https://a.example/doc") == {"n": 1}
    clock.now += 1
    assert await document.get("https://a.example/doc") == {"n": 2}
    assert http.asked("/doc") == 2


async def test_while_a_provider_is_in_trouble_what_was_known_last_counts() -> None:
    clock = Clock()
    http = FakeHttp({"/doc": answer({"n": 1}, cache_control="max-age=60")})
    document = CachedDocument(http, monotonic=clock)
    await document.get("https://a.example/doc")
    http.answers["/doc"] = UnreachableError("away")
    clock.now += 60
    for _ in range(3):
        assert await document.get("https://a.example/doc") == {"n": 1}
    assert http.asked("/doc") == 2, "and nobody waits for it meanwhile"
    clock.now += PAUSE_SECONDS
    await document.get("https://a.example/doc")
    assert http.asked("/doc") == 3


async def test_a_provider_that_was_away_a_moment_ago_is_not_waited_for() -> None:
    clock = Clock()
    http = FakeHttp({"/doc": UnreachableError("away")})
    document = CachedDocument(http, monotonic=clock)
    for _ in range(3):
        with pytest.raises(ProviderError):
            await document.get("https://a.example/doc")
    assert http.asked("/doc") == 1
    http.answers["/doc"] = answer({"n": 1})
    clock.now += PAUSE_SECONDS
    assert await document.get("https://a.example/doc") == {"n": 1}


async def test_a_document_that_has_moved_is_another_one() -> None:
    http = FakeHttp({"/old": answer({"n": 1}), "/new": answer({"n": 2})})
    document = CachedDocument(http, monotonic=Clock())
    assert await document.get("https://a.example/old") == {"n": 1}
    assert await document.get("https://a.example/new") == {"n": 2}


@given(st.text())
def test_a_document_is_never_kept_for_too_short_or_too_long(cache_control: str) -> None:
    assert SHORTEST_SECONDS <= kept_for(cache_control) <= LONGEST_SECONDS


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", USUAL_SECONDS),
        ("public, max-age=22000, must-revalidate", 22000),
        ("Max-Age=600", 600),
        ("max-age=0", SHORTEST_SECONDS),
        ("no-store, max-age=900", SHORTEST_SECONDS),
        ("max-age=999999999", LONGEST_SECONDS),
        ("max-age=soon", USUAL_SECONDS),
    ],
)
def test_a_document_is_kept_for_as_long_as_its_answer_says(cache_control: str, seconds: float) -> None:
    assert kept_for(cache_control) == seconds


@given(st.text())
def test_an_errors_code_is_quoted_only_if_it_looks_like_one(text: str) -> None:
    quoted = error_code(text)
    assert quoted == "that cannot be quoted" or (quoted == text and len(text) <= 60 and text.isascii())


def test_what_comes_back_through_the_browser_is_a_code_or_a_reason() -> None:
    assert code_of({"code": "c", "state": "s"}) == "c"
    with pytest.raises(ConsentDeclinedError):
        code_of({"error": "access_denied", "code": "c"})
    for parameters in ({}, {"code": ""}, {"error": "server_error"}, {"error": ""}):
        with pytest.raises(AnswerInvalidError):
            code_of(parameters)


@pytest.mark.parametrize(
    "found", [{}, {"access_token": ""}, {"access_token": 7}, {"access_token": "a", "token_type": "mac"}]
)
def test_a_token_of_a_kind_that_we_cannot_use_is_refused(found: dict[str, object]) -> None:
    with pytest.raises(AnswerInvalidError):
        access_token_of(found)


@pytest.mark.parametrize(
    ("given_answer", "message"),
    [
        (
            answer({"error": "invalid_grant", "error_description": "the code a-secret"}, 400),
            "HTTP 400, error invalid_grant",
        ),
        (answer({"error": "bad_verification_code"}), "HTTP 200, error bad_verification_code"),
        (answer({"error": {"code": 190, "message": "a-secret"}}, 400), "HTTP 400, error 190"),
        (answer({"error": "a secret with spaces"}, 400), "HTTP 400, error that cannot be quoted"),
        (answer({}, 404), "HTTP 404, error None"),
        (answer(b"<p>a-secret"), "HTTP 200 without JSON"),
    ],
)
def test_an_error_is_told_by_its_code_alone(given_answer: Answer, message: str) -> None:
    with pytest.raises(AnswerInvalidError) as refused:
        json_of(given_answer)
    assert str(refused.value) == message
