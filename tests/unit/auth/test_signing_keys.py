import json
from datetime import UTC, datetime, timedelta

import pytest
from joserfc.jwk import ECKey, OctKey
from joserfc.jws import extract_compact
from system.issuer import FixedIssuer

from servicekit.errors import UnauthenticatedError
from servicekit.identity import TokenVerifier
from servicekit.settings import SettingsError, load_settings
from services.auth.domain.account import User
from services.auth.keys import AccessTokens, SigningKeys, new_signing_keys
from services.auth.settings import AuthSettings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
USER = User("user", "ada@example.org", "ada@example.org", "Ada", None, NOW)


def access_tokens(jwks_json: str) -> AccessTokens:
    return AccessTokens(SigningKeys(jwks_json), "issuer", timedelta(minutes=10))


def verifier(published: str, *, issuer: str = "issuer") -> TokenVerifier:
    return TokenVerifier(FixedIssuer(published), name=issuer)


def joined(*sets: str) -> str:
    return json.dumps({"keys": [key for one in sets for key in json.loads(one)["keys"]]})


async def test_an_issued_token_is_accepted_by_whoever_has_the_public_keys() -> None:
    tokens = access_tokens(new_signing_keys())
    issued = tokens.issue(user=USER, session_id="session", signed_in_at=NOW, now=datetime.now(UTC))
    caller = await verifier(tokens.keys.public_jwks()).verify(issued.text)
    assert (caller.user_id, caller.session_id) == ("user", "session")


async def test_a_token_of_other_keys_or_another_issuer_is_refused() -> None:
    tokens = access_tokens(new_signing_keys())
    issued = tokens.issue(user=USER, session_id="session", signed_in_at=NOW, now=datetime.now(UTC))
    for strict in (
        verifier(SigningKeys(new_signing_keys()).public_jwks()),
        verifier(tokens.keys.public_jwks(), issuer="other"),
    ):
        with pytest.raises(UnauthenticatedError, match="Sign in again"):
            await strict.verify(issued.text)


async def test_a_token_ends_ten_minutes_after_it_was_issued() -> None:
    tokens = access_tokens(new_signing_keys())
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    issued = tokens.issue(user=USER, session_id="session", signed_in_at=NOW, now=long_ago)
    assert issued.expires_at == long_ago.replace(microsecond=0) + timedelta(minutes=10)
    with pytest.raises(UnauthenticatedError):
        await verifier(tokens.keys.public_jwks()).verify(issued.text)


def test_a_token_names_its_key_and_carries_what_services_ask_for() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    signed_by = new_signing_keys()
    issued = access_tokens(signed_by).issue(user=USER, session_id="session", signed_in_at=NOW, now=now)
    message = extract_compact(issued.text.encode())
    assert message.headers() == {"typ": "JWT", "alg": "ES256", "kid": json.loads(signed_by)["keys"][0]["kid"]}
    claims = json.loads(message.payload)
    assert claims.pop("jti")
    assert claims == {
        "iss": "issuer",
        "aud": "linkarooie",
        "sub": "user",
        "sid": "session",
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + 600,
    }


async def test_the_first_key_signs_and_tokens_of_the_others_stay_valid() -> None:
    old, new = new_signing_keys(), new_signing_keys()
    issued_before = access_tokens(old).issue(user=USER, session_id="session", signed_in_at=NOW, now=datetime.now(UTC))
    rotated = access_tokens(joined(new, old))
    issued_after = rotated.issue(user=USER, session_id="session", signed_in_at=NOW, now=datetime.now(UTC))
    published = verifier(rotated.keys.public_jwks())
    for issued in (issued_before, issued_after):
        assert (await published.verify(issued.text)).user_id == "user"
    assert extract_compact(issued_after.text.encode()).headers()["kid"] == json.loads(new)["keys"][0]["kid"]


def test_what_is_published_holds_no_private_part() -> None:
    for key in json.loads(SigningKeys(joined(new_signing_keys(), new_signing_keys())).public_jwks())["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_two_fresh_sets_share_no_key() -> None:
    assert new_signing_keys() != new_signing_keys()


NOT_A_SET = "is not a JSON Web Key Set of private EC keys"
GOOD = new_signing_keys()
GOOD_KEY = json.loads(GOOD)["keys"][0]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", NOT_A_SET),
        ("{", NOT_A_SET),
        ("[]", NOT_A_SET),
        ("{}", NOT_A_SET),
        ('{"keys": [1]}', NOT_A_SET),
        ('{"keys": ["k"]}', NOT_A_SET),
        ('{"keys": [{"kty": "EC"}]}', NOT_A_SET),
        (json.dumps({"keys": [OctKey.generate_key(256).as_dict(private=True)]}), NOT_A_SET),
        (json.dumps({"keys": [{**GOOD_KEY, "d": "!!"}]}), NOT_A_SET),
        (json.dumps({"keys": [{**GOOD_KEY, "x": GOOD_KEY["y"]}]}), NOT_A_SET),
        ('{"keys": []}', "holds no key"),
        (SigningKeys(GOOD).public_jwks(), "holds a key that is not a private one on the curve P-256"),
        (
            json.dumps({"keys": [ECKey.generate_key("P-384", auto_kid=True).as_dict(private=True)]}),
            "holds a key that is not a private one on the curve P-256",
        ),
        (json.dumps({"keys": [GOOD_KEY, GOOD_KEY]}), "holds a key without a `kid` of its own"),
        (
            json.dumps({"keys": [{name: value for name, value in GOOD_KEY.items() if name != "kid"}]}),
            "holds a key without a `kid` of its own",
        ),
    ],
    # The keys are made anew each time, and no part of a test's name.
    ids=lambda value: value if len(value) < 30 else "keys",
)
def test_keys_that_cannot_sign_are_found_at_the_start(
    monkeypatch: pytest.MonkeyPatch, value: str, problem: str
) -> None:
    monkeypatch.setenv("LINKAROOIE_AUTH_SIGNING_KEYS", value)
    monkeypatch.setenv("LINKAROOIE_AUTH_DATABASE_URL", "postgresql+psycopg://nowhere")
    monkeypatch.setenv("LINKAROOIE_NATS_URL", "nats://nowhere")
    with pytest.raises(SettingsError) as caught:
        load_settings(AuthSettings)
    message = str(caught.value)
    assert "LINKAROOIE_AUTH_SIGNING_KEYS" in message
    assert problem in message
    assert str(GOOD_KEY["d"]) not in message


def test_settings_never_show_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKAROOIE_AUTH_SIGNING_KEYS", GOOD)
    monkeypatch.setenv("LINKAROOIE_AUTH_DATABASE_URL", "postgresql+psycopg://nowhere")
    monkeypatch.setenv("LINKAROOIE_NATS_URL", "nats://nowhere")
    settings = load_settings(AuthSettings)
    assert settings.signing_keys.get_secret_value() == GOOD
    assert str(GOOD_KEY["d"]) not in repr(settings)
