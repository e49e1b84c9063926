"""Checks DPoP proofs (RFC 9449) and hands out the nonces they must carry."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from starlette.requests import Request

# A nonce lives three of these steps, well under the five minutes that the protocol allows.
NONCE_STEP_SECONDS = 60
# How old a proof may be, with allowance for a clock that is off.
PROOF_AGE_SECONDS = 190


class BadProofError(Exception):
    """A proof that does not prove; `name` is the OAuth error."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(description)
        self.name = name
        self.description = description


@dataclass(frozen=True)
class Proof:
    """The key that a caller has proven to hold, by its thumbprint."""

    thumbprint: str


class Once:
    """Remembers ids that may be used only once, for as long as they would be accepted."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[str, float] = {}

    def use(self, identifier: str, seconds: float) -> bool:
        """Returns whether the id is new."""
        now = self._clock()
        self._seen = {key: until for key, until in self._seen.items() if until > now}
        if identifier in self._seen:
            return False
        self._seen[identifier] = now + seconds
        return True


class Proofs:
    def __init__(self, clock: Callable[[], float], secret: str) -> None:
        self._clock = clock
        self._secret = secret.encode()
        self._ids = Once(clock)

    def nonce(self, steps_ago: int = 0) -> str:
        """Returns the nonce of now, or of some steps ago."""
        step = int(self._clock() // NONCE_STEP_SECONDS) - steps_ago
        return _base64url(hmac.digest(self._secret, step.to_bytes(8), hashlib.sha256))

    def check(self, request: Request, access_token: str | None = None) -> Proof:
        """Returns what the request's DPoP header proves; raises `BadProofError`."""
        headers = request.headers.getlist("dpop")
        if len(headers) != 1 or not headers[0]:
            raise BadProofError("invalid_dpop_proof", "DPoP proof required")
        try:
            token = jwt.decode(headers[0], _embedded_key, ["ES256"])
            key = ECKey.import_key(token.header["jwk"])
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise BadProofError("invalid_dpop_proof", "Failed to verify DPoP proof") from error
        claims = token.claims
        issued, identifier, nonce = claims.get("iat"), claims.get("jti"), claims.get("nonce")
        if token.header.get("typ") != "dpop+jwt" or key.is_private:
            raise _invalid('DPoP "typ" or "jwk" invalid')
        if not isinstance(issued, (int, float)) or abs(self._clock() - issued) > PROOF_AGE_SECONDS:
            raise _invalid('"iat" claim timestamp check failed')
        if not isinstance(identifier, str) or not identifier:
            raise _invalid('DPoP "jti" missing')
        if claims.get("htm") != request.method:
            raise _invalid('DPoP "htm" mismatch')
        if _without_query(claims.get("htu")) != _without_query(str(request.url)):
            raise _invalid('DPoP "htu" mismatch')
        if not nonce:
            raise BadProofError("use_dpop_nonce", "Authorization server requires nonce in DPoP proof")
        if nonce not in (self.nonce(0), self.nonce(1), self.nonce(2)):
            raise BadProofError("use_dpop_nonce", 'DPoP "nonce" mismatch')
        expected = access_token and _base64url(hashlib.sha256(access_token.encode()).digest())
        if claims.get("ath") != expected:
            raise _invalid('DPoP "ath" mismatch')
        thumbprint = key.thumbprint()
        if not self._ids.use(f"{thumbprint} {identifier}", 2 * PROOF_AGE_SECONDS):
            raise _invalid("DPoP proof replayed")
        return Proof(thumbprint)


def _embedded_key(proof: Any) -> ECKey:  # Any: joserfc hands over its own type, which it does not export
    return ECKey.import_key(proof.headers()["jwk"])


def _invalid(description: str) -> BadProofError:
    return BadProofError("invalid_dpop_proof", description)


def _without_query(url: object) -> str:
    parts = urlsplit(url if isinstance(url, str) else "")
    return f"{parts.scheme}://{parts.netloc}{parts.path or '/'}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
