"""Finds out who an OAuth client is: a document at the client id's address, or the special ids for local work."""

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sandbox.bluesky.answers import refuse_oauth
from sandbox.bluesky.proofs import Once

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MAX_DOCUMENT_BYTES = 64 * 1024
_FETCH_SECONDS = 5
# A changed document is seen after at most so long.
_CACHE_SECONDS = 60
# How far an assertion may reach into the future or the past.
_ASSERTION_SECONDS = 300


@dataclass(frozen=True)
class Client:
    """An app that wants access. `keys` is None for a public client."""

    id: str
    name: str
    redirect_uris: tuple[str, ...]
    scopes: frozenset[str]
    keys: KeySet | None
    is_loopback: bool

    def may_redirect_to(self, uri: str) -> bool:
        """Tells whether the client registered this address; a loopback client's port does not count."""
        if not self.is_loopback:
            return uri in self.redirect_uris
        return _portless(uri) in map(_portless, self.redirect_uris)


class Clients:
    def __init__(self, issuer: str, clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._clock = clock
        self._assertions = Once(clock)
        self._cache: dict[str, tuple[float, Any]] = {}  # Any: JSON

    async def find(self, client_id: str) -> Client:
        """Returns the client; raises the authorisation server's refusal."""
        parts = urlsplit(client_id)
        if parts.scheme == "http" and parts.hostname == "localhost":
            return _loopback_client(client_id)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path in ("", "/") or parts.fragment:
            raise refuse_oauth("invalid_request", "Invalid client_id")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            # The real server takes https only; the sandbox also takes the local machine.
            raise refuse_oauth("invalid_client_metadata", "The client_id must be an https URL")
        metadata = await self._fetch(client_id)
        try:
            return await self._document_client(client_id, metadata)
        except (KeyError, TypeError, ValueError, JoseError) as error:
            raise refuse_oauth("invalid_client_metadata", f"Invalid client metadata: {error}") from error

    async def _document_client(self, client_id: str, metadata: Any) -> Client:  # Any: JSON
        _require(metadata["client_id"] == client_id, '"client_id" is not the address of the document')
        _require("authorization_code" in metadata["grant_types"], '"grant_types" lacks authorization_code')
        _require("code" in metadata["response_types"], '"response_types" lacks code')
        _require(metadata.get("dpop_bound_access_tokens") is True, '"dpop_bound_access_tokens" must be true')
        scopes = frozenset(str(metadata["scope"]).split())
        _require("atproto" in scopes, '"scope" lacks atproto')
        redirect_uris = tuple(str(uri) for uri in metadata["redirect_uris"])
        _require(
            all(_is_safe_redirect(uri) for uri in redirect_uris) and redirect_uris, '"redirect_uris" must be https'
        )
        keys = None
        method = metadata.get("token_endpoint_auth_method", "none")
        if method != "none":
            _require(method == "private_key_jwt", '"token_endpoint_auth_method" must be private_key_jwt or none')
            algorithm = metadata["token_endpoint_auth_signing_alg"]
            _require(algorithm == "ES256", '"token_endpoint_auth_signing_alg" must be ES256')
            jwks = metadata["jwks"] if "jwks" in metadata else await self._fetch(str(metadata["jwks_uri"]))
            keys = KeySet.import_key_set(jwks)
        name = str(metadata.get("client_name") or client_id)
        return Client(client_id, name, redirect_uris, scopes, keys, is_loopback=False)

    async def _fetch(self, url: str) -> Any:  # Any: JSON
        now = self._clock()
        fetched_at, document = self._cache.get(url, (float("-inf"), None))
        if 0 <= now - fetched_at < _CACHE_SECONDS:
            return document
        try:
            body = b""
            async with (
                httpx2.AsyncClient(timeout=_FETCH_SECONDS, trust_env=False) as http,
                http.stream("GET", url, headers={"Accept": "application/json"}) as answer,
            ):
                _require(answer.status_code == 200, f"it answered {answer.status_code}")
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    _require(len(body) <= _MAX_DOCUMENT_BYTES, "it is too large")
            document = json.loads(body)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise refuse_oauth("invalid_client_metadata", f"Failed to fetch {url}: {reason}") from error
        self._cache[url] = now, document
        return document

    async def authenticate(self, form: Mapping[str, str]) -> Client:
        """Returns the client that a form comes from; raises the authorisation server's refusal."""
        client = await self.find(form.get("client_id", ""))
        assertion = form.get("client_assertion", "")
        if client.keys is None:
            if assertion:
                raise refuse_oauth("invalid_client", "A public client must not send a client assertion")
            return client
        if form.get("client_assertion_type") != ASSERTION_TYPE or not assertion:
            raise refuse_oauth("invalid_client", "A client_assertion is required (private_key_jwt)")
        try:
            claims = jwt.decode(assertion, client.keys, ["ES256"]).claims
        except (JoseError, ValueError, TypeError) as error:
            raise refuse_oauth("invalid_client", f"Unable to verify the client assertion: {error}") from error
        self._check_assertion(client, claims)
        return client

    def _check_assertion(self, client: Client, claims: Mapping[str, Any]) -> None:  # Any: JSON
        now = self._clock()
        audience, issued, expires = claims.get("aud"), claims.get("iat"), claims.get("exp", now + 1)
        if claims.get("iss") != client.id or claims.get("sub") != client.id:
            raise refuse_oauth("invalid_client", 'The assertion\'s "iss" and "sub" must be the client_id')
        if self._issuer not in (audience if isinstance(audience, list) else [audience]):
            raise refuse_oauth("invalid_client", f'The assertion\'s "aud" must be {self._issuer}')
        if not isinstance(issued, (int, float)) or abs(now - issued) > _ASSERTION_SECONDS or expires <= now:
            raise refuse_oauth("invalid_client", "The assertion is too old or not yet valid")
        identifier = claims.get("jti")
        if not isinstance(identifier, str) or not self._assertions.use(f"{client.id} {identifier}", _ASSERTION_SECONDS):
            raise refuse_oauth("invalid_client", 'The assertion\'s "jti" is missing or was used before')


def _loopback_client(client_id: str) -> Client:
    """Reads the special client id `http://localhost?redirect_uri=…&scope=…`: public, nothing to fetch."""
    parts = urlsplit(client_id)
    if parts.port or parts.path not in ("", "/") or parts.fragment:
        raise refuse_oauth("invalid_request", "A loopback client_id must be http://localhost without port and path")
    values = parse_qs(parts.query)
    redirect_uris = tuple(values.get("redirect_uri", ["http://127.0.0.1/", "http://[::1]/"]))
    scopes = frozenset(values.get("scope", ["atproto"])[0].split())
    if "atproto" not in scopes or not all(_is_loopback(urlsplit(uri).hostname) for uri in redirect_uris):
        raise refuse_oauth("invalid_client_metadata", "Invalid loopback client: scope atproto, 127.0.0.1 or [::1] only")
    return Client(client_id, "an app on this machine", redirect_uris, scopes, None, is_loopback=True)


def _is_loopback(hostname: str | None) -> bool:
    try:
        return ipaddress.ip_address(hostname or "").is_loopback
    except ValueError:
        return False


def _is_safe_redirect(uri: str) -> bool:
    parts = urlsplit(uri)
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


def _portless(uri: str) -> tuple[str, str | None, str, str]:
    parts = urlsplit(uri)
    return parts.scheme, parts.hostname, parts.path or "/", parts.query


def _require(condition: object, what: str) -> None:
    if not condition:
        raise ValueError(what)
