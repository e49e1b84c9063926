"""Who this installation is to authorisation servers: the special client for local work, or a document that they fetch."""

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from servicekit.ids import Clock

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
# For servers that do not know the narrow permissions: everything but account settings.
BROAD_SCOPE = "atproto transition:generic"


@dataclass(frozen=True)
class Client:
    """`id` says where to read about it; `document` is what is to be read there, None for local work."""

    id: str
    document: Mapping[str, object] | None
    key: ECKey | None
    clock: Clock
    secret: Callable[[], str]

    def authentication(self, issuer: str) -> dict[str, str]:
        """Returns the parameters that tell a server who calls: with a key, also the proof."""
        if self.key is None:
            return {"client_id": self.id}
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": issuer,
            "jti": self.secret(),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        assertion = jwt.encode({"alg": "ES256", "kid": self.key.thumbprint()}, claims, self.key)
        return {"client_id": self.id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}

    def metadata(self) -> str | None:
        return None if self.document is None else json.dumps(self.document)


def is_loopback(url: str) -> bool:
    """Tells whether an address is this machine's own, as the network's rule for local clients has it."""
    parts = urlsplit(url)
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def make_client(
    *,
    public_url: str,
    metadata_url: str,
    callback_url: str,
    scopes: str,
    key: ECKey | None,
    clock: Clock,
    secret: Callable[[], str],
) -> Client | None:
    """Makes the client that the public address allows; None where it allows none: neither loopback nor https."""
    declared = " ".join(dict.fromkeys(f"{scopes} {BROAD_SCOPE}".split()))
    if is_loopback(public_url):
        query = f"redirect_uri={quote(callback_url, safe='')}&scope={quote(declared, safe='')}"
        return Client(f"http://localhost?{query}", None, None, clock, secret)
    if not public_url.startswith("https://"):
        return None
    document: dict[str, object] = {
        "client_id": metadata_url,
        "client_name": "Linkarooie",
        "client_uri": public_url,
        "application_type": "web",
        "redirect_uris": [callback_url],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": declared,
        "dpop_bound_access_tokens": True,
        "token_endpoint_auth_method": "none",
    }
    if key is not None:
        public = {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": "ES256"}
        document |= {
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks": {"keys": [public]},
        }
    return Client(metadata_url, document, key, clock, secret)
