"""Puts Bluesky together: identity, app view and picture service beside the repository and the authorisation server."""

import asyncio
from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.bluesky.accounts import Accounts, view_picture
from sandbox.bluesky.answers import ALL_CALLS, BlueskyDialect, BlueskySwitches, refuse, xrpc_error
from sandbox.bluesky.oauth import OAuth
from sandbox.bluesky.proofs import Proofs
from sandbox.bluesky.repo import Repo
from sandbox.bluesky.sessions import Sessions
from sandbox.bluesky.tokens import Tokens
from sandbox.kit.endpoint import Endpoints
from sandbox.kit.gallery import SLOTS
from sandbox.kit.pages import account_page
from sandbox.kit.pictures import BadPictureError, initial_picture
from sandbox.kit.platform import PEOPLE, AccountView, Context, Platform
from sandbox.kit.switches import Panel


def build(context: Context) -> Platform:
    return Bluesky(context)


class Bluesky:
    id = "bluesky"
    name = "Bluesky"
    avatar_shape = "50%"
    accent = "#0560c8"

    def __init__(self, context: Context) -> None:
        self.context = context
        self.panel = Panel(BlueskySwitches)
        self._accounts = Accounts(context)
        self._tokens = Tokens(context)
        proofs = Proofs(context.clock, context.token(32))
        self._oauth = OAuth(self, self._accounts, self._tokens, proofs)
        self._sessions = Sessions(context, self._accounts, self._tokens, proofs, self._oauth)
        endpoints = Endpoints(context, self.panel, BlueskyDialect())
        repo = Repo(context, self.panel, self._accounts, self._sessions)
        routes = [
            *self._oauth.routes(endpoints),
            *self._sessions.routes(endpoints),
            *repo.routes(endpoints),
            *self._own_routes(endpoints),
        ]
        app = Starlette(routes=routes, exception_handlers={404: _not_found, 405: _not_found})
        self.app: ASGIApp = _with_nonce(app, proofs.nonce)

    def populate(self) -> None:
        for name in PEOPLE:
            if self.context.gallery.latest(name, "avatar") is None:
                pictures = {slot: initial_picture(self.id, name, slot) for slot in SLOTS}
                self._accounts.create_profile(name, pictures)

    def account(self, name: str) -> AccountView | None:
        return self._accounts.view(name)

    @property
    def actions(self) -> Mapping[str, Callable[[], None]]:
        return {
            "expire_tokens": self._tokens.expire_access,
            "revoke_tokens": self._revoke_tokens,
            "forget_profiles": self._accounts.forget_profiles,
        }

    def _revoke_tokens(self) -> None:
        self._oauth.revoke_all()
        self._sessions.revoke_all()

    def _own_routes(self, endpoints: Endpoints) -> list[BaseRoute]:
        xrpc = "/xrpc/com.atproto"
        return [
            endpoints.route(f"{xrpc}.identity.resolveHandle", self._resolve, "read", limits=(ALL_CALLS,)),
            endpoints.route(f"{xrpc}.server.describeServer", self._describe, "read", limits=(ALL_CALLS,)),
            endpoints.route("/xrpc/app.bsky.actor.getProfile", self._get_profile, "read", limits=(ALL_CALLS,)),
            Route("/xrpc/_health", self._health),
            Route("/.well-known/atproto-did", self._did_of_host),
            Route("/plc/{did}", self._directory),
            Route("/img/{slot}/plain/{did}/{file}", self._serve),
            account_page(self),
        ]

    # Identity

    async def _resolve(self, request: Request) -> Response:
        handle = request.query_params.get("handle", "")
        name = self._accounts.find(handle)
        if name is None or self._accounts.handle(name) != handle.lower():
            raise refuse(400, "InvalidRequest", "Unable to resolve handle")
        return JSONResponse({"did": self._accounts.did(name)})

    async def _did_of_host(self, request: Request) -> Response:
        """Answers for the handle in the Host header, as the handle's own web server would."""
        host = request.url.hostname or ""
        name = self._accounts.find(host)
        return PlainTextResponse(self._accounts.did(name)) if name else PlainTextResponse("User not found", 404)

    async def _directory(self, request: Request) -> Response:
        did = request.path_params["did"]
        name = self._accounts.find(did)
        if name is None or self._accounts.did(name) != did:
            return JSONResponse({"message": f"DID not registered: {did}"}, 404)
        return JSONResponse(self._accounts.did_document(name), media_type="application/did+ld+json")

    async def _describe(self, _: Request) -> Response:
        did = f"did:web:{self.context.origin.partition('://')[2]}"
        return JSONResponse({"did": did, "availableUserDomains": [".sandbox.test"], "inviteCodeRequired": True})

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"version": "0.5.1"})

    # App view

    async def _get_profile(self, request: Request) -> Response:
        """Answers as the public app view without a token, and as the server that passes the call on with one."""
        if "authorization" in request.headers:
            self._sessions.caller(request).require_rpc("app.bsky.actor.getProfile")
        name = self._accounts.find(request.query_params.get("actor", ""))
        if name is None:
            raise refuse(400, "InvalidRequest", "Profile not found")
        return JSONResponse(self._accounts.profile_view(name))

    async def _serve(self, request: Request) -> Response:
        slot = next((slot for slot in SLOTS if slot == request.path_params["slot"]), None)
        cid = request.path_params["file"].partition("@")[0]
        data = self._accounts.blob_bytes(request.path_params["did"], cid)
        if slot is None or data is None:
            return Response(status_code=404)
        try:
            body = await asyncio.to_thread(view_picture, data, slot)
        except BadPictureError:
            return Response(status_code=404)
        return Response(body, media_type="image/jpeg", headers={"Cache-Control": "public, max-age=31536000"})


def _with_nonce(app: ASGIApp, nonce: Callable[[], str]) -> ASGIApp:
    """Adds the nonce for the next proof to every answer of the authorisation server, and to whoever sends proofs."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_nonce(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["DPoP-Nonce"] = nonce()
                headers.append("Access-Control-Expose-Headers", "DPoP-Nonce, WWW-Authenticate")
            await send(message)

        wants = scope["path"].startswith("/oauth/") or any(name == b"dpop" for name, _ in scope["headers"])
        await app(scope, receive, send_with_nonce if wants else send)

    return wrapped


async def _not_found(request: Request, _: Exception) -> Response:
    if request.url.path.startswith("/xrpc/"):
        return xrpc_error(404, "XRPCNotSupported", "XRPCNotSupported")
    return PlainTextResponse("Not Found", 404)
