"""Finds accounts and their servers: handle to DID, DID to document, document to server, server to authorisation server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from services.sync.domain.outcomes import PlatformError, Transient, cut
from services.sync.platforms.base import Api, described, json_of
from services.sync.platforms.bluesky.settings import BlueskySettings


@dataclass(frozen=True)
class Identity:
    """An account by its permanent id, with its server and the handle that it claims."""

    did: str
    handle: str
    server: str


@dataclass(frozen=True)
class AuthServer:
    """An authorisation server, by what it says of itself."""

    issuer: str
    authorize_url: str
    token_url: str
    push_url: str
    revoke_url: str


class UnknownHandleError(Exception):
    """Nobody has the handle."""


@dataclass(frozen=True)
class Directory:
    """Asks the network's directories."""

    api: Api
    settings: BlueskySettings

    async def resolve(self, handle: str) -> Identity:
        """Returns whose handle it is, checked in both directions. Raises `UnknownHandleError` and `PlatformError`."""
        answer = await self.api.call(
            "GET",
            f"{self.settings.app_view_url}/xrpc/com.atproto.identity.resolveHandle",
            params={"handle": handle.lower()},
        )
        did = json_of(answer).get("did")
        if not answer.is_success or not isinstance(did, str):
            raise UnknownHandleError(handle)
        identity = await self.identify(did)
        if identity.handle != handle.lower():
            raise UnknownHandleError(handle)
        return identity

    async def identify(self, did: str) -> Identity:
        """Reads an account's document. Raises `PlatformError`."""
        document = await self._document(did)
        names = [name for name in document.get("alsoKnownAs", ()) if isinstance(name, str)]
        handle = next((name.removeprefix("at://") for name in names if name.startswith("at://")), "")
        for service in document.get("service", ()):
            endpoint = service.get("serviceEndpoint")
            if str(service.get("id", "")).endswith("#atproto_pds") and isinstance(endpoint, str):
                return Identity(did, handle.lower() or "handle.invalid", endpoint.rstrip("/"))
        raise PlatformError(Transient(cut(f"{did} names no server")))

    async def _document(self, did: str) -> Mapping[str, Any]:  # JSON
        method, _, name = did.removeprefix("did:").partition(":")
        if method == "plc":
            url = f"{self.settings.plc_url}/{quote(did, safe=':')}"
        elif method == "web" and name and "/" not in name:
            url = f"https://{name}/.well-known/did.json"
        else:
            raise PlatformError(Transient(cut(f"{did} is of a kind that is not used")))
        answer = await self.api.call("GET", url)
        document = json_of(answer)
        if not answer.is_success or document.get("id") != did:
            raise PlatformError(Transient(cut(f"no document of {did}: HTTP {answer.status}")))
        return document

    async def issuer_of(self, server: str) -> str:
        """Returns the authorisation server that a server trusts; an entryway is its own."""
        answer = await self.api.call("GET", f"{server}/.well-known/oauth-protected-resource")
        servers = json_of(answer).get("authorization_servers")
        if answer.is_success and isinstance(servers, list) and servers:
            return str(servers[0]).rstrip("/")
        return server

    async def auth_server(self, issuer: str) -> AuthServer:
        """Returns the endpoints of an authorisation server. Raises `PlatformError`."""
        answer = await self.api.call("GET", f"{issuer}/.well-known/oauth-authorization-server")
        said = json_of(answer)
        try:
            if said["issuer"] != issuer:
                raise PlatformError(Transient(cut(f"{issuer} calls itself {said['issuer']}")))
            return AuthServer(
                issuer,
                str(said["authorization_endpoint"]),
                str(said["token_endpoint"]),
                str(said["pushed_authorization_request_endpoint"]),
                str(said.get("revocation_endpoint", "")),
            )
        except KeyError as error:
            raise PlatformError(Transient(cut(f"{issuer} is no authorisation server: {described(answer)}"))) from error
