"""Puts X together: the picture endpoints, the reads, the picture addresses."""

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.kit.endpoint import Endpoints
from sandbox.kit.gallery import Slot
from sandbox.kit.limits import Limit
from sandbox.kit.pages import account_page
from sandbox.kit.pictures import BadPictureError, cover, decode, encode
from sandbox.kit.platform import PEOPLE, AccountView, Context, Platform, place_initial_pictures
from sandbox.kit.switches import Panel
from sandbox.x.accounts import (
    AVATAR_SIZES,
    BANNER_SIZES,
    FORMATS,
    Accounts,
    BadCropError,
    Crop,
    Token,
    scale_avatar,
    scale_banner,
)
from sandbox.x.answers import XDialect, XSwitches, error, refuse
from sandbox.x.sign_in import SignIn

# "Under 700 KB" and "keep under 5 MB": read strictly, so that who passes here passes there.
AVATAR_MAX_BYTES = 700_000
BANNER_MAX_BYTES = 5_000_000
# Base64 in a form body is a third longer, and half of that again where every "+" and "/" is escaped.
_MAX_BODY = 3 * BANNER_MAX_BYTES

_QUARTER_HOUR = 15 * 60


def _limit(name: str, count: int) -> tuple[Limit]:
    return (Limit(name, count, _QUARTER_HOUR),)


def build(context: Context) -> Platform:
    return X(context)


class X:
    id = "x"
    name = "X"
    avatar_shape = "50%"
    accent = "#3b4656"

    def __init__(self, context: Context) -> None:
        self.context = context
        self.panel = Panel(XSwitches)
        self._accounts = Accounts(context)
        self._sign_in = SignIn(self, self._accounts)
        endpoints = Endpoints(context, self.panel, XDialect())
        self.app = Starlette(
            routes=[*self._sign_in.routes(endpoints), *self._api_routes(endpoints), *self._public_routes()],
            exception_handlers={404: _not_found},
        )

    def populate(self) -> None:
        place_initial_pictures(self.context, self._accounts.save_initial)

    def account(self, name: str) -> AccountView | None:
        return self._accounts.view(name)

    @property
    def actions(self) -> Mapping[str, Callable[[], None]]:
        # X's tokens have no end of their own: to a client an ended one is a revoked one (code 89).
        return {"expire_tokens": self._accounts.revoke_all, "revoke_tokens": self._accounts.revoke_all}

    def _api_routes(self, endpoints: Endpoints) -> list[BaseRoute]:
        account = "/1.1/account"
        return [
            endpoints.route(
                f"{account}/update_profile_image.json",
                self._update_avatar,
                "write",
                methods=["POST"],
                limits=_limit("update_profile_image", 30),  # not published: as the banner's
                max_body=_MAX_BODY,
            ),
            endpoints.route(
                f"{account}/update_profile_banner.json",
                self._update_banner,
                "write",
                methods=["POST"],
                limits=_limit("update_profile_banner", 30),
                max_body=_MAX_BODY,
            ),
            endpoints.route(
                f"{account}/remove_profile_banner.json",
                self._remove_banner,
                "write",
                methods=["POST"],
                limits=_limit("remove_profile_banner", 30),  # not published: as the banner's
            ),
            endpoints.route(
                f"{account}/verify_credentials.json", self._verify, "read", limits=_limit("verify_credentials", 75)
            ),
            endpoints.route("/1.1/users/show.json", self._show, "read", limits=_limit("show", 900)),
            endpoints.route(
                "/1.1/users/profile_banner.json", self._profile_banner, "read", limits=_limit("profile_banner", 180)
            ),
            endpoints.route("/2/users/me", self._me, "read", limits=_limit("me", 75)),
        ]

    def _public_routes(self) -> list[BaseRoute]:
        return [
            Route("/profile_images/{serial}/{file}", self._serve_avatar),
            Route("/profile_banners/{user_id}/{second}", self._serve_banner),
            Route("/profile_banners/{user_id}/{second}/{size}", self._serve_banner),
            account_page(self),
        ]

    # Writes

    async def _writer(self, request: Request) -> Token:
        token, _ = await self._sign_in.user(request)
        if token.level == "read":
            raise refuse(request, 220)
        return token

    async def _update_avatar(self, request: Request) -> Response:
        token = await self._writer(request)
        data = await _file(request, "image")
        if data is None:
            raise refuse(request, 38, "image parameter is missing.")
        switches = self.panel.switches
        if len(data) >= switches.bytes_taken(AVATAR_MAX_BYTES):
            raise refuse(request, 120, "Account update failed: Image is too large (the limit is 700 KB).")
        try:
            media_type, body = await asyncio.to_thread(scale_avatar, data, switches.formats_taken(FORMATS))
        except BadPictureError as reason:
            raise refuse(request, 120, "Account update failed: Image could not be processed.") from reason
        if not self.panel.strikes("silent_reject"):
            self._place(request, token, "avatar", self._accounts.save_avatar(media_type, body))
        return JSONResponse(self._user(token.account), headers=_level(token))

    async def _update_banner(self, request: Request) -> Response:
        token = await self._writer(request)
        data = await _file(request, "banner")
        if data is None:
            raise refuse(request, 38, "banner parameter is missing.", status=400)
        switches = self.panel.switches
        if len(data) > switches.bytes_taken(BANNER_MAX_BYTES):
            raise refuse(request, 120, "Account update failed: Banner is too large.", status=422)
        try:
            crop = _crop(await request.form())
            body = await asyncio.to_thread(scale_banner, data, crop, switches.formats_taken(FORMATS))
        except BadPictureError as reason:
            raise refuse(request, 120, "Account update failed: Banner could not be processed.") from reason
        except BadCropError as reason:
            raise refuse(request, 120, "Account update failed: Banner could not be resized.", status=422) from reason
        if not self.panel.strikes("silent_reject"):
            self._place(request, token, "banner", self._accounts.save_banner(token.account, body))
        return Response(status_code=201, media_type="text/html", headers=_level(token))

    async def _remove_banner(self, request: Request) -> Response:
        token = await self._writer(request)
        latest = self.context.gallery.latest(token.account, "banner")
        if latest and latest.token and not self.panel.strikes("silent_reject"):
            self._place(request, token, "banner", None)
        return Response(status_code=200, media_type="text/html", headers=_level(token))

    def _place(self, request: Request, token: Token, slot: Slot, picture: str | None) -> None:
        delay = self.panel.switches.slow_seconds
        self.context.gallery.place(token.account, slot, picture, delay_seconds=delay)
        request.state.changed = True

    # Reads

    def _user(self, name: str) -> dict[str, object]:
        avatar, banner = self._accounts.avatar_url(name), self._accounts.banner_url(name)
        user_id = self._accounts.user_id(name)
        user: dict[str, object] = {
            "id": int(user_id),
            "id_str": user_id,
            "name": PEOPLE[name],
            "screen_name": name,
            "protected": False,
            "default_profile_image": False,
            "profile_image_url": avatar,
            "profile_image_url_https": avatar,
        }
        return user if banner is None else {**user, "profile_banner_url": banner}

    async def _verify(self, request: Request) -> Response:
        token, _ = await self._sign_in.user(request)
        return JSONResponse(self._user(token.account), headers=_level(token))

    async def _show(self, request: Request) -> Response:
        token, _ = await self._sign_in.user(request)
        return JSONResponse(self._user(self._named(request)), headers=_level(token))

    async def _profile_banner(self, request: Request) -> Response:
        token, _ = await self._sign_in.user(request)
        banner = self._accounts.banner_url(self._named(request))
        if banner is None:
            raise refuse(request, 34)
        sizes = {size: {"h": h, "w": w, "url": f"{banner}/{size}"} for size, (w, h) in BANNER_SIZES.items()}
        return JSONResponse({"sizes": sizes}, headers=_level(token))

    def _named(self, request: Request) -> str:
        user_id, name = request.query_params.get("user_id"), request.query_params.get("screen_name")
        if user_id is None and name is None:
            raise refuse(request, 38, "user_id or screen_name parameter is missing.")
        found = self._accounts.name_of(user_id) if user_id is not None else name
        if found not in PEOPLE:
            raise refuse(request, 50)
        return str(found)

    async def _me(self, request: Request) -> Response:
        token, _ = await self._sign_in.user(request)
        user = self._user(token.account)
        data = {"id": user["id_str"], "name": user["name"], "username": user["screen_name"]}
        for field in request.query_params.get("user.fields", "").split(","):
            if field == "profile_image_url":
                data[field] = user["profile_image_url_https"]
            elif field == "profile_banner_url" and field in user:
                data[field] = user[field]
        return JSONResponse({"data": data}, headers=_level(token))

    # Pictures

    async def _serve_avatar(self, request: Request) -> Response:
        name, _, extension = request.path_params["file"].rpartition(".")
        base, _, suffix = name.rpartition("_")
        if suffix not in AVATAR_SIZES or not base:
            base, suffix = name, ""
        found = self._accounts.served("avatar", f"{request.path_params['serial']}/{base}.{extension}")
        if found is None:
            return Response(status_code=404)
        content_type, body = found
        if suffix:
            image, form = decode(body, FORMATS)
            side = AVATAR_SIZES[suffix]
            body = encode(cover(image, side, side), form)
        return _picture(content_type, body)

    async def _serve_banner(self, request: Request) -> Response:
        found = self._accounts.served("banner", f"{request.path_params['user_id']}/{request.path_params['second']}")
        width, height = BANNER_SIZES.get(request.path_params.get("size", "1500x500"), (0, 0))
        if found is None or not width:
            return Response(status_code=404)
        content_type, body = found
        if width != 1500:
            image, form = decode(body, FORMATS)
            body = encode(cover(image, width, height), form)
        return _picture(content_type, body)


def _picture(content_type: str, body: bytes) -> Response:
    return Response(body, media_type=content_type, headers={"Cache-Control": "max-age=604800, must-revalidate"})


def _level(token: Token) -> dict[str, str]:
    return {"x-access-level": token.level}


async def _file(request: Request, field: str) -> bytes | None:
    """Returns the raw file of a multipart body, or the decoded base64 text of a form body."""
    try:
        value = (await request.form(max_part_size=_MAX_BODY)).get(field)
    except HTTPException:
        return None
    if isinstance(value, UploadFile):
        return await value.read()
    try:
        return base64.b64decode(value or "", validate=True) or None
    except (binascii.Error, ValueError):
        return b"not base64"


def _crop(form: FormData) -> Crop | None:
    """Returns the crop, for which X wants all four values or none; raises `BadCropError`."""
    values = [form.get(name) for name in ("offset_left", "offset_top", "width", "height")]
    if not any(values):
        return None
    try:
        return Crop(*(int(str(value)) for value in values))
    except ValueError as error:
        raise BadCropError(str(error)) from error


async def _not_found(request: Request, _: Exception) -> Response:
    return error(request, 34)
