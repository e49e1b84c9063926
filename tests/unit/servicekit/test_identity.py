"""Who calls: tokens are accepted for the right reasons alone."""

import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from servicekit.errors import UnauthenticatedError
from servicekit.identity import AUDIENCE, Caller, TokenVerifier, acting_for, caller_token, current_caller

ISSUER = "linkarooie"


class Keys:
    """Signing keys as the auth service would publish them, with a count of how often it was asked."""

    def __init__(self) -> None:
        self.published = [ECKey.generate_key("P-256", {"kid": "one"})]
        self.asked = 0
        self.now = 1000.0

    async def fetch(self) -> str:
        self.asked += 1
        return json.dumps(KeySet(self.published).as_dict(private=False))

    def verifier(self) -> TokenVerifier:
        return TokenVerifier(self.fetch, issuer=ISSUER, monotonic=lambda: self.now)

    def sign(self, key: ECKey | None = None, **claims: Any) -> str:
        key = key or self.published[0]
        now = int(time.time())
        payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "sid": "session", "iat": now, "exp": now + 600}
        return jwt.encode({"alg": "ES256", "kid": key.kid}, {**payload, **claims}, key)


async def test_a_good_token_names_its_caller() -> None:
    keys = Keys()
    token = keys.sign()

    caller = await keys.verifier().verify(token)

    assert caller == Caller("somebody", "session", token)
    assert token not in repr(caller)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 60},
        {"iss": "somebody else"},
        {"aud": "another product"},
        {"sub": None},
        {"exp": None},
    ],
    ids=["expired", "another issuer", "another audience", "nobody", "endless"],
)
async def test_a_token_with_a_wrong_claim_is_refused(claims: dict[str, Any]) -> None:
    keys = Keys()

    with pytest.raises(UnauthenticatedError):
        await keys.verifier().verify(keys.sign(**claims))


async def test_a_token_of_a_stranger_with_our_key_id_is_refused() -> None:
    keys = Keys()
    theirs = ECKey.generate_key("P-256", {"kid": "one"})

    with pytest.raises(UnauthenticatedError):
        await keys.verifier().verify(keys.sign(theirs))


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_with_another_algorithm_is_refused(algorithm: str) -> None:
    import base64

    def encode(part: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "exp": now + 600}
    token = f"{encode({'alg': algorithm, 'kid': 'one'})}.{encode(claims)}.c2lnbmF0dXJl"

    with pytest.raises(UnauthenticatedError):
        await Keys().verifier().verify(token)


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "....", "é.é.é"])
async def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(UnauthenticatedError):
        await Keys().verifier().verify(token)


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
