"""Keys that sign: who signs when, what is published, and what an access token says."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jws import extract_compact
from pydantic import SecretStr
from system.issuer import FixedIssuer

from servicekit.errors import UnauthenticatedError, UnavailableError
from servicekit.identity import Role, TokenVerifier
from servicekit.ids import utc_now
from servicekit.vault import Vault, VaultError
from services.auth.domain.account import User
from services.auth.domain.api_key import ApiKey
from services.auth.domain.signing_key import LEEWAY, PUBLISHED_BEFORE_SIGNING, SigningKey, signer_of, succeeded
from services.auth.keys import AccessTokens, SigningKeys, new_signing_key

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIFETIME = timedelta(minutes=10)
USER = User("user", "ada@example.org", "ada@example.org", "Ada", None, NOW)
API_KEY = ApiKey("key", "user", "Backup", "lnk_12345678", b"", ("images:read", "sync:write"), NOW)


def vault(name: str = "one") -> Vault:
    key = base64.b64encode(name.encode().ljust(32)).decode()
    return Vault(SecretStr(f"{name}:{key}"), setting="THE_SETTING")


def keys_of(*keys: SigningKey, now: datetime | None = None) -> SigningKeys:
    known = SigningKeys(vault(), clock=utc_now if now is None else lambda: now)
    known.replace(keys)
    return known


def fresh_key() -> SigningKey:
    return new_signing_key(vault(), signs_from=utc_now() - timedelta(minutes=1))


def tokens_of(keys: SigningKeys) -> AccessTokens:
    return AccessTokens(keys, "issuer", LIFETIME)


def verifier(published: str, *, issuer: str = "issuer") -> TokenVerifier:
    return TokenVerifier(FixedIssuer(published), name=issuer)


def claims_of(token: str) -> dict[str, object]:
    claims: dict[str, object] = json.loads(extract_compact(token.encode()).payload)
    assert claims.pop("jti")
    return claims


async def test_an_issued_token_is_accepted_by_whoever_has_the_public_keys() -> None:
    keys = keys_of(fresh_key())
    user = replace(USER, role=Role.SUPPORT)
    issued = tokens_of(keys).issue(user=user, session_id="session", signed_in_at=NOW, now=utc_now())

    caller = await verifier(keys.public_jwks()).verify(issued.text)

    assert (caller.user_id, caller.session_id, caller.role) == ("user", "session", Role.SUPPORT)
    assert (caller.scopes, caller.signed_in_at) == (None, NOW)


async def test_a_token_of_other_keys_or_another_issuer_is_refused() -> None:
    keys = keys_of(fresh_key())
    issued = tokens_of(keys).issue(user=USER, session_id="session", signed_in_at=NOW, now=utc_now())

    for strict in (verifier(keys_of(fresh_key()).public_jwks()), verifier(keys.public_jwks(), issuer="other")):
        with pytest.raises(UnauthenticatedError, match="Sign in again"):
            await strict.verify(issued.text)


async def test_a_token_ends_when_it_says() -> None:
    keys, long_ago = keys_of(fresh_key()), utc_now() - timedelta(minutes=11)
    issued = tokens_of(keys).issue(user=USER, session_id="session", signed_in_at=NOW, now=long_ago)

    assert issued.expires_at == (long_ago + LIFETIME).replace(microsecond=0)
    with pytest.raises(UnauthenticatedError) as refused:
        await verifier(keys.public_jwks()).verify(issued.text)
    assert refused.value.reason == "TOKEN_EXPIRED"


def test_a_token_names_its_key_and_carries_what_services_ask_for() -> None:
    key = new_signing_key(vault(), signs_from=NOW)
    issued = tokens_of(keys_of(key, now=NOW)).issue(user=USER, session_id="session", signed_in_at=NOW, now=NOW)

    assert extract_compact(issued.text.encode()).headers() == {"typ": "JWT", "alg": "ES256", "kid": key.id}
    assert claims_of(issued.text) == {
        "iss": "issuer",
        "aud": "linkarooie",
        "sub": "user",
        "sid": "session",
        "role": "user",
        "auth_time": int(NOW.timestamp()),
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 600,
    }


async def test_the_token_of_an_api_key_carries_its_scopes_and_neither_a_role_nor_a_sign_in() -> None:
    keys = keys_of(fresh_key())
    issued = tokens_of(keys).issue_for_key(API_KEY, now=utc_now())

    assert not {"role", "auth_time"} & set(claims_of(issued.text))
    caller = await verifier(keys.public_jwks()).verify(issued.text)
    assert (caller.session_id, caller.role, caller.scopes) == ("key", Role.USER, {"images:read", "sync:write"})


def test_a_token_lives_no_longer_than_the_key_that_it_was_exchanged_for() -> None:
    tokens = tokens_of(keys_of(new_signing_key(vault(), signs_from=NOW), now=NOW))

    for left, expected in ((timedelta(minutes=3), timedelta(minutes=3)), (timedelta(days=3), LIFETIME)):
        issued = tokens.issue_for_key(replace(API_KEY, expires_at=NOW + left), now=NOW)
        assert issued.expires_at == NOW + expected


def test_what_is_published_holds_no_private_part() -> None:
    published = json.loads(keys_of(fresh_key(), fresh_key()).public_jwks())["keys"]

    assert len(published) == 2
    for key in published:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_a_key_that_is_stored_shows_its_private_part_to_nobody_without_the_vault_key() -> None:
    key = new_signing_key(vault("one"), signs_from=NOW)

    assert "d" not in key.public_jwk
    assert repr(key.sealed) not in repr(key)
    with pytest.raises(VaultError, match="THE_SETTING"):
        SigningKeys(vault("two"), clock=utc_now).replace([key])


def test_the_sealed_part_of_one_key_is_of_no_use_to_another() -> None:
    one, two = fresh_key(), fresh_key()

    with pytest.raises(VaultError):
        SigningKeys(vault(), clock=utc_now).replace([replace(one, sealed=two.sealed)])


def test_keys_that_cannot_be_opened_leave_those_that_were_known() -> None:
    good = fresh_key()
    keys = keys_of(good)
    with pytest.raises(VaultError):
        keys.replace([new_signing_key(vault("two"), signs_from=NOW)])

    assert extract_compact(keys.sign({}).encode()).headers()["kid"] == good.id


def test_before_any_key_is_known_callers_are_told_to_come_back() -> None:
    keys = SigningKeys(vault(), clock=utc_now)

    for use in (keys.public_jwks, lambda: keys.sign({})):
        with pytest.raises(UnavailableError):
            use()


def test_a_retired_key_is_published_no_more_though_nobody_read_the_table_meanwhile() -> None:
    time = NOW
    keys = SigningKeys(vault(), clock=lambda: time)
    ending = replace(new_signing_key(vault(), signs_from=NOW), retires_at=NOW + timedelta(minutes=1))
    following = new_signing_key(vault(), signs_from=NOW)
    keys.replace([ending, following])
    assert len(json.loads(keys.public_jwks())["keys"]) == 2

    time = NOW + timedelta(minutes=1)

    assert [key["kid"] for key in json.loads(keys.public_jwks())["keys"]] == [following.id]


def stored(number: int, signs_from: datetime, retires_at: datetime | None = None) -> SigningKey:
    return SigningKey(f"key {number}", {}, b"", signs_from, retires_at)


def test_the_first_key_signs_also_by_a_clock_that_is_behind_the_one_that_made_it() -> None:
    ahead = stored(1, NOW + timedelta(seconds=5))

    assert signer_of([ahead], NOW) == ahead
    assert signer_of([], NOW) is None


@given(gaps=st.lists(st.integers(0, 3600), min_size=1, max_size=8), later=st.integers(0, 7200))
def test_however_keys_are_rotated_no_token_outlives_its_key_and_none_is_signed_by_a_key_just_made(
    gaps: list[int], later: int
) -> None:
    """Walks through rotations with any time between them, and looks at each moment that matters."""
    keys, time, made_at = [stored(0, NOW)], NOW, {"key 0": NOW - PUBLISHED_BEFORE_SIGNING}
    moments = []
    for number, gap in enumerate(gaps, start=1):
        time += timedelta(seconds=gap)
        following = stored(number, time + PUBLISHED_BEFORE_SIGNING)
        made_at[following.id] = time
        keys = [succeeded(key, following, token_lifetime=LIFETIME, at_once=False) for key in keys] + [following]
        moments += [(time, tuple(keys)), (following.signs_from, tuple(keys))]
    moments.append((time + timedelta(seconds=later), tuple(keys)))
    for moment, known in moments:
        signer = signer_of(known, moment)
        assert signer is not None
        assert moment - made_at[signer.id] >= PUBLISHED_BEFORE_SIGNING
        (at_the_end,) = (key for key in keys if key.id == signer.id)
        assert at_the_end.is_published(moment + LIFETIME + LEEWAY - timedelta(microseconds=1))


def test_at_once_nothing_but_the_new_key_is_left_even_where_an_end_was_set() -> None:
    old = [stored(1, NOW - timedelta(days=1)), stored(2, NOW, retires_at=NOW + timedelta(hours=1))]
    following = stored(3, NOW)

    ended = [succeeded(key, following, token_lifetime=LIFETIME, at_once=True) for key in old]

    assert [key.id for key in (*ended, following) if key.is_published(NOW)] == ["key 3"]
    assert signer_of([*ended, following], NOW) == following
