"""DPoP (RFC 9449): every call proves that it comes from who holds the session's key, with a nonce that the server hands out."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from servicekit.ids import Clock
from servicekit.outbound import Answer
from services.sync.platforms.base import Api, json_of


def new_key() -> ECKey:
    """Makes the key of one session."""
    return ECKey.generate_key("P-256")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass
class Proofs:
    """Calls with a proof. Nonces are remembered for each server; a lost one costs a repetition."""

    api: Api
    clock: Clock
    secret: Callable[[], str]
    _nonces: dict[str, str] = field(default_factory=dict)

    async def call(
        self,
        method: str,
        url: str,
        key: ECKey,
        *,
        access_token: str | None = None,
        writes: bool = False,
        timeout_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        json_body: object = None,
        content: bytes | None = None,
    ) -> Answer:
        """Returns the answer; asked for a nonce, it tries once more with it, since nothing was done yet. Raises `PlatformError`."""
        for attempt in range(2):
            proof = {"DPoP": self._proof(method, url, key, access_token)}
            access = {"Authorization": f"DPoP {access_token}"} if access_token else {}
            answer = await self.api.call(
                method,
                url,
                writes=writes,
                timeout_seconds=timeout_seconds,
                headers={**(headers or {}), **access, **proof},
                params=params,
                data=data,
                json_body=json_body,
                content=content,
            )
            nonce = answer.headers.get("dpop-nonce")
            if nonce:
                self._nonces[origin(url)] = nonce
            if attempt or not nonce or not _wants_nonce(answer):
                break
        return answer

    def _proof(self, method: str, url: str, key: ECKey, access_token: str | None) -> str:
        claims: dict[str, Any] = {  # JSON
            "jti": self.secret(),
            "htm": method,
            "htu": url.partition("?")[0],
            "iat": int(self.clock().timestamp()),
        }
        nonce = self._nonces.get(origin(url))
        if nonce:
            claims["nonce"] = nonce
        if access_token:
            claims["ath"] = _base64url(hashlib.sha256(access_token.encode()).digest())
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
        return jwt.encode(header, claims, key)


def _wants_nonce(answer: Answer) -> bool:
    """Tells whether a refusal only asks for a nonce: authorisation servers say so in the body, resource servers in a header."""
    if answer.status == 400:
        return json_of(answer).get("error") == "use_dpop_nonce"
    return answer.status == 401 and "use_dpop_nonce" in answer.headers.get("www-authenticate", "")
