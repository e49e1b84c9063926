"""Keeps the RSA keys that sign Google's ID tokens."""

from typing import Any

from joserfc import jwt
from joserfc.jwk import KeyParameters, RSAKey

from sandbox.kit.platform import Context
from sandbox.kit.store import Document

Claims = dict[str, Any]  # Any: JSON


class Keys:
    """The key that signs now, and the one before it: Google publishes both, for tokens that are still out."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def _all(self) -> list[Document]:
        """Returns the private keys, the signing one first; the first is made at its first use."""
        found = self._context.store.get("state", "keys")
        if found is None:
            return self._keep([self._new()])
        keys: list[Document] = found["keys"]
        return keys

    def _keep(self, keys: list[Document]) -> list[Document]:
        self._context.store.put("state", "keys", {"keys": keys})
        return keys

    def _new(self) -> Document:
        parameters: KeyParameters = {"kid": self._context.token(20), "use": "sig", "alg": "RS256"}
        return dict(RSAKey.generate_key(2048, parameters).as_dict(private=True))

    def rotate(self) -> None:
        self._keep([self._new(), *self._all()[:1]])

    def published(self) -> list[Document]:
        return [dict(RSAKey.import_key(key).as_dict(private=False)) for key in self._all()]

    def sign(self, claims: Claims, *, with_a_stranger: bool = False) -> str:
        """Returns the JWT. `with_a_stranger` signs with a key that nobody publishes, under the name of the right one."""
        key = self._all()[0]
        signer = RSAKey.generate_key(2048) if with_a_stranger else RSAKey.import_key(key)
        return jwt.encode({"alg": "RS256", "kid": key["kid"], "typ": "JWT"}, claims, signer)
