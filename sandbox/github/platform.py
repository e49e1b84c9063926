"""Puts GitHub's sign-in together: consent, token, and what the API tells of the person."""

import hashlib
import hmac
from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.github.answers import (
    DOCUMENTATION,
    GithubDialect,
    GithubSwitches,
    form_or_json,
    refuse,
    token_error,
)
from sandbox.kit.code_flow import Asked, CodeFlow, is_registered, verifies
from sandbox.kit.endpoint import Endpoints, Refused
from sandbox.kit.pages import error_page
from sandbox.kit.pictures import initial_picture
from sandbox.kit.platform import PEOPLE, AccountView, Context, Platform
from sandbox.kit.store import Document
from sandbox.kit.switches import Panel

GITHUB_CLIENT_ID = "Ov23liSandboxK5wQ9rT"
GITHUB_CLIENT_SECRET = "5a9d0c6e1f7b48239ad1c0b7e64f2d8935a1c7be"  # noqa: S105 - opens nothing but this sandbox
_MEANINGS = {"read:user": "See your profile", "user:email": "See your e-mail addresses"}


def build(context: Context) -> Platform:
    return Github(context)


class Github:
    id = "github"
    name = "GitHub"
    avatar_shape = None
    accent = "#24292f"

    def __init__(self, context: Context) -> None:
        self.context = context
        self.panel = Panel(GithubSwitches)
        denial = {
            "error": "access_denied",
            "error_description": "The user has denied your application access.",
            "error_uri": f"{DOCUMENTATION}/apps/managing-oauth-apps/troubleshooting-authorization-request-errors/"
            "#access-denied",
        }
        self._flow = CodeFlow(self, denial)
        endpoints = Endpoints(context, self.panel, GithubDialect())
        self.app = Starlette(
            routes=[
                Route("/login/oauth/authorize", self._consent),
                Route("/login/oauth/authorize", self._flow.decide, methods=["POST"]),
                endpoints.route("/login/oauth/access_token", self._token, "auth", methods=["POST"]),
                endpoints.route("/api/v3/user", self._user, "read"),
                endpoints.route("/api/v3/user/emails", self._emails, "read"),
                Route("/avatars/{name}", _picture),
            ]
        )

    def populate(self) -> None:
        """Does nothing: accounts are the same on every day."""

    @property
    def actions(self) -> Mapping[str, Callable[[], None]]:
        return {}

    # People

    def account(self, name: str) -> AccountView | None:
        if name not in PEOPLE:
            return None
        addresses = [
            (one["email"], f"{'primary' if one['primary'] else 'further'}, {'' if one['verified'] else 'not '}verified")
            for one in self._addresses(name)
        ]
        return AccountView(name, PEOPLE[name], name, facts=[("id", str(_user_id(name))), *addresses])

    def _addresses(self, name: str) -> list[Document]:
        if self.panel.switches.no_email:
            return []
        verified = not self.panel.switches.unverified_email
        return [
            {"email": f"{name}@old.sandbox.test", "primary": False, "verified": False, "visibility": None},
            {"email": f"{name}@sandbox.test", "primary": True, "verified": verified, "visibility": "private"},
        ]

    # Sign-in

    async def _consent(self, request: Request) -> Response:
        query = request.query_params
        if query.get("client_id") != GITHUB_CLIENT_ID:
            return error_page(self, "404. This is not the web page you are looking for.", 404)
        redirect_uri = query.get("redirect_uri", "")
        if not is_registered(redirect_uri, self.id):
            return error_page(self, "Be careful! The redirect_uri is not associated with this application.")
        scopes = tuple(query.get("scope", "").replace(",", " ").split())
        challenge = query.get("code_challenge", "")
        asked = Asked(redirect_uri, query.get("state"), scopes, challenge=challenge)
        if challenge and query.get("code_challenge_method") != "S256":
            return self._flow.back(
                asked, error="invalid_request", error_description="The code_challenge_method must be S256."
            )
        return self._flow.ask(
            asked,
            wants=[_MEANINGS.get(scope, scope) for scope in scopes] or ["See what is public"],
            action="/login/oauth/authorize",
            preselect=query.get("login"),
        )

    async def _token(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=20)
        secret = str(form.get("client_secret", ""))
        if form.get("client_id") != GITHUB_CLIENT_ID or not hmac.compare_digest(
            secret.encode(), GITHUB_CLIENT_SECRET.encode()
        ):
            return token_error(
                request, "incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."
            )
        found = self._flow.redeem(str(form.get("code", "")))
        asked, account = found or (None, "")
        if asked is None or not verifies(asked.challenge, str(form.get("code_verifier", ""))):
            return token_error(request, "bad_verification_code", "The code passed is incorrect or expired.")
        if form.get("redirect_uri", asked.redirect_uri) != asked.redirect_uri:
            return token_error(
                request,
                "redirect_uri_mismatch",
                "The redirect_uri MUST match the registered callback URL for this application.",
            )
        key = f"gho_{self.context.token(18)}"
        self.context.store.put("tokens", key, {"account": account, "scopes": asked.scopes})
        return form_or_json(
            request, {"access_token": key, "scope": ",".join(sorted(asked.scopes)), "token_type": "bearer"}
        )

    # API

    def _caller(self, request: Request) -> Document:
        """Returns the token's document; raises GitHub's refusal."""
        if not request.headers.get("user-agent"):
            message = (
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header."
            )
            raise Refused(PlainTextResponse(message, 403))
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if not key:
            raise refuse(401, "Requires authentication")
        token = self.context.store.get("tokens", key) if scheme.lower() in ("bearer", "token") else None
        if token is None:
            raise refuse(401, "Bad credentials")
        return token

    async def _user(self, request: Request) -> Response:
        token = self._caller(request)
        name: str = token["account"]
        user = {
            "login": name,
            "id": _user_id(name),
            "node_id": f"U_{_user_id(name)}",
            "avatar_url": f"{self.context.origin}/avatars/{name}",
            "html_url": f"{self.context.origin}/{name}",
            "type": "User",
            "site_admin": False,
            "name": PEOPLE[name],
            # The public address, which people leave empty.
            "email": None,
        }
        return _api_answer(user, token)

    async def _emails(self, request: Request) -> Response:
        token = self._caller(request)
        if not {"user:email", "user"} & set(token["scopes"]):
            raise refuse(404, "Not Found")
        return _api_answer(self._addresses(token["account"]), token)


def _api_answer(body: object, token: Document) -> Response:
    return JSONResponse(body, headers={"X-OAuth-Scopes": ", ".join(sorted(token["scopes"]))})


def _user_id(name: str) -> int:
    return 10_000_000 + int.from_bytes(hashlib.sha256(name.encode()).digest()[:3])


async def _picture(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in PEOPLE:
        return Response(status_code=404)
    return Response(initial_picture(Github.id, name, "avatar"), media_type="image/png")
