"""Signing keys, and the access tokens that are signed with them."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from servicekit.identity import ALGORITHM, AUDIENCE
from servicekit.ids import new_id
from services.auth.domain.account import User

CURVE = "P-256"  # what ES256 is defined for


def new_signing_keys() -> str:
    """Makes a fresh key and returns it as the setting `LINKAROOIE_AUTH_SIGNING_KEYS` wants it: a secret."""
    key = ECKey.generate_key(CURVE, parameters={"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    return json.dumps(KeySet([key]).as_dict(private=True))


class SigningKeys:
    """The private keys of this installation: the first signs, all are published."""

    def __init__(self, jwks_json: str) -> None:
        """Raises `ValueError` that says what is wrong, and nothing of what is secret."""
        self._keys = _parse(jwks_json)

    def public_jwks(self) -> str:
        """Returns the public parts as a JSON Web Key Set."""
        return json.dumps(KeySet(list(self._keys)).as_dict(private=False))

    def sign(self, claims: dict[str, str | int]) -> str:
        """Returns a signed token that names its key."""
        key = self._keys[0]
        return jwt.encode({"alg": ALGORITHM, "kid": str(key.kid)}, claims, key, algorithms=[ALGORITHM])


def _parse(jwks_json: str) -> list[ECKey]:
    try:
        entries = json.loads(jwks_json)["keys"]
        keys = [ECKey.import_key(entry) for entry in entries]
        # An import does not look at the numbers: a key that cannot sign shall be found at the start.
        usable = all(key.is_private and key.curve_name == CURVE for key in keys)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(
            "is not a JSON Web Key Set of private EC keys; `linkarooie new-keys` prints one"
        ) from None  # the cause would show the key
    if not keys:
        raise ValueError("holds no key; `linkarooie new-keys` prints one")
    if not usable:
        raise ValueError(f"holds a key that is not a private one on the curve {CURVE}")
    if len({key.kid for key in keys}) < len(keys) or not all(entry.get("kid") for entry in entries):
        raise ValueError("holds a key without a `kid` of its own")
    return keys


@dataclass(frozen=True)
class AccessToken:
    """A signed token, and when it ends."""

    text: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class AccessTokens:
    """Issues the tokens that every service checks for itself."""

    keys: SigningKeys
    issuer: str
    lifetime: timedelta

    def issue(self, *, user: User, session_id: str, signed_in_at: datetime, now: datetime) -> AccessToken:
        """Signs a token for a session."""
        issued_at = int(now.timestamp())
        expires_at = now.replace(microsecond=0) + self.lifetime
        text = self.keys.sign(
            {
                "iss": self.issuer,
                "aud": AUDIENCE,
                "sub": user.id,
                "sid": session_id,
                "role": user.role,
                "auth_time": int(signed_in_at.timestamp()),
                "iat": issued_at,
                "exp": int(expires_at.timestamp()),
                "jti": new_id(),
            }
        )
        return AccessToken(text, expires_at)
