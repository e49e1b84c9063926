"""Puts Facebook Login together: dialog, token, the token's inspection, and the person."""

import hashlib
import hmac
from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.facebook.answers import FacebookDialect, FacebookSwitches, refuse
from sandbox.kit.code_flow import Asked, CodeFlow, is_registered
from sandbox.kit.endpoint import Endpoints
from sandbox.kit.pages import error_page
from sandbox.kit.pictures import initial_picture
from sandbox.kit.platform import PEOPLE, AccountView, Context, Platform
from sandbox.kit.store import Document
from sandbox.kit.switches import Panel

FACEBOOK_APP_ID = "1098765432109876"
FACEBOOK_APP_SECRET = "c0ffee5a7d1b4e2f9a8c3d6e0b1f2a47"  # noqa: S105 - opens nothing but this sandbox
# Facebook gives a short-lived token one to two hours.
TOKEN_SECONDS = 5400
_MEANINGS = {"public_profile": "See your name and picture", "email": "See your e-mail address"}
# What `public_profile` shows, and `email`.
_FIELDS = {"id", "name", "first_name", "last_name", "picture", "email"}


def build(context: Context) -> Platform:
    return Facebook(context)


class Facebook:
    id = "facebook"
    name = "Facebook"
    avatar_shape = None
    accent = "#0a5ac2"

    def __init__(self, context: Context) -> None:
        self.context = context
        self.panel = Panel(FacebookSwitches)
        denial = {
            "error": "access_denied",
            "error_code": "200",
            "error_description": "Permissions error",
            "error_reason": "user_denied",
        }
        # Facebook hangs this fragment on every way back.
        self._flow = CodeFlow(self, denial, fragment="#_=_")
        self.app = Starlette(routes=self._routes(Endpoints(context, self.panel, FacebookDialect())))

    def _routes(self, endpoints: Endpoints) -> list[BaseRoute]:
        return [
            Route("/{version}/dialog/oauth", self._dialog),
            Route("/dialog/oauth", self._flow.decide, methods=["POST"]),
            endpoints.route("/{version}/oauth/access_token", self._token, "auth", methods=["GET", "POST"]),
            endpoints.route("/{version}/debug_token", self._debug, "read"),
            endpoints.route("/{version}/me", self._me, "read"),
            Route("/picture/{name}", _picture),
        ]

    def populate(self) -> None:
        """Does nothing: accounts are the same on every day."""

    @property
    def actions(self) -> Mapping[str, Callable[[], None]]:
        return {}

    # People

    def account(self, name: str) -> AccountView | None:
        if name not in PEOPLE:
            return None
        email = self._email(name)
        facts = [("id", _user_id(name)), ("e-mail", email or "not told")]
        return AccountView(name, PEOPLE[name], email or name, facts=facts)

    def _email(self, name: str) -> str | None:
        """Returns the address; Grace signed up with her telephone number and has none."""
        return f"{name}@sandbox.test" if name == "ada" and not self.panel.switches.no_email else None

    # Sign-in

    async def _dialog(self, request: Request) -> Response:
        query = request.query_params
        if query.get("client_id") != FACEBOOK_APP_ID:
            return error_page(self, "Invalid App ID: the provided app ID does not look like a valid app ID.")
        redirect_uri = query.get("redirect_uri", "")
        if not is_registered(redirect_uri, self.id):
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
        )

    async def _token(self, request: Request) -> Response:
        values = {**request.query_params, **(await request.form(max_files=0, max_fields=20))}
        if values.get("client_id") != FACEBOOK_APP_ID:
            raise refuse(101, "Error validating application. Cannot get application info due to a system error.")
        if not hmac.compare_digest(str(values.get("client_secret", "")).encode(), FACEBOOK_APP_SECRET.encode()):
            raise refuse(1, "Error validating client secret.")
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
        key, now = f"EAAB{self.context.token(40)}", int(self.context.clock())
        document = {"account": account, "scopes": asked.scopes, "issued": now, "until": now + TOKEN_SECONDS}
        self.context.store.put("tokens", key, document)
        return JSONResponse({"access_token": key, "token_type": "bearer", "expires_in": TOKEN_SECONDS})

    # Graph

    def _valid(self, key: str) -> Document | None:
        token = self.context.store.get("tokens", key)
        return None if token is None or token["until"] < self.context.clock() else token

    async def _debug(self, request: Request) -> Response:
        if _access_token(request) != f"{FACEBOOK_APP_ID}|{FACEBOOK_APP_SECRET}":
            raise refuse(190, "Invalid OAuth access token signature.")
        token = self._valid(request.query_params.get("input_token", ""))
        if token is None:
            error = {"code": 190, "message": "Invalid OAuth access token."}
            return JSONResponse({"data": {"error": error, "is_valid": False, "scopes": []}})
        data = {
            "app_id": "2000000000000002" if self.panel.switches.foreign_app else FACEBOOK_APP_ID,
            "type": "USER",
            "application": "Linkarooie",
            "data_access_expires_at": token["issued"] + 90 * 24 * 3600,
            "expires_at": token["until"],
            "is_valid": True,
            "issued_at": token["issued"],
            "scopes": sorted(token["scopes"]),
            "user_id": _user_id(token["account"]),
        }
        return JSONResponse({"data": data})

    async def _me(self, request: Request) -> Response:
        key = _access_token(request)
        if not key:
            raise refuse(2500, "An active access token must be used to query information about the current user.")
        proof = request.query_params.get("appsecret_proof")
        expected = hmac.new(FACEBOOK_APP_SECRET.encode(), key.encode(), hashlib.sha256).hexdigest()
        if proof is not None and not hmac.compare_digest(proof.encode(), expected.encode()):
            raise refuse(100, "Invalid appsecret_proof provided in the API argument")
        token = self._valid(key)
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
        url = f"{self.context.origin}/picture/{name}"
        person["picture"] = {"data": {"height": 50, "is_silhouette": False, "url": url, "width": 50}}
        email = self._email(name)
        if email is not None and "email" in token["scopes"]:
            person["email"] = email
        return person


def _access_token(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key if scheme.lower() in ("bearer", "oauth") else request.query_params.get("access_token", "")


def _user_id(name: str) -> str:
    """Returns the id that this app, and no other, sees for the person."""
    return str(10**16 + int.from_bytes(hashlib.sha256(f"{FACEBOOK_APP_ID}/{name}".encode()).digest()[:6]))


async def _picture(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in PEOPLE:
        return Response(status_code=404)
    return Response(initial_picture(Facebook.id, name, "avatar"), media_type="image/png")
