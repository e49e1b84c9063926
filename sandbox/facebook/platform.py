"""Puts Facebook together: dialog, tokens and their inspection, people, and Pages with their pictures."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.facebook.answers import PAGE_LIMIT, FacebookSwitches
from sandbox.facebook.pages import FORMATS, MAX_BYTES, PAGES, PROFILES, BadCoverError, Page, Pictures, pages_of, scale
from sandbox.graph import APP_USAGE, GraphDialect, access_token, ended, limited, refuse, usage_headers
from sandbox.kit.by_hand import by_hand_routes
from sandbox.kit.code_flow import Asked, CodeFlow, is_registered
from sandbox.kit.endpoint import Endpoints, Refused
from sandbox.kit.gallery import SLOTS, Slot
from sandbox.kit.pages import Question, error_page
from sandbox.kit.pictures import BadPictureError
from sandbox.kit.platform import PEOPLE, AccountView, Context, Platform
from sandbox.kit.store import Document
from sandbox.kit.switches import Panel

FACEBOOK_APP_ID = "1098765432109876"
FACEBOOK_APP_SECRET = "c0ffee5a7d1b4e2f9a8c3d6e0b1f2a47"  # noqa: S105 - opens nothing but this sandbox
# Facebook gives a short-lived token one to two hours, and a long-lived one about sixty days.
TOKEN_SECONDS = 5400
LONG_TOKEN_SECONDS = 5_183_944
_PAGE_MEANINGS = {
    "pages_show_list": "See the Pages that you look after",
    "pages_read_engagement": "Read what is on your Pages",
    "pages_manage_metadata": "Change the settings of your Pages",
    "pages_manage_posts": "Create and change what is on your Pages",
}
_MEANINGS = {
    "public_profile": "See your name and picture",
    "email": "See your e-mail address",
    **_PAGE_MEANINGS,
}
_TASKS = ["MANAGE", "CREATE_CONTENT", "MODERATE"]
# What `public_profile` shows, and `email`.
_FIELDS = {"id", "name", "first_name", "last_name", "picture", "email"}
# Where apps that connect Pages and profiles come back to, beside the address for signing in.
_CONNECT_PATHS = ("/v1/connections/callback/facebook", "/v1/connections/callback/facebook_profile")
_AVATAR_SIDES = {"small": 50, "normal": 100, "album": 50, "large": 200, "square": 50}
# A picture at its limit, and the form around it.
_MAX_BODY = 2 * MAX_BYTES


def build(context: Context) -> Platform:
    return Facebook(context)


class Facebook:
    id = "facebook"
    name = "Facebook"
    avatar_shape = "50%"
    accent = "#0a5ac2"

    def __init__(self, context: Context) -> None:
        self.context = context
        self.panel = Panel(FacebookSwitches)
        self._pictures = Pictures(context)
        denial = {
            "error": "access_denied",
            "error_code": "200",
            "error_description": "Permissions error",
            "error_reason": "user_denied",
        }
        # Facebook hangs this fragment on every way back.
        self._flow = CodeFlow(self, denial, fragment="#_=_")
        self.app = Starlette(routes=self._routes(Endpoints(context, self.panel, GraphDialect(self.panel, "pages"))))

    def _routes(self, endpoints: Endpoints) -> list[BaseRoute]:
        page = "/{version}/{page:int}"
        return [
            Route("/{version}/dialog/oauth", self._dialog),
            Route("/dialog/oauth", self._decide, methods=["POST"]),
            endpoints.route("/{version}/oauth/access_token", self._token, "auth", methods=["GET", "POST"]),
            endpoints.route("/{version}/debug_token", self._debug, "read"),
            endpoints.route("/{version}/me", self._me, "read"),
            endpoints.route("/{version}/me/picture", self._own_picture, "read"),
            endpoints.route("/{version}/me/permissions", self._permissions, "auth"),
            endpoints.route("/{version}/me/accounts", self._accounts, "auth"),
            endpoints.route(f"{page}/picture", self._page_picture, "read"),
            endpoints.route(f"{page}/picture", self._set_picture, "write", methods=["POST"], max_body=_MAX_BODY),
            endpoints.route(f"{page}/photos", self._upload, "write", methods=["POST"], max_body=_MAX_BODY),
            endpoints.route(page, self._page, "read"),
            endpoints.route(page, self._update_page, "write", methods=["POST"]),
            Route("/v/t39/{name}", self._serve),
            *by_hand_routes(self, _by_hand, scale, self._place_by_hand),
        ]

    def populate(self) -> None:
        self._pictures.populate()

    @property
    def actions(self) -> Mapping[str, Callable[[], None]]:
        return {"expire_tokens": lambda: self._end_all(463), "revoke_tokens": lambda: self._end_all(458)}

    # People, and the Pages that they look after

    def account(self, name: str) -> AccountView | None:
        """Returns a Page, of which each person's first one carries their name, or a person's own profile."""
        found = {**PAGES, **PROFILES}.get(name)
        return None if found is None else self._pictures.view(found)

    def _people(self) -> list[AccountView]:
        return [AccountView(name, PEOPLE[name], self._email(name) or name) for name in PEOPLE]

    def _email(self, name: str) -> str | None:
        """Returns the address; Grace signed up with her telephone number and has none."""
        return f"{name}@sandbox.test" if name == "ada" and not self.panel.switches.no_email else None

    # Sign-in

    async def _dialog(self, request: Request) -> Response:
        query = request.query_params
        if query.get("client_id") != FACEBOOK_APP_ID:
            return error_page(self, "Invalid App ID: the provided app ID does not look like a valid app ID.")
        redirect_uri = query.get("redirect_uri", "")
        if not is_registered(redirect_uri, self.id, paths=_CONNECT_PATHS):
            return error_page(
                self, "URL blocked: this redirect failed because the redirect URI is not among the app's settings."
            )
        scopes = tuple(query.get("scope", "public_profile").replace(",", " ").split())
        if not set(scopes) <= set(_MEANINGS):
            unknown = ", ".join(sorted(set(scopes) - set(_MEANINGS)))
            return error_page(self, f"Invalid scopes: {unknown}.")
        return self._flow.ask(
            Asked(redirect_uri, query.get("state"), scopes),
            wants=[_MEANINGS[scope] for scope in scopes],
            action="/dialog/oauth",
            accounts=self._people(),
            questions=_questions(scopes),
        )

    async def _decide(self, request: Request) -> Response:
        """Keeps which Pages the person gives the app, and what they do not allow it: both hold for all of the app's tokens."""
        form = await request.form(max_files=0, max_fields=30)
        account = str(form.get("account", ""))
        if account in PEOPLE and form.get("decision") == "allow":
            declined = [str(scope) for scope in form.getlist("decline")]
            self.context.store.put("grants", account, {"pages": str(form.get("pages", "first")), "declined": declined})
        return await self._flow.decide(request)

    async def _token(self, request: Request) -> Response:
        values = {**request.query_params, **(await request.form(max_files=0, max_fields=20))}
        if values.get("client_id") != FACEBOOK_APP_ID:
            raise refuse(101, "Error validating application. Cannot get application info due to a system error.")
        if not hmac.compare_digest(str(values.get("client_secret", "")).encode(), FACEBOOK_APP_SECRET.encode()):
            raise refuse(1, "Error validating client secret.")
        if values.get("grant_type") == "fb_exchange_token":
            # An ended token cannot be exchanged, and there is no other way to a new one than through the person.
            token = self._valid(str(values.get("fb_exchange_token", "")), "USER")
            return self._issue(token["account"], token["scopes"], LONG_TOKEN_SECONDS)
        found = self._flow.redeem(str(values.get("code", "")))
        if found is None:
            raise refuse(100, "This authorization code has been used.", subcode=36009)
        asked, account = found
        if values.get("redirect_uri") != asked.redirect_uri:
            raise refuse(
                100,
                "Error validating verification code. Please make sure your redirect_uri is identical to the one you used"
                " in the OAuth dialog request",
                subcode=36008,
            )
        return self._issue(account, asked.scopes, TOKEN_SECONDS)

    def _issue(self, account: str, scopes: object, seconds: int) -> Response:
        key = self._new_token({"account": account, "scopes": scopes, "kind": "USER"}, seconds)
        return JSONResponse({"access_token": key, "token_type": "bearer", "expires_in": seconds})

    def _new_token(self, document: Document, seconds: int) -> str:
        """Keeps a token, without an end for 0 seconds."""
        key, now = f"EAAB{self.context.token(40)}", int(self.context.clock())
        until = now + seconds if seconds else 0
        self.context.store.put("tokens", key, {**document, "issued": now, "until": until, "ended": 0})
        return key

    def _end_all(self, subcode: int) -> None:
        for key, token in self.context.store.items("tokens"):
            self.context.store.put("tokens", key, {**token, "ended": subcode})

    # Tokens

    def _token_of(self, key: str) -> Document | None:
        """Returns a token that is good now."""
        token = self.context.store.get("tokens", key)
        if token is None or token["ended"] or 0 < token["until"] < self.context.clock():
            return None
        return token

    def _valid(self, key: str, kind: str) -> Document:
        """Returns a token of a kind, or refuses it in Facebook's words."""
        token = self.context.store.get("tokens", key)
        if token is None:
            raise refuse(190, "Invalid OAuth access token - Cannot parse access token")
        if token["ended"]:
            raise ended(token["ended"])
        if 0 < token["until"] < self.context.clock():
            raise ended(463)
        if token["kind"] != kind:
            message = "A page access token is required" if kind == "PAGE" else "A user access token is required"
            raise refuse(210, f"(#210) {message} to request this resource.")
        return token

    def _allowed(self, token: Document) -> set[str]:
        """Returns the permissions that a token carries: what was asked, without what the person has unticked."""
        return set(token["scopes"]) - set(self._grant(token["account"])["declined"])

    def _grant(self, account: str) -> Document:
        return self.context.store.get("grants", account) or {"pages": "first", "declined": []}

    def _need(self, token: Document, scope: str, code: int = 200) -> None:
        if scope not in self._allowed(token):
            raise refuse(code, f"(#{code}) This endpoint requires the '{scope}' permission")

    async def _debug(self, request: Request) -> Response:
        if access_token(request) != f"{FACEBOOK_APP_ID}|{FACEBOOK_APP_SECRET}":
            raise refuse(190, "Invalid OAuth access token signature.")
        token = self._token_of(request.query_params.get("input_token", ""))
        if token is None:
            error = {"code": 190, "message": "Invalid OAuth access token."}
            return JSONResponse({"data": {"error": error, "is_valid": False, "scopes": []}})
        data = {
            "app_id": "2000000000000002" if self.panel.switches.foreign_app else FACEBOOK_APP_ID,
            "type": token["kind"],
            "application": "Linkarooie",
            "data_access_expires_at": token["issued"] + 90 * 24 * 3600,
            "expires_at": token["until"],
            "is_valid": True,
            "issued_at": token["issued"],
            "scopes": sorted(self._allowed(token)),
            "user_id": _user_id(token["account"]),
        }
        return JSONResponse({"data": data})

    # People

    async def _me(self, request: Request) -> Response:
        key = access_token(request)
        if not key:
            raise refuse(2500, "An active access token must be used to query information about the current user.")
        _check_proof(key, request.query_params.get("appsecret_proof"), needed=False)
        token = self._token_of(key)
        if token is None:
            raise refuse(190, "Invalid OAuth access token - Cannot parse access token")
        fields = [field for field in request.query_params.get("fields", "id,name").split(",") if field]
        for field in fields:
            if field not in _FIELDS:
                raise refuse(100, f"(#100) Tried accessing nonexisting field ({field})")
        person = self._person(token)
        return JSONResponse({field: person[field] for field in dict.fromkeys([*fields, "id"]) if field in person})

    def _person(self, token: Document) -> Document:
        """Returns every field that the token shows; the address may be none of them."""
        name: str = token["account"]
        first, _, last = PEOPLE[name].partition(" ")
        person: Document = {"id": _user_id(name), "name": PEOPLE[name], "first_name": first, "last_name": last}
        person["picture"] = {"data": self._picture_data(PROFILES[f"{name}-profile"], 50)}
        email = self._email(name)
        if email is not None and "email" in token["scopes"]:
            person["email"] = email
        return person

    async def _own_picture(self, request: Request) -> Response:
        token = self._user(request)
        return self._told(request, PROFILES[f"{token['account']}-profile"], {"X-App-Usage": json.dumps(APP_USAGE)})

    def _user(self, request: Request) -> Document:
        key = access_token(request)
        _check_proof(key, request.query_params.get("appsecret_proof"))
        return self._valid(key, "USER")

    async def _permissions(self, request: Request) -> Response:
        token = self._user(request)
        allowed = self._allowed(token)
        data = [
            {"permission": scope, "status": "granted" if scope in allowed else "declined"} for scope in token["scopes"]
        ]
        return JSONResponse({"data": data})

    async def _accounts(self, request: Request) -> Response:
        """Lists the Pages that the person has given the app, each with a token of its own."""
        token = self._user(request)
        self._need(token, "pages_show_list")
        mine = pages_of(token["account"])
        given = {"first": mine[:1], "all": mine, "none": []}[self._grant(token["account"])["pages"]]
        try:
            start = int(request.query_params.get("after") or 0)
            limit = min(100, max(1, int(request.query_params.get("limit") or 25)))
        except ValueError as error:
            raise refuse(100, "(#100) Invalid parameter") from error
        shown = given[start : start + limit]
        seconds = 0 if token["until"] - token["issued"] > TOKEN_SECONDS else token["until"] - int(self.context.clock())
        data = [
            {
                "id": page.id,
                "name": page.title,
                "access_token": self._new_token(
                    {"account": token["account"], "scopes": token["scopes"], "kind": "PAGE", "page": page.name}, seconds
                ),
                "tasks": _TASKS,
                "picture": {"data": self._picture_data(page, 50)},
            }
            for page in shown
        ]
        paging: Document = {"cursors": {"before": str(start), "after": str(start + len(shown))}}
        if start + len(shown) < len(given):
            paging["next"] = f"{self.context.origin}{request.url.path}?after={start + len(shown)}"
        return JSONResponse({"data": data, **({"paging": paging} if shown else {})})

    # Pages

    def _opened(self, request: Request, values: Mapping[str, object]) -> tuple[Page, Document]:
        """Returns the Page that a call is about, and the token: it has to be that Page's own."""
        key = access_token(request)
        _check_proof(key, values.get("appsecret_proof"))
        token = self._valid(key, "PAGE")
        page = PAGES[token["page"]]
        if page.id != str(request.path_params["page"]):
            message = (
                f"Unsupported {request.method.lower()} request. Object with ID '{request.path_params['page']}' does not"
                " exist, cannot be loaded due to missing permissions, or does not support this operation."
            )
            raise refuse(100, message, subcode=33)
        allowed, window = self.context.limiter.take(PAGE_LIMIT, page.id)
        if not allowed and self.panel.switches.enforce_limits:
            raise Refused(limited("pages", page.id, window.reset - self.context.clock()))
        request.state.used_percent = 100 - 100 * window.remaining // PAGE_LIMIT.count
        return page, token

    def _answer(self, request: Request, page: Page, values: object) -> Response:
        return JSONResponse(values, headers=usage_headers("pages", page.id, request.state.used_percent))

    async def _page(self, request: Request) -> Response:
        page, token = self._opened(request, request.query_params)
        self._need(token, "pages_read_engagement", code=10)
        shown: Document = {}
        for field in _fields(request.query_params.get("fields", "id,name")):
            match field.partition("{")[0].partition(".")[0]:
                case "id":
                    pass
                case "name":
                    shown["name"] = page.title
                case "cover":
                    shown |= self._cover_data(page)
                case "picture":
                    shown["picture"] = {"data": self._picture_data(page, 200 if "type(large)" in field else 50)}
                case unknown:
                    raise refuse(100, f"(#100) Tried accessing nonexisting field ({unknown})")
        return self._answer(request, page, {**shown, "id": page.id})

    def _cover_data(self, page: Page) -> Document:
        photo_id = self._pictures.shown(page, "banner")
        if photo_id is None:
            return {}
        x, y = self._pictures.offset(page)
        cover = {"id": photo_id, "cover_id": photo_id, "offset_x": x, "offset_y": y}
        return {"cover": {**cover, "source": self._pictures.url(photo_id)}}

    def _picture_data(self, page: Page, side: int) -> Document:
        photo_id = self._pictures.shown(page, "avatar")
        if photo_id is None:
            url = f"{self.context.origin}/v/t39/nobody_n.jpg"
            return {"height": side, "width": side, "is_silhouette": True, "url": url}
        data = {
            "height": side,
            "width": side,
            "is_silhouette": False,
            "url": self._pictures.url(photo_id, side),
            "cache_key": hashlib.sha256(photo_id.encode()).hexdigest()[:24],
        }
        if self.panel.switches.no_cache_key:
            del data["cache_key"]
        return data

    async def _page_picture(self, request: Request) -> Response:
        page, token = self._opened(request, request.query_params)
        self._need(token, "pages_read_engagement", code=10)
        return self._told(request, page, usage_headers("pages", page.id, request.state.used_percent))

    def _told(self, request: Request, page: Page, usage: Mapping[str, str]) -> Response:
        """Returns where a picture is, or leads to it."""
        query = request.query_params
        wanted = query.get("width") or query.get("height") or ""
        side = int(wanted) if wanted.isdigit() else _AVATAR_SIDES.get(query.get("type", "normal"), 100)
        data = self._picture_data(page, min(max(side, 1), 2000))
        if query.get("redirect") not in ("0", "false"):
            return Response(status_code=302, headers={"Location": str(data["url"])})
        return JSONResponse({"data": data}, headers=usage)

    # What changes a Page

    async def _set_picture(self, request: Request) -> Response:
        form = await request.form(max_files=1, max_fields=20)
        page, token = self._opened(request, {**request.query_params, **form})
        self._need(token, "pages_manage_metadata")
        body = await self._scaled(form, "avatar")
        self._place(request, page, "avatar", body)
        return self._answer(request, page, {"success": True})

    async def _upload(self, request: Request) -> Response:
        form = await request.form(max_files=1, max_fields=20)
        page, token = self._opened(request, {**request.query_params, **form})
        self._need(token, "pages_manage_posts")
        if form.get("published") != "false":
            raise refuse(100, "(#100) The sandbox takes photos with published=false alone")
        photo_id = self._pictures.keep(page, await self._scaled(form, "banner"))
        if self.panel.switches.forget_photos:
            self._pictures.forget(photo_id)
        return self._answer(request, page, {"id": photo_id})

    async def _update_page(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=20)
        page, token = self._opened(request, {**request.query_params, **form})
        self._need(token, "pages_manage_metadata")
        photo_id = str(form.get("cover", ""))
        if not self._pictures.is_usable(page, photo_id):
            raise refuse(100, "(#100) Invalid cover: the photo does not exist or is not this Page's")
        offsets = str(form.get("offset_x", "0")), str(form.get("offset_y", "0"))
        if not all(offset.isdigit() and int(offset) <= 100 for offset in offsets):
            raise refuse(100, "(#100) Param offset_y must be a whole number")
        if not self.panel.strikes("silent_reject"):
            self._pictures.set_offset(page, int(offsets[0]), int(offsets[1]))
            self._show(request, page, "banner", photo_id)
        return self._answer(request, page, {"success": True})

    def _place_by_hand(self, name: str, slot: Slot, body: bytes) -> None:
        photo_id = self._pictures.keep(PROFILES[name], body)
        self.context.gallery.place(name, slot, photo_id, delay_seconds=self.panel.switches.slow_seconds)

    async def _scaled(self, form: FormData, slot: Slot) -> bytes:
        """Returns what Facebook makes of the uploaded file, or refuses it."""
        file = form.get("source")
        if not isinstance(file, UploadFile):
            raise refuse(100, "(#100) Missing message or attachment")
        data = await file.read()
        switches = self.panel.switches
        if len(data) > switches.bytes_taken(MAX_BYTES):
            raise refuse(
                100,
                "(#100) Invalid parameter",
                subcode=1366046,
                words="Your photos couldn't be uploaded. Photos should be smaller than 4 MB and saved as JPG or PNG.",
            )
        try:
            return await asyncio.to_thread(scale, slot, data, switches.formats_taken(FORMATS))
        except BadCoverError as error:
            words = "The cover photo must be at least 400 pixels wide and 150 pixels tall."
            raise refuse(100, "(#100) Invalid parameter", words=words) from error
        except BadPictureError as error:
            raise refuse(324, "(#324) Missing or invalid image file", subcode=2069019) from error

    def _place(self, request: Request, page: Page, slot: Slot, body: bytes) -> None:
        if not self.panel.strikes("silent_reject"):
            self._show(request, page, slot, self._pictures.keep(page, body))

    def _show(self, request: Request, page: Page, slot: Slot, photo_id: str) -> None:
        self.context.gallery.place(page.name, slot, photo_id, delay_seconds=self.panel.switches.slow_seconds)
        request.state.changed = True

    async def _serve(self, request: Request) -> Response:
        body = await asyncio.to_thread(self._pictures.served, request.path_params["name"])
        return Response(status_code=404) if body is None else Response(body, media_type="image/jpeg")


def _by_hand(name: str) -> Sequence[Slot]:
    return SLOTS if name in PROFILES else ()


def _questions(scopes: tuple[str, ...]) -> list[Question]:
    """Returns what the dialog asks beside the account: which Pages, and what not to allow."""
    if not set(scopes) & set(_PAGE_MEANINGS):
        return []
    pages = [("first", "My first Page only"), ("all", "All my Pages"), ("none", "None of my Pages")]
    return [
        Question("pages", "Pages to use with this app", pages, chosen="first"),
        Question("decline", "Do not allow", [(scope, _MEANINGS[scope]) for scope in scopes], several=True),
    ]


def _fields(text: str) -> list[str]:
    """Splits `cover{id,source},name` at the commas that stand outside of brackets."""
    fields, depth = [""], 0
    for letter in text:
        depth += (letter in "{(") - (letter in "})")
        if letter == "," and depth == 0:
            fields.append("")
        else:
            fields[-1] += letter
    return [field for field in fields if field]


def _check_proof(key: str, proof: object, *, needed: bool = True) -> None:
    """Refuses a call whose proof is not the app's; this app demands one wherever it acts for Pages."""
    if proof is None and not needed:
        return
    expected = hmac.new(FACEBOOK_APP_SECRET.encode(), key.encode(), hashlib.sha256).hexdigest()
    if proof is None:
        raise refuse(100, "API calls from the server require an appsecret_proof argument")
    if not hmac.compare_digest(str(proof).encode(), expected.encode()):
        raise refuse(100, "Invalid appsecret_proof provided in the API argument")


def _user_id(name: str) -> str:
    """Returns the id that this app, and no other, sees for the person."""
    return str(10**16 + int.from_bytes(hashlib.sha256(f"{FACEBOOK_APP_ID}/{name}".encode()).digest()[:6]))
