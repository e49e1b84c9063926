"""Signing keys in memory, and the access tokens that are signed with them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from joserfc import jwt
from joserfc.jwk import ECKey

from servicekit.errors import UnavailableError
from servicekit.identity import ALGORITHM, AUDIENCE
from servicekit.ids import Clock, new_id
from servicekit.vault import Vault
from services.auth.domain.account import User
from services.auth.domain.api_key import ApiKey
from services.auth.domain.signing_key import SigningKey, signer_of

CURVE = "P-256"  # what ES256 is defined for


def new_signing_key(vault: Vault, *, signs_from: datetime) -> SigningKey:
    """Makes a fresh key; its private part leaves this function sealed."""
    key = ECKey.generate_key(CURVE, parameters={"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    key_id, private = str(key.kid), key.as_dict(private=True)
    sealed = vault.seal({"d": str(private["d"])}, **_binding(key_id))
    return SigningKey(key_id, dict(key.as_dict(private=False)), sealed, signs_from)


def _binding(key_id: str) -> dict[str, str]:
    return {"user": "", "thing": key_id, "field": "signing_key"}


class SigningKeys:
    """The keys of this installation as this process knows them. `services.auth.use_cases.signing_keys` keeps them up to date."""

    def __init__(self, vault: Vault, *, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock
        self._keys: tuple[SigningKey, ...] = ()
        self._private: dict[str, ECKey] = {}

    @property
    def are_known(self) -> bool:
        """Whether any was read yet."""
        return bool(self._keys)

    def replace(self, keys: Iterable[SigningKey]) -> None:
        """Takes these from now on. Raises `VaultError`, and keeps those of before, when one cannot be opened."""
        keys = tuple(keys)
        self._private = {key.id: self._private.get(key.id) or self._opened(key) for key in keys}
        self._keys = keys

    def _opened(self, key: SigningKey) -> ECKey:
        return ECKey.import_key({**key.public_jwk, **self._vault.open(key.sealed, **_binding(key.id))})

    def public_jwks(self) -> str:
        """Returns the public parts as a JSON Web Key Set. Raises `UnavailableError` before any was read."""
        if not self._keys:
            raise _not_known()
        now = self._clock()
        return json.dumps({"keys": [key.public_jwk for key in self._keys if key.is_published(now)]})

    def sign(self, claims: Mapping[str, str | int]) -> str:
        """Returns a signed token that names its key. Raises `UnavailableError` before any was read."""
        key = signer_of(self._keys, self._clock())
        if key is None:
            raise _not_known()
        return jwt.encode(
            {"alg": ALGORITHM, "kid": key.id}, dict(claims), self._private[key.id], algorithms=[ALGORITHM]
        )


def _not_known() -> UnavailableError:
    return UnavailableError(
        "Signing in is not possible for a moment. Try again in a few seconds.", retry_after_seconds=5
    )


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
        signed_in = {"role": user.role.value, "auth_time": int(signed_in_at.timestamp())}
        return self._issue(user.id, session_id, signed_in, now=now, ends_at=now + self.lifetime)

    def issue_for_key(self, key: ApiKey, *, now: datetime) -> AccessToken:
        """Signs a token for a program: it may do what the key may, and not for longer. Its owner's role is not among that."""
        ends_at = min(now + self.lifetime, key.expires_at or now + self.lifetime)
        return self._issue(key.user_id, key.id, {"scope": " ".join(key.scopes)}, now=now, ends_at=ends_at)

    def _issue(
        self, user_id: str, session_id: str, claims: Mapping[str, str | int], *, now: datetime, ends_at: datetime
    ) -> AccessToken:
        ends_at = ends_at.replace(microsecond=0)  # as the claim has it
        text = self.keys.sign(
            {
                "iss": self.issuer,
                "aud": AUDIENCE,
                "sub": user_id,
                "sid": session_id,
                **claims,
                "iat": int(now.timestamp()),
                "exp": int(ends_at.timestamp()),
                "jti": new_id(),
            }
        )
        return AccessToken(text, ends_at)
