"""Puts Instagram together: consent, tokens, what apps read of an account, and the account's page."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence

from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.graph import GraphDialect, GraphSwitches, access_token, ended, limited, refuse, usage_headers
from sandbox.kit.by_hand import by_hand_routes
from sandbox.kit.code_flow import Asked, CodeFlow, is_registered
from sandbox.kit.endpoint import Endpoints, Refused
from sandbox.kit.gallery import Slot
from sandbox.kit.limits import Limit
from sandbox.kit.pages import error_page
from sandbox.kit.pictures import Format, cover, decode, encode, initial_picture
from sandbox.kit.platform import PEOPLE, AccountView, Context, Platform
from sandbox.kit.store import Document
from sandbox.kit.switches import Panel

INSTAGRAM_APP_ID = "2045678901234567"
INSTAGRAM_APP_SECRET = "5eed0f1ce4d24c07b6a19e83d7f05b1c"  # noqa: S105 - opens nothing but this sandbox
TOKEN_SECONDS = 3600
LONG_TOKEN_SECONDS = 60 * 24 * 3600
# A token that is younger is not extended.
EXTENDABLE_AFTER_SECONDS = 24 * 3600
# 4,800 calls a day for everybody who has seen the account; nobody but us has.
ACCOUNT_LIMIT = Limit("instagram", 4800, 24 * 3600)
FORMATS: tuple[Format, ...] = ("JPEG", "PNG")
# What Instagram keeps of a picture, and apps get.
SHOWN_SIDE = 640
SCOPE = "instagram_business_basic"
_CONNECT_PATH = "/v1/connections/callback/instagram"
# Who has not switched to a professional account: apps cannot read it.
_PERSONAL = "grace"


class InstagramSwitches(GraphSwitches):
    wrapped: bool = Field(default=False, description="Give short tokens within a list, as some answers do")
    extend_any: bool = Field(default=False, description="Extend tokens that are younger than a day, too")
    all_personal: bool = Field(default=False, description="Treat every account as a personal one")


def build(context: Context) -> Platform:
    return Instagram(context)


class Instagram:
    id = "instagram"
    name = "Instagram"
    avatar_shape = "50%"
    accent = "#b3246b"

    def __init__(self, context: Context) -> None:
        self.context = context
        self.panel = Panel(InstagramSwitches)
        denial = {
            "error": "access_denied",
            "error_reason": "user_denied",
            "error_description": "The user denied your request",
        }
        # Instagram hangs this on every way back.
        self._flow = CodeFlow(self, denial, fragment="#_")
        endpoints = Endpoints(context, self.panel, GraphDialect(self.panel, "instagram"))
        self.app = Starlette(
            routes=[
                Route("/oauth/authorize", self._authorize),
                Route("/oauth/authorize", self._flow.decide, methods=["POST"]),
                endpoints.route("/oauth/access_token", self._short_token, "auth", methods=["POST"]),
                endpoints.route("/access_token", self._long_token, "auth"),
                endpoints.route("/refresh_access_token", self._extended_token, "auth"),
                endpoints.route("/{version}/me", self._me, "read"),
                Route("/v/t51.2885-19/{name}", self._serve),
                *by_hand_routes(self, _by_hand, _scale, self._place),
            ]
        )

    def populate(self) -> None:
        for name in PEOPLE:
            if self.context.gallery.latest(name, "avatar") is None:
                body = _scale("avatar", initial_picture(self.id, name, "avatar"))
                self.context.gallery.place(name, "avatar", self._keep(body), initial=True)

    @property
    def actions(self) -> Mapping[str, Callable[[], None]]:
        return {"expire_tokens": lambda: self._end_all(463), "revoke_tokens": lambda: self._end_all(458)}

    # Accounts and their pictures

    def account(self, name: str) -> AccountView | None:
        if name not in PEOPLE:
            return None
        kind = "professional (creator)" if self._is_professional(name) else "personal: apps cannot read it"
        facts = [("Kind of account", kind)]
        return AccountView(name, PEOPLE[name], f"@{name}", self._url(name), facts=facts, banner_shape=None)

    def _is_professional(self, name: str) -> bool:
        return name != _PERSONAL and not self.panel.switches.all_personal

    def _url(self, name: str) -> str | None:
        """Returns an address of the picture that an account shows; it is signed, so each one is another."""
        shown = self.context.gallery.shown(name, "avatar")
        if shown is None or shown.token is None:
            return None
        signature = f"_nc_ohc={self.context.token(8)}&oh={self.context.token(8)}&oe={self.context.token(4)}"
        return f"{self.context.origin}/v/t51.2885-19/{shown.token}_n.jpg?{signature}"

    def _keep(self, body: bytes) -> str:
        """Keeps a picture; returns its id, which its address is made from."""
        picture_id = f"{int(self.context.token(4), 16)}_{int(self.context.token(6), 16)}"
        self.context.store.put_blob(picture_id, "image/jpeg", body)
        return picture_id

    def _place(self, name: str, slot: Slot, body: bytes) -> None:
        if not self.panel.strikes("silent_reject"):
            delay_seconds = self.panel.switches.slow_seconds
            self.context.gallery.place(name, slot, self._keep(body), delay_seconds=delay_seconds)

    async def _serve(self, request: Request) -> Response:
        found = self.context.store.blob(str(request.path_params["name"]).removesuffix("_n.jpg"))
        return Response(status_code=404) if found is None else Response(found[1], media_type="image/jpeg")

    # Consent and tokens

    async def _authorize(self, request: Request) -> Response:
        query = request.query_params
        if query.get("client_id") != INSTAGRAM_APP_ID:
            return error_page(self, "Invalid platform app: the client ID is not that of an app with Instagram login.")
        redirect_uri = query.get("redirect_uri", "")
        if not is_registered(redirect_uri, self.id, paths=(_CONNECT_PATH,)):
            return error_page(self, "Invalid redirect URI: it is not among the app's settings.")
        scopes = tuple(query.get("scope", "").replace(",", " ").split())
        if scopes != (SCOPE,) or query.get("response_type") != "code":
            return error_page(self, f"Invalid scope or response type: the sandbox knows {SCOPE} and code.")
        return self._flow.ask(
            Asked(redirect_uri, query.get("state"), scopes),
            wants=["See your name and picture"],
            action="/oauth/authorize",
        )

    async def _short_token(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=20)
        secret = str(form.get("client_secret", "")).encode()
        if form.get("client_id") != INSTAGRAM_APP_ID or not hmac.compare_digest(secret, INSTAGRAM_APP_SECRET.encode()):
            raise _code_refused("Invalid platform app")
        if form.get("grant_type") != "authorization_code":
            raise _code_refused("Invalid grant_type")
        found = self._flow.redeem(str(form.get("code", "")))
        if found is None:
            raise _code_refused("This authorization code has been used")
        asked, account = found
        if form.get("redirect_uri") != asked.redirect_uri:
            raise _code_refused(
                "Error validating verification code. Please make sure your redirect_uri is identical to the one you used"
                " in the OAuth dialog request"
            )
        key = self._new_token(account, TOKEN_SECONDS)
        given: Document = {"access_token": key, "user_id": int(_app_scoped_id(account)), "permissions": SCOPE}
        return JSONResponse({"data": [given]} if self.panel.switches.wrapped else given)

    async def _long_token(self, request: Request) -> Response:
        query = request.query_params
        secret = query.get("client_secret", "").encode()
        if query.get("grant_type") != "ig_exchange_token" or not hmac.compare_digest(
            secret, INSTAGRAM_APP_SECRET.encode()
        ):
            raise refuse(101, "Error validating application. Cannot get application info due to a system error.")
        return self._issued(self._valid(request))

    async def _extended_token(self, request: Request) -> Response:
        if request.query_params.get("grant_type") != "ig_refresh_token":
            raise refuse(100, "(#100) Invalid parameter")
        token = self._valid(request)
        is_young = self.context.clock() - token["issued"] < EXTENDABLE_AFTER_SECONDS
        if is_young and not self.panel.switches.extend_any:
            raise refuse(100, "(#100) The access token has to be at least 24 hours old to be refreshed")
        return self._issued(token)

    def _issued(self, token: Document) -> Response:
        key = self._new_token(token["account"], LONG_TOKEN_SECONDS)
        return JSONResponse({"access_token": key, "token_type": "bearer", "expires_in": LONG_TOKEN_SECONDS})

    def _new_token(self, account: str, seconds: int) -> str:
        key, now = f"IGAA{self.context.token(40)}", int(self.context.clock())
        self.context.store.put("tokens", key, {"account": account, "issued": now, "until": now + seconds, "ended": 0})
        return key

    def _end_all(self, subcode: int) -> None:
        for key, token in self.context.store.items("tokens"):
            self.context.store.put("tokens", key, {**token, "ended": subcode})

    def _valid(self, request: Request) -> Document:
        """Returns the token of a call, or refuses it in the Graph API's words."""
        token = self.context.store.get("tokens", access_token(request))
        if token is None:
            raise refuse(190, "Invalid OAuth access token - Cannot parse access token")
        if token["ended"]:
            raise ended(token["ended"])
        if token["until"] < self.context.clock():
            raise ended(463)
        return token

    # What apps read

    async def _me(self, request: Request) -> Response:
        name: str = self._valid(request)["account"]
        account_id = _account_id(name)
        allowed, window = self.context.limiter.take(ACCOUNT_LIMIT, account_id)
        if not allowed and self.panel.switches.enforce_limits:
            raise Refused(limited("instagram", account_id, window.reset - self.context.clock()))
        if not self._is_professional(name):
            message = (
                "Unsupported get request. Object with ID 'me' does not exist, cannot be loaded due to missing permissions,"
                " or does not support this operation."
            )
            raise refuse(100, message, subcode=33)
        known: Document = {
            "user_id": account_id,
            "username": name,
            "name": PEOPLE[name],
            "account_type": "MEDIA_CREATOR",
        }
        url = self._url(name)
        if url is not None:
            known["profile_picture_url"] = url
        fields = [field for field in request.query_params.get("fields", "").split(",") if field]
        for field in fields:
            if field not in {*known, "id", "profile_picture_url"}:
                raise refuse(100, f"(#100) Tried accessing nonexisting field ({field})")
        told = {field: known[field] for field in fields if field in known}
        used_percent = 100 - 100 * window.remaining // ACCOUNT_LIMIT.count
        headers = usage_headers("instagram", account_id, used_percent)
        return JSONResponse({**told, "id": _app_scoped_id(name)}, headers=headers)


def _by_hand(name: str) -> Sequence[Slot]:
    return ("avatar",) if name in PEOPLE else ()


def _scale(slot: Slot, data: bytes) -> bytes:  # noqa: ARG001 - there is no other
    """Returns the JPEG that Instagram makes of an upload; raises `BadPictureError`."""
    image, _ = decode(data, FORMATS)
    side = min(image.width, image.height, SHOWN_SIDE)
    return encode(cover(image, side, side), "JPEG")


def _code_refused(message: str) -> Refused:
    """Returns a refusal as the endpoint for codes words it, unlike the Graph API."""
    return Refused(JSONResponse({"error_type": "OAuthException", "code": 400, "error_message": message}, 400))


def _account_id(name: str) -> str:
    """Returns the professional account's id, the same for every app."""
    return str(17_841_400_000_000_000 + int.from_bytes(hashlib.sha256(f"instagram/{name}".encode()).digest()[:4]))


def _app_scoped_id(name: str) -> str:
    """Returns the id that this app, and no other, sees for the account."""
    return str(10**16 + int.from_bytes(hashlib.sha256(f"{INSTAGRAM_APP_ID}/{name}".encode()).digest()[:6]))
