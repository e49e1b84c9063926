"""What adapters decide without a platform."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from target_making import NOW

from catalog import load_catalogue
from servicekit.outbound import Answer
from services.sync.domain import outcomes as o
from services.sync.platforms.base import (
    Adapter,
    AdapterContext,
    Observation,
    Unavailable,
    described,
    find_builders,
)
from services.sync.platforms.bluesky.adapter import content_id
from services.sync.platforms.bluesky.client import ASSERTION_TYPE, make_client
from services.sync.platforms.bluesky.problems import problem_of
from services.sync.platforms.x import observation_of

CATALOGUE = load_catalogue()
BLUESKY = CATALOGUE.platforms["bluesky"]


class NoRegistrations:
    async def load(self, platform: str, instance: str) -> Mapping[str, str] | None:
        return None

    async def save(self, platform: str, instance: str, values: Mapping[str, str]) -> None:
        raise AssertionError


def context(platform: str, public_url: str = "http://127.0.0.1:8080") -> AdapterContext:
    return AdapterContext(
        platform=CATALOGUE.platforms[platform],
        public_url=public_url,
        callback_url=f"{public_url}/v1/connections/callback/{platform}",
        trusted_hosts=(),
        read_timeout_seconds=1,
        write_timeout_seconds=1,
        registrations=NoRegistrations(),
        clock=lambda: NOW,
        secret=lambda: "secret",
    )


def test_a_platform_that_is_not_set_up_says_what_its_operator_has_to_do() -> None:
    built = {name: build(context(name, "http://localhost:8080")) for name, build in find_builders().items()}
    missing = {name: each for name, each in built.items() if isinstance(each, Unavailable)}
    assert set(missing) >= {"bluesky", "facebook", "x"}
    for name, unavailable in missing.items():
        steps = " ".join(unavailable.steps)
        assert "LINKAROOIE_" in steps, name
        assert context(name, "http://localhost:8080").callback_url in steps or "LINKAROOIE_PUBLIC_URL" in steps, name
        assert "Restart" in unavailable.steps[-1]


def test_every_adapter_belongs_to_a_platform_of_the_catalogue() -> None:
    assert set(find_builders()) >= {"bluesky", "facebook", "facebook_profile", "instagram", "mastodon", "x"}
    assert set(find_builders()) <= set(CATALOGUE.platforms)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://pbs.twimg.com/profile_images/1/AbCd_normal.jpg", "https://pbs.twimg.com/profile_images/1/AbCd.jpg"),
        ("https://abs.twimg.com/sticky/default_profile_images/default_profile_normal.png", ""),
        ("", ""),
    ],
)
def test_what_x_shows_for_who_has_set_no_picture_is_nobodys(address: str, shown: str) -> None:
    assert observation_of({"profile_image_url": address}, "avatar") == Observation(shown, shown)


@pytest.mark.parametrize(
    ("platform", "setting"),
    [
        ("x", "LINKAROOIE_SYNC_X_CONSUMER_KEY"),
        ("facebook", "LINKAROOIE_SYNC_FACEBOOK_APP_ID"),
        ("facebook_profile", "LINKAROOIE_SYNC_FACEBOOK_APP_ID"),
        ("instagram", "LINKAROOIE_SYNC_INSTAGRAM_APP_ID"),
    ],
)
async def test_without_keys_of_the_operator_an_adapter_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, platform: str, setting: str
) -> None:
    monkeypatch.delenv(setting, raising=False)
    built = find_builders()[platform](context(platform))
    assert isinstance(built, Unavailable)
    said = " ".join((built.reason, *built.steps))
    assert setting in said
    assert f"http://127.0.0.1:8080/v1/connections/callback/{platform} " in f"{said} "


@pytest.mark.parametrize(
    ("public_url", "available"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("https://pictures.example", True),
        ("http://localhost:8080", False),
        ("http://192.168.1.5", False),
    ],
)
async def test_bluesky_needs_an_address_that_it_can_reach_or_its_own_machine(public_url: str, available: bool) -> None:
    built = find_builders()["bluesky"](context("bluesky", public_url))
    assert isinstance(built, Adapter) is available
    if isinstance(built, Adapter):
        await built.api.close()
    else:
        assert "LINKAROOIE_PUBLIC_URL" in " ".join(built.steps)


def client(public_url: str, key: ECKey | None = None) -> Any:
    return make_client(
        public_url=public_url,
        metadata_url=f"{public_url}/metadata",
        callback_url=f"{public_url}/callback",
        scopes="atproto blob:image/*",
        key=key,
        clock=lambda: datetime.now(UTC),
        secret=lambda: "jti",
    )


def test_for_local_work_the_client_describes_itself_in_its_id() -> None:
    local = client("http://127.0.0.1:8080")
    assert local.id == (
        "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcallback"
        "&scope=atproto%20blob%3Aimage%2F%2A%20transition%3Ageneric"
    )
    assert local.metadata() is None
    assert local.authentication("https://as.example") == {"client_id": local.id}


def test_elsewhere_the_client_is_a_document_with_the_public_key_alone() -> None:
    key = ECKey.generate_key("P-256")
    remote = client("https://pictures.example", key)
    document = json.loads(remote.metadata())
    assert document["client_id"] == remote.id == "https://pictures.example/metadata"
    assert document["token_endpoint_auth_method"] == "private_key_jwt"
    [public] = document["jwks"]["keys"]
    assert "d" not in public

    proof = remote.authentication("https://as.example")
    assert proof["client_assertion_type"] == ASSERTION_TYPE
    claims = jwt.decode(proof["client_assertion"], KeySet.import_key_set(document["jwks"]), ["ES256"]).claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == (remote.id, remote.id, "https://as.example")


def test_without_a_key_the_document_is_a_public_client() -> None:
    document = json.loads(client("https://pictures.example").metadata())
    assert document["token_endpoint_auth_method"] == "none"
    assert "jwks" not in document


def test_content_ids_are_those_of_the_network() -> None:
    # The id of the five bytes "hello" as a raw block, as every IPFS tool prints it.
    digest = hashlib.sha256(b"hello").hexdigest()
    assert content_id(digest) == "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"


def answer(status: int, body: object, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "name", "problem"),
    [
        (400, "ExpiredToken", o.AuthExpired),
        (401, "invalid_token", o.AuthExpired),
        (403, "ScopeMissingError", o.MissingScope),
        (401, "AccountTakedown", o.AccountCheckpoint),
        (413, "PayloadTooLarge", o.InvalidImage),
        (400, "BlobNotFound", o.Transient),
        (429, "RateLimitExceeded", o.RateLimited),
        (502, "UpstreamFailure", o.OutcomeUnknown),
    ],
)
def test_errors_of_the_network_are_sorted_by_what_follows(status: int, name: str, problem: type[o.Problem]) -> None:
    found = problem_of(answer(status, {"error": name, "message": ""}), writes=True, platform=BLUESKY, now=NOW)
    assert isinstance(found, problem)


def test_limits_by_address_hold_everybody_and_limits_by_account_one() -> None:
    reset = str(int((NOW + timedelta(minutes=1)).timestamp()))
    limited = {"error": "RateLimitExceeded"}
    for policy, scope in (("3000;w=300", "app"), ("5000;w=3600", "account")):
        headers = {"ratelimit-reset": reset, "ratelimit-policy": policy}
        found = problem_of(answer(429, limited, **headers), writes=True, platform=BLUESKY, now=NOW)
        assert found == o.RateLimited(NOW + timedelta(minutes=1), scope, found.detail)  # type: ignore[arg-type]


def test_an_answer_that_may_hold_secrets_is_not_quoted() -> None:
    assert "hush" not in described(answer(200, {"access_token": "hush"}))
    assert "nope" in described(answer(400, {"error": "nope"}))
