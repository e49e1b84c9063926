"""Who calls: tokens are accepted for the right reasons alone."""

import json
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from servicekit.errors import UnauthenticatedError, UnavailableError
from servicekit.identity import AUDIENCE, Caller, Role, TokenVerifier, acting_for, caller_token, current_caller
from servicekit.ids import utc_now

ISSUER = "linkarooie"


class Keys:
    """Signing keys as the auth service would publish them, with a count of how often it was asked."""

    def __init__(self) -> None:
        self.published = [ECKey.generate_key("P-256", {"kid": "one"})]
        self.asked = 0
        self.now = 1000.0
        self.over: list[str] = []
        self.away = False
        self.asked_ended_since: list[datetime | None] = []

    async def jwks(self) -> str:
        self.asked += 1
        if self.away:
            raise UnavailableError("away")
        return json.dumps(KeySet(self.published).as_dict(private=False))

    async def ended(self, since: datetime | None) -> tuple[Collection[str], datetime]:
        if self.away:
            raise UnavailableError("away")
        self.asked_ended_since.append(since)
        return self.over, utc_now()

    def verifier(self) -> TokenVerifier:
        return TokenVerifier(self, name=ISSUER, monotonic=lambda: self.now)

    def sign(self, key: ECKey | None = None, **claims: Any) -> str:
        key = key or self.published[0]
        now = int(time.time())
        payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "sid": "session", "iat": now, "exp": now + 600}
        return jwt.encode({"alg": "ES256", "kid": key.kid}, {**payload, **claims}, key)


async def reason_of(keys: Keys, token: str) -> str:
    with pytest.raises(UnauthenticatedError) as refused:
        await keys.verifier().verify(token)
    return refused.value.reason


async def test_a_good_token_names_its_caller() -> None:
    keys = Keys()
    token = keys.sign()

    caller = await keys.verifier().verify(token)

    assert caller == Caller("somebody", "session", token)
    assert token not in repr(caller)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 60, "_": "TOKEN_EXPIRED"},
        {"iss": "somebody else", "_": "TOKEN_CLAIM_WRONG"},
        {"aud": "another product", "_": "TOKEN_CLAIM_WRONG"},
        {"sub": None, "_": "TOKEN_CLAIM_WRONG"},
        {"exp": None, "_": "TOKEN_CLAIM_WRONG"},
        {"role": "emperor", "_": "TOKEN_MALFORMED"},
        {"auth_time": "yesterday", "_": "TOKEN_MALFORMED"},
    ],
    ids=["expired", "another issuer", "another audience", "nobody", "endless", "unknown role", "no time"],
)
async def test_a_token_with_a_wrong_claim_is_refused_with_its_reason(claims: dict[str, Any]) -> None:
    keys = Keys()
    wrong = {name: value for name, value in claims.items() if name != "_"}

    assert await reason_of(keys, keys.sign(**wrong)) == claims["_"]


async def test_a_token_of_a_stranger_with_our_key_id_is_refused() -> None:
    keys = Keys()
    theirs = ECKey.generate_key("P-256", {"kid": "one"})

    assert await reason_of(keys, keys.sign(theirs)) == "TOKEN_SIGNATURE_WRONG"


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_with_another_algorithm_is_refused(algorithm: str) -> None:
    import base64

    def encode(part: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "exp": now + 600}
    token = f"{encode({'alg': algorithm, 'kid': 'one'})}.{encode(claims)}.c2lnbmF0dXJl"

    assert await reason_of(Keys(), token) == "TOKEN_MALFORMED"


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "....", "é.é.é"])
async def test_what_is_no_token_is_refused(token: str) -> None:
    assert await reason_of(Keys(), token) == "TOKEN_MALFORMED"


async def test_a_token_of_a_retired_key_is_refused() -> None:
    keys = Keys()
    token = keys.sign()
    keys.published = [ECKey.generate_key("P-256", {"kid": "two"})]

    assert await reason_of(keys, token) == "TOKEN_KEY_UNKNOWN"


async def test_a_token_tells_role_scopes_and_the_time_of_the_sign_in() -> None:
    keys = Keys()
    caller = await keys.verifier().verify(keys.sign(role="support", scope="images:read sync:write", auth_time=1000))

    assert caller.role is Role.SUPPORT
    assert caller.scopes == {"images:read", "sync:write"}
    assert caller.signed_in_at == datetime.fromtimestamp(1000, UTC)


async def test_the_token_of_an_ended_session_is_refused_within_seconds() -> None:
    keys = Keys()
    verifier, token = keys.verifier(), keys.sign()
    await verifier.verify(token)
    keys.over = ["session"]
    keys.now += 3

    with pytest.raises(UnauthenticatedError) as refused:
        await verifier.verify(token)

    assert refused.value.reason == "TOKEN_REVOKED"
    assert keys.asked_ended_since[0] is None
    assert keys.asked_ended_since[1] is not None
    keys.over = []
    keys.now += 3
    assert await verifier.is_over(Caller("somebody", "session", token))  # told once is enough


async def test_many_calls_ask_for_ended_sessions_once_in_two_seconds() -> None:
    keys = Keys()
    verifier, token = keys.verifier(), keys.sign()

    for _ in range(5):
        await verifier.verify(token)

    assert len(keys.asked_ended_since) == 1


async def test_while_the_auth_service_is_away_good_tokens_stay_good() -> None:
    keys = Keys()
    verifier, token = keys.verifier(), keys.sign()
    await verifier.verify(token)
    keys.away = True
    for seconds in (3, 3600):
        keys.now += seconds
        assert (await verifier.verify(token)).user_id == "somebody"


async def test_while_the_auth_service_is_away_it_is_not_asked_for_keys_with_every_call() -> None:
    keys = Keys()
    verifier, token = keys.verifier(), keys.sign()
    await verifier.verify(token)
    keys.away = True
    keys.now += 3600

    for _ in range(5):
        await verifier.verify(token)

    assert keys.asked == 2


async def test_before_any_key_is_known_callers_hear_that_the_auth_service_is_away() -> None:
    keys = Keys()
    keys.away = True

    with pytest.raises(UnavailableError):
        await keys.verifier().verify(keys.sign())


async def test_a_retired_key_is_forgotten_after_a_minute_though_nobody_shows_a_token_of_the_next_one() -> None:
    keys = Keys()
    verifier, token = keys.verifier(), keys.sign()
    await verifier.verify(token)
    keys.published = [ECKey.generate_key("P-256", {"kid": "two"})]
    keys.now += 61

    with pytest.raises(UnauthenticatedError) as refused:
        await verifier.verify(token)

    assert refused.value.reason == "TOKEN_KEY_UNKNOWN"


async def test_keys_are_fetched_once_for_many_tokens() -> None:
    keys = Keys()
    verifier = keys.verifier()

    for _ in range(5):
        await verifier.verify(keys.sign())

    assert keys.asked == 1


async def test_a_new_signing_key_is_found_when_a_token_names_it() -> None:
    keys = Keys()
    verifier = keys.verifier()
    await verifier.verify(keys.sign())
    added = ECKey.generate_key("P-256", {"kid": "two"})
    keys.published.append(added)
    keys.now += 11

    caller = await verifier.verify(keys.sign(added))

    assert caller.user_id == "somebody"


async def test_invented_key_ids_do_not_make_us_ask_again_and_again() -> None:
    keys = Keys()
    verifier = keys.verifier()
    for number in range(5):
        invented = ECKey.generate_key("P-256", {"kid": f"invented {number}"})
        with pytest.raises(UnauthenticatedError):
            await verifier.verify(keys.sign(invented))

    assert keys.asked == 1


def test_the_caller_is_known_within_the_call_alone() -> None:
    with acting_for(Caller("somebody", "session", "token")):
        assert current_caller().user_id == "somebody"
        assert caller_token() == "token"

    with pytest.raises(UnauthenticatedError):
        current_caller()
    assert caller_token() is None
