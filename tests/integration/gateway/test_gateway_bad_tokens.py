"""A token that is not good is refused with its own reason, and never takes anything down."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from gateway_people import RunGateway, reason_of
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from servicekit.ids import new_id

LONG_AGO = 1_600_000_000


@pytest.fixture
async def client(run_gateway: RunGateway, signing_keys: Any) -> Any:
    """A gateway that takes tokens which this test can sign itself."""
    async with run_gateway(auth_target=signing_keys.auth_target) as url, httpx2.AsyncClient(base_url=url) as made:
        yield made


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed_by(key: Any, algorithm: str, key_id: str, good: str) -> str:
    claims = json.loads(base64.urlsafe_b64decode(good.split(".")[1] + "=="))
    return jwt.encode({"alg": algorithm, "kid": key_id}, claims, key, algorithms=[algorithm])


def with_header(good: str, **header: Any) -> str:
    return f"{part({'alg': 'ES256', 'kid': 'test', **header})}.{good.split('.', 1)[1]}"


def with_signature(good: str, signature: str) -> str:
    return f"{good.rpartition('.')[0]}.{signature}"


BAD: dict[str, tuple[Callable[[str, Callable[..., str]], str], str]] = {
    "expired": (lambda good, issue: issue(new_id(), exp=LONG_AGO), "TOKEN_EXPIRED"),
    "of another audience": (lambda good, issue: issue(new_id(), aud="another"), "TOKEN_CLAIM_WRONG"),
    "of another issuer": (lambda good, issue: issue(new_id(), iss="another"), "TOKEN_CLAIM_WRONG"),
    "without an end": (lambda good, issue: issue(new_id(), exp=None), "TOKEN_"),
    "without a subject": (lambda good, issue: issue(""), "TOKEN_"),
    "with a role of its own": (lambda good, issue: issue(new_id(), role="king"), "TOKEN_MALFORMED"),
    "with a time that is none": (lambda good, issue: issue(new_id(), auth_time="noon"), "TOKEN_MALFORMED"),
    "with a time beyond time": (lambda good, issue: issue(new_id(), auth_time=10**30), "TOKEN_MALFORMED"),
    "alg none": (
        lambda good, issue: f"{part({'alg': 'none', 'kid': 'test'})}.{good.split('.')[1]}.",
        "TOKEN_MALFORMED",
    ),
    "alg none without a key": (
        lambda good, issue: f"{part({'alg': 'none'})}.{good.split('.')[1]}.",
        "TOKEN_KEY_UNKNOWN",
    ),
    "of another algorithm": (
        lambda good, issue: signed_by(OctKey.import_key("x" * 32), "HS256", "test", good),
        "TOKEN_MALFORMED",
    ),
    "of a retired key": (
        lambda good, issue: signed_by(ECKey.generate_key("P-256"), "ES256", "retired", good),
        "TOKEN_KEY_UNKNOWN",
    ),
    "signed by somebody else": (
        lambda good, issue: signed_by(ECKey.generate_key("P-256"), "ES256", "test", good),
        "TOKEN_SIGNATURE_WRONG",
    ),
    "with a changed payload": (
        lambda good, issue: ".".join([good.split(".")[0], part({"sub": "admin"}), good.split(".")[2]]),
        "TOKEN_SIGNATURE_WRONG",
    ),
    "with half a signature": (lambda good, issue: good[:-20], "TOKEN_"),
    "with a header that is a list": (lambda good, issue: f"{part([])}.{good.split('.', 1)[1]}", "TOKEN_"),
    "with a header that is a number": (lambda good, issue: f"{part(7)}.{good.split('.', 1)[1]}", "TOKEN_"),
    "with a key id that is a list": (lambda good, issue: with_header(good, kid=["test"]), "TOKEN_"),
    "with an algorithm that is a number": (lambda good, issue: with_header(good, alg=256), "TOKEN_"),
    "with a critical header": (lambda good, issue: with_header(good, crit=["exp"]), "TOKEN_"),
    "a payload that is no object": (lambda good, issue: ".".join([good.split(".")[0], part("x"), "AAAA"]), "TOKEN_"),
    "without a signature": (lambda good, issue: with_signature(good, ""), "TOKEN_"),
    "two parts": (lambda good, issue: good.rpartition(".")[0], "TOKEN_MALFORMED"),
    "four parts": (lambda good, issue: good + ".AAAA", "TOKEN_MALFORMED"),
    "dots": (lambda good, issue: "...", "TOKEN_MALFORMED"),
    "a word": (lambda good, issue: "fox", "TOKEN_MALFORMED"),
    "not ascii": (lambda good, issue: "ÿ.ÿ.ÿ", "TOKEN_MALFORMED"),
    "very long": (lambda good, issue: "a" * 20_000, "TOKEN_MALFORMED"),
}


@pytest.mark.parametrize("which", BAD, ids=lambda which: which.replace(" ", "-"))
async def test_a_bad_token_is_refused_with_its_reason(
    client: httpx2.AsyncClient, issue_token: Callable[..., str], which: str
) -> None:
    make, reason = BAD[which]
    token = make(issue_token(new_id()), issue_token).encode("latin-1")

    by_header = await client.get("/v1/notices", headers={b"authorization": b"Bearer " + token})
    by_cookie = await client.get("/v1/notices", headers={b"cookie": b"linkarooie-access=" + token})

    for answer in (by_header, by_cookie):
        status, told = reason_of(answer)
        assert (status, told.startswith(reason)) == (401, True), told
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "ratelimit-remaining" in answer.headers


async def test_a_good_token_of_an_ended_session_is_refused(
    client: httpx2.AsyncClient, signing_keys: Any, eventually: Callable[..., Any]
) -> None:
    session_id = new_id()
    headers = {"authorization": f"Bearer {signing_keys.token(new_id(), sid=session_id)}"}
    before = await client.get("/v1/me", headers=headers)
    signing_keys.ended.add(session_id)

    async def refused() -> httpx2.Response | None:
        answer = await client.get("/v1/me", headers=headers)
        return answer if answer.status_code == 401 else None

    assert before.status_code != 401
    assert reason_of(await eventually(refused, within_seconds=5)) == (401, "TOKEN_REVOKED")
