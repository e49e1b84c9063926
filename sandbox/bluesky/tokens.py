"""Makes and reads the JWTs of both kinds of session: app password and OAuth."""

import json
from base64 import urlsafe_b64decode
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from sandbox.kit.platform import Context

Claims = dict[str, Any]  # Any: JSON


class Tokens:
    """Signs with a secret of this sandbox. Raising the generation ends all access tokens that are out."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def secret(self) -> str:
        """Returns the secret, made at the first use and kept with the state."""
        found = self._context.store.get("state", "secret")
        if found is None:
            found = {"value": self._context.token(32)}
            self._context.store.put("state", "secret", found)
        value: str = found["value"]
        return value

    def _generation(self) -> int:
        found = self._context.store.get("state", "generation") or {"value": 0}
        value: int = found["value"]
        return value

    def expire_access(self) -> None:
        self._context.store.put("state", "generation", {"value": self._generation() + 1})

    def make(self, kind: str, claims: Claims) -> str:
        """Returns a signed JWT; `kind` is its `typ`."""
        key = OctKey.import_key(self.secret())
        return jwt.encode({"alg": "HS256", "typ": kind}, {**claims, "generation": self._generation()}, key)

    def read(self, kind: str, token: str) -> Claims | None:
        """Returns the claims of a genuine token of this kind, ended or not; None otherwise."""
        try:
            found = jwt.decode(token, OctKey.import_key(self.secret()), ["HS256"])
        except (JoseError, ValueError):
            return None
        return dict(found.claims) if found.header.get("typ") == kind else None

    def has_ended(self, claims: Claims) -> bool:
        return bool(claims["exp"] <= self._context.clock())

    def is_expired_access(self, claims: Claims) -> bool:
        return self.has_ended(claims) or bool(claims["generation"] < self._generation())


def looks_like_jwt(token: str) -> bool:
    parts = token.split(".")
    try:
        return len(parts) == 3 and isinstance(json.loads(urlsafe_b64decode(parts[0] + "==")), dict)
    except ValueError:
        return False
