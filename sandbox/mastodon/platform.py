"""Puts a Mastodon server together: profile reads and writes, the instance description, picture addresses."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from PIL import Image
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sandbox.kit.endpoint import Endpoints, Refused
from sandbox.kit.gallery import Slot
from sandbox.kit.pages import account_page
from sandbox.kit.pictures import BadPictureError, encode
from sandbox.kit.platform import PEOPLE, AccountView, Context, Platform, place_initial_pictures
from sandbox.kit.switches import Panel
from sandbox.mastodon.accounts import FIELDS, Accounts, scale
from sandbox.mastodon.answers import (
    LIMITS,
    MastodonDialect,
    MastodonSwitches,
    error,
    flavour_of,
    insufficient,
    invalid_token,
    outside_scopes,
    refuse,
)
from sandbox.mastodon.flavours import DESCRIPTION_MAX_CHARACTERS, FLAVOURS, MEGABYTE, Flavour
from sandbox.mastodon.sign_in import SignIn, body_values

_DESCRIPTIONS = ("avatar_description", "header_description")
# Where the kinds of servers keep pictures, and what they show instead of one.
PICTURE_FOLDERS = ("system/accounts", "storage", "fileserver", "media")
MISSING_PICTURES = sorted({path for flavour in FLAVOURS.values() for path in flavour.missing.values()})
# Two pictures at their limit, and the form around them.
_MAX_BODY = 17 * MEGABYTE


def build(context: Context) -> Platform:
    return Mastodon(context)


class Mastodon:
    id = "mastodon"
    name = "Mastodon"
    avatar_shape = "20%"
    accent = "#5b4be0"

    def __init__(self, context: Context) -> None:
        self.context = context
        self.panel = Panel(MastodonSwitches)
        self._accounts = Accounts(context, self._flavour)
        sign_in = SignIn(self, self._accounts, self._flavour)
        endpoints = Endpoints(context, self.panel, MastodonDialect(self.panel))
        self.app = Starlette(
            routes=[*sign_in.routes(endpoints), *self._api_routes(endpoints), *self._public_routes()],
            exception_handlers={404: _not_found},
        )

    def _flavour(self) -> Flavour:
        return flavour_of(self.panel)

    def populate(self) -> None:
        place_initial_pictures(self.context, self._accounts.save_initial)

    def account(self, name: str) -> AccountView | None:
        return self._accounts.view(name)

    @property
    def actions(self) -> Mapping[str, Callable[[], None]]:
        return {
            # Mastodon's own tokens never end; those of compatible servers do, and are renewed.
            "expire_tokens": lambda: self._accounts.end_all("expired"),
            "revoke_tokens": lambda: self._accounts.end_all("revoked"),
        }

    def _api_routes(self, endpoints: Endpoints) -> list[BaseRoute]:
        accounts = "/api/v1/accounts"
        return [
            endpoints.route(f"{accounts}/verify_credentials", self._verify, "read", limits=LIMITS),
            endpoints.route("/oauth/userinfo", self._userinfo, "read", limits=LIMITS, methods=["GET", "POST"]),
            endpoints.route("/api/v1/profile", self._profile, "read", limits=LIMITS),
            endpoints.route(
                f"{accounts}/update_credentials",
                self._update_credentials,
                "write",
                methods=["PATCH", "POST"],
                limits=LIMITS,
                max_body=_MAX_BODY,
            ),
            endpoints.route(
                "/api/v1/profile", self._update_profile, "write", methods=["PATCH"], limits=LIMITS, max_body=_MAX_BODY
            ),
            endpoints.route(
                "/api/v1/profile/{field:str}", self._delete_picture, "write", methods=["DELETE"], limits=LIMITS
            ),
            endpoints.route(
                "/api/v1.1/accounts/{field:str}", self._delete_picture, "write", methods=["DELETE"], limits=LIMITS
            ),
            endpoints.route("/api/v2/instance", self._instance, "read", limits=LIMITS),
            endpoints.route("/api/v1/instance", self._instance_v1, "read", limits=LIMITS),
        ]

    def _public_routes(self) -> list[BaseRoute]:
        return [
            *(Route(f"/{path}", _serve_missing) for path in MISSING_PICTURES),
            *(Route(f"/{folder}/{{path:path}}", self._serve) for folder in PICTURE_FOLDERS),
            Route("/.well-known/nodeinfo", self._nodeinfo_links),
            Route("/nodeinfo/2.0", self._nodeinfo),
            account_page(self),
        ]

    def _user(self, request: Request, *scopes: str) -> str:
        """Returns the account behind the bearer token; raises the server's refusal."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        token = self._accounts.token(key) if scheme.lower() == "bearer" else None
        if self._flavour().own_limits and (token is None or token.ended or not token.allows(*scopes)):
            raise Refused(insufficient(scopes[0]))
        if token is None:
            raise Refused(invalid_token("The access token is invalid"))
        if token.ended:
            raise Refused(
                invalid_token(
                    "The access token was revoked" if token.ended == "revoked" else "The access token expired"
                )
            )
        if not token.allows(*scopes):
            raise Refused(outside_scopes())
        if token.account is None:
            raise refuse(422, "This method requires an authenticated user")
        return token.account

    # Reads

    async def _verify(self, request: Request) -> Response:
        name = self._user(request, "read:accounts", "profile", "read:me")
        account = self._accounts.credential_account(name)
        if self.panel.switches.odd_picture == "elsewhere":
            account |= dict.fromkeys(("avatar", "avatar_static", "header", "header_static"), "https://127.0.0.1/a.png")
        return JSONResponse(account)

    async def _userinfo(self, request: Request) -> Response:
        name = self._user(request, "profile")
        account = self._accounts.credential_account(name)
        return JSONResponse(
            {
                "iss": f"{self.context.origin}/",
                "sub": account["uri"],
                "name": account["display_name"],
                "preferred_username": name,
                "profile": account["url"],
                "picture": account["avatar"],
            }
        )

    async def _profile(self, request: Request) -> Response:
        if self._flavour().describes != "profile":
            return error(404, "Record not found")
        return JSONResponse(self._accounts.profile_entity(self._user(request, "read:accounts", "profile")))

    # Writes

    async def _update_credentials(self, request: Request) -> Response:
        name = self._user(request, "write:accounts")
        describes = self._flavour().describes == "credentials"
        await self._update(request, name, ("display_name", "note", *(_DESCRIPTIONS if describes else ())))
        return JSONResponse(self._accounts.credential_account(name))

    async def _update_profile(self, request: Request) -> Response:
        if self._flavour().describes != "profile":
            return error(404, "Record not found")
        name = self._user(request, "write:accounts")
        await self._update(request, name, ("display_name", "note", *_DESCRIPTIONS))
        return JSONResponse(self._accounts.profile_entity(name))

    async def _update(self, request: Request, name: str, texts: tuple[str, ...]) -> None:
        """Takes over texts and pictures together, or nothing if one of them is invalid."""
        values = await body_values(request)
        changed = {field: str(values[field]) for field in texts if field in values}
        for field in _DESCRIPTIONS:
            if len(changed.get(field, "")) > DESCRIPTION_MAX_CHARACTERS:
                label = field.replace("_", " ").capitalize()
                raise refuse(
                    422, f"Validation failed: {label} is too long (maximum is {DESCRIPTION_MAX_CHARACTERS} characters)"
                )
        pictures: dict[Slot, tuple[str, bytes]] = {}
        flavour, cleared = self._flavour(), []
        for slot, field in FIELDS.items():
            if slot not in flavour.slots:
                continue
            if isinstance(file := values.get(field), UploadFile):
                pictures[slot] = await self._picture(slot, await file.read())
            elif file == "" and flavour.deletes_at is None:
                cleared.append(slot)
        if (pictures or cleared) and self.panel.strikes("silent_reject"):
            return
        for slot in cleared:
            if self._has_picture(name, slot):
                self._clear(request, name, slot)
        self._accounts.write_profile(name, changed)
        for slot, (media_type, body) in pictures.items():
            self._place(request, name, slot, self._accounts.save(name, slot, media_type, body))

    async def _picture(self, slot: Slot, data: bytes) -> tuple[str, bytes]:
        label, flavour = FIELDS[slot].capitalize(), self._flavour()
        limit = self.panel.switches.bytes_taken(flavour.max_bytes[slot])
        if len(data) >= limit:
            size = f"{limit // MEGABYTE} MB" if limit >= MEGABYTE else f"{limit} bytes"
            raise refuse(flavour.refuses_with, f"Validation failed: {label} file size must be less than {size}")
        try:
            return await asyncio.to_thread(scale, slot, data, self.panel.switches.formats_taken(flavour.formats))
        except BadPictureError as reason:
            raise refuse(422, f"Validation failed: {label} content type is invalid") from reason

    async def _delete_picture(self, request: Request) -> Response:
        slot = next((slot for slot, field in FIELDS.items() if field == request.path_params["field"]), None)
        deletes_at = self._flavour().deletes_at
        if slot is None or slot not in self._flavour().slots or deletes_at is None:
            return error(404, "Record not found")
        if request.url.path != deletes_at.format(field=FIELDS[slot]):
            return error(404, "Record not found")
        name = self._user(request, "write:accounts")
        if self._has_picture(name, slot) and not self.panel.strikes("silent_reject"):
            self._clear(request, name, slot)
        return JSONResponse(self._accounts.credential_account(name))

    def _has_picture(self, name: str, slot: Slot) -> bool:
        latest = self.context.gallery.latest(name, slot)
        return latest is not None and latest.token is not None

    def _clear(self, request: Request, name: str, slot: Slot) -> None:
        self._place(request, name, slot, None)

    def _place(self, request: Request, name: str, slot: Slot, token: str | None) -> None:
        self.context.gallery.place(name, slot, token, delay_seconds=self.panel.switches.slow_seconds)
        request.state.changed = True

    # About the server

    @property
    def _configuration(self) -> Mapping[str, object]:
        flavour = self._flavour()
        accounts: dict[str, int] = {"max_featured_tags": 10, "max_pinned_statuses": 5}
        if flavour.api_version is not None:
            accounts["max_avatar_description_length"] = DESCRIPTION_MAX_CHARACTERS
            accounts["max_header_description_length"] = DESCRIPTION_MAX_CHARACTERS
        return {
            "accounts": accounts,
            "media_attachments": {
                "supported_mime_types": flavour.media_types(),
                "image_size_limit": 40 * MEGABYTE if flavour.software == "gotosocial" else 16 * MEGABYTE,
                "image_matrix_limit": 33_177_600,
            },
        }

    async def _instance(self, _: Request) -> Response:
        flavour = self._flavour()
        if not flavour.has_v2:
            return error(404, "Record not found")
        instance: dict[str, object] = {
            "domain": self.context.origin.partition("://")[2],
            "title": "Sandbox Mastodon",
            "version": flavour.version,
            "source_url": "https://github.com/mastodon/mastodon",
            "description": "A stand-in on this machine, not a real server.",
            "languages": ["en"],
            "configuration": self._configuration,
            "registrations": {"enabled": False, "approval_required": False, "message": None},
            "contact": {"email": "", "account": None},
            "rules": [],
        }
        if flavour.api_version is not None:
            instance["api_versions"] = {"mastodon": flavour.api_version}
        if flavour.own_limits:
            instance["pleroma"] = flavour.limits()
        return JSONResponse(instance)

    async def _instance_v1(self, _: Request) -> Response:
        return JSONResponse(
            {
                "uri": self.context.origin.partition("://")[2],
                "title": "Sandbox Mastodon",
                "version": self._flavour().version,
                "short_description": "A stand-in on this machine, not a real server.",
                "description": "",
                "email": "",
                "urls": {},
                "stats": {"user_count": len(PEOPLE), "status_count": 0, "domain_count": 0},
                "languages": ["en"],
                "registrations": False,
                "configuration": self._configuration,
                **self._flavour().limits(),
            }
        )

    async def _nodeinfo_links(self, _: Request) -> Response:
        rel = "http://nodeinfo.diaspora.software/ns/schema/2.0"
        return JSONResponse({"links": [{"rel": rel, "href": f"{self.context.origin}/nodeinfo/2.0"}]})

    async def _nodeinfo(self, _: Request) -> Response:
        return JSONResponse(
            {
                "version": "2.0",
                "software": {"name": self._flavour().software, "version": self._flavour().software_version},
                "protocols": ["activitypub"],
                "services": {"inbound": [], "outbound": []},
                "usage": {"users": {"total": len(PEOPLE)}, "localPosts": 0},
                "openRegistrations": False,
                "metadata": {},
            }
        )

    # Pictures

    async def _serve(self, request: Request) -> Response:
        odd = self.panel.switches.odd_picture
        if odd == "script":
            return Response("<!doctype html><script>alert(1)</script>", media_type="image/png")
        if odd == "huge":
            return StreamingResponse(_huge(), media_type="image/png")
        found = self._accounts.served(request.url.path.removeprefix("/"))
        if found is None:
            return Response(status_code=404)
        content_type, body = found
        return Response(body, media_type=content_type, headers={"Cache-Control": "public, max-age=2419200, immutable"})


async def _huge() -> AsyncIterator[bytes]:
    chunk = bytes(64 * 1024)
    for _ in range(200 * MEGABYTE // len(chunk)):
        yield chunk


async def _serve_missing(request: Request) -> Response:
    is_avatar = request.url.path.removeprefix("/") in {flavour.missing["avatar"] for flavour in FLAVOURS.values()}
    size = (400, 400) if is_avatar else (700, 335)
    return Response(encode(Image.new("RGB", size, "#8b8fa3"), "PNG"), media_type="image/png")


async def _not_found(_: Request, __: Exception) -> Response:
    return error(404, "Record not found")
