"""App registration and OAuth of a Mastodon server."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.kit.endpoint import Endpoints, Refused
from sandbox.kit.pages import consent_page, error_page
from sandbox.kit.platform import PEOPLE, Platform
from sandbox.kit.store import Document
from sandbox.mastodon.accounts import Accounts
from sandbox.mastodon.answers import LIMITS, error, refuse
from sandbox.mastodon.flavours import Flavour

# Doorkeeper's default.
CODE_SECONDS = 600

SCOPES = (
    "profile",
    "read",
    "read:accounts",
    "read:statuses",
    "read:notifications",
    "read:me",
    "write",
    "write:accounts",
    "write:media",
    "write:statuses",
    "follow",
    "push",
)
# What servers know that tell no parts of these apart.
WHOLE_SCOPES = ("read", "write", "follow", "push")
_MEANINGS = {
    "profile": "See who you are",
    "read": "See everything in your account",
    "read:accounts": "See account information",
    "write": "Change everything in your account",
    "write:accounts": "Change your profile, its picture and its header",
}


class SignIn:
    def __init__(self, platform: Platform, accounts: Accounts, flavour: Callable[[], Flavour]) -> None:
        self._platform = platform
        self._context = platform.context
        self._accounts = accounts
        self._flavour = flavour

    def routes(self, endpoints: Endpoints) -> list[BaseRoute]:
        return [
            endpoints.route("/api/v1/apps", self.register, "auth", methods=["POST"], limits=LIMITS),
            Route("/.well-known/oauth-authorization-server", self.discovery),
            Route("/oauth/authorize", self.consent),
            Route("/oauth/authorize", self.decide, methods=["POST"]),
            endpoints.route("/oauth/token", self.token, "auth", methods=["POST"]),
            endpoints.route("/oauth/revoke", self.revoke, "auth", methods=["POST"]),
        ]

    async def register(self, request: Request) -> Response:
        values = await body_values(request)
        name, scopes = str(values.get("client_name") or ""), str(values.get("scopes") or "read").split()
        given = values.get("redirect_uris") or ""
        redirect_uris = [str(uri) for uri in given] if isinstance(given, list) else str(given).split()
        if not name.strip():
            raise refuse(422, "Validation failed: Name can't be blank")
        if not redirect_uris:
            raise refuse(422, "Validation failed: Redirect URI can't be blank")
        if not all(_is_absolute(uri) for uri in redirect_uris):
            raise refuse(422, "Validation failed: Redirect URI must be an absolute URI.")
        if not set(scopes) <= set(SCOPES):
            raise refuse(422, "Validation failed: Scopes doesn't match configured on the server.")
        app: Document = {
            "id": str(sum(1 for _ in self._context.store.items("apps")) + 1),
            "name": name,
            "website": values.get("website") or None,
            "scopes": scopes,
            "redirect_uri": "\n".join(redirect_uris),
            "redirect_uris": redirect_uris,
            "client_id": self._context.token(22),
            "client_secret": self._context.token(22),
            "client_secret_expires_at": 0,
        }
        self._context.store.put("apps", app["client_id"], app)
        return JSONResponse(app)

    async def discovery(self, _: Request) -> Response:
        if not self._flavour().has_pkce:
            return error(404, "Record not found")
        origin = self._context.origin
        return JSONResponse(
            {
                "issuer": f"{origin}/",
                "authorization_endpoint": f"{origin}/oauth/authorize",
                "token_endpoint": f"{origin}/oauth/token",
                "revocation_endpoint": f"{origin}/oauth/revoke",
                "userinfo_endpoint": f"{origin}/oauth/userinfo",
                "scopes_supported": SCOPES,
                "response_types_supported": ["code"],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "grant_types_supported": ["authorization_code", "client_credentials"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "service_documentation": "https://docs.joinmastodon.org/",
                "app_registration_endpoint": f"{origin}/api/v1/apps",
            }
        )

    async def consent(self, request: Request) -> Response:
        asked = dict(request.query_params)
        app = self._context.store.get("apps", asked.get("client_id", ""))
        if app is None:
            return error_page(self._platform, "Client authentication failed: this app is not registered here.", 401)
        if asked.get("redirect_uri") not in app["redirect_uris"]:
            return error_page(self._platform, "The redirect URI is not one that the app registered.")
        scopes = asked.get("scope", "read").split()
        if asked.get("response_type") != "code":
            return _back(asked, error="unsupported_response_type")
        unknown = self._flavour().whole_scopes and not set(scopes) <= set(WHOLE_SCOPES)
        if unknown or not _is_subset(scopes, app["scopes"]):
            return _back(
                asked, error="invalid_scope", error_description="The requested scope is invalid, unknown, or malformed."
            )
        challenge = asked.get("code_challenge", "") if self._flavour().has_pkce else ""
        if challenge and asked.get("code_challenge_method") != "S256":
            return _back(asked, error="invalid_request", error_description="The code challenge method must be S256.")
        ticket = self._context.token(16)
        document = {
            "client_id": app["client_id"],
            "redirect_uri": asked["redirect_uri"],
            "state": asked.get("state"),
            "scopes": scopes,
            "challenge": challenge,
            "until": self._context.clock() + CODE_SECONDS,
        }
        self._context.store.put("tickets", ticket, document)
        return consent_page(
            self._platform,
            app_name=app["name"],
            wants=[_MEANINGS.get(scope, scope) for scope in scopes],
            action="/oauth/authorize",
            hidden={"ticket": ticket},
        )

    async def decide(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=10)
        key, account = str(form.get("ticket", "")), str(form.get("account", ""))
        ticket = self._context.store.get("tickets", key)
        if ticket is None or ticket["until"] < self._context.clock() or account not in PEOPLE:
            return error_page(self._platform, "This sign-in link is unknown, used or too old. Start again in the app.")
        self._context.store.delete("tickets", key)
        if form.get("decision") != "allow":
            return _back(
                ticket,
                error="access_denied",
                error_description="The resource owner or authorization server denied the request.",
            )
        code = self._context.token(22)
        until = self._context.clock() + CODE_SECONDS
        self._context.store.put("codes", code, {**ticket, "account": account, "until": until})
        return _back(ticket, code=code)

    async def token(self, request: Request) -> Response:
        values = await body_values(request)
        app = self._client(request, values)
        match values.get("grant_type"):
            case "authorization_code":
                return self._exchange(app, values)
            case "client_credentials":
                scopes = str(values.get("scope") or "read").split()
                if not _is_subset(scopes, app["scopes"]):
                    return _oauth_error(400, "invalid_scope", "The requested scope is invalid, unknown, or malformed.")
                return JSONResponse(self._accounts.issue_token(None, tuple(scopes), app["client_id"]))
            case "refresh_token" if self._flavour().token_seconds is not None:
                renewed = self._accounts.renew_token(str(values.get("refresh_token") or ""), app["client_id"])
                if renewed is None:
                    return _oauth_error(400, "invalid_grant", "The refresh token is invalid.")
                return JSONResponse(renewed)
            case _:
                return _oauth_error(400, "unsupported_grant_type", "The authorization grant type is not supported.")

    def _exchange(self, app: Document, values: Document) -> Response:
        code = self._context.store.get("codes", str(values.get("code") or ""))
        if (
            code is None
            or code["client_id"] != app["client_id"]
            or code["until"] < self._context.clock()
            or code["redirect_uri"] != values.get("redirect_uri")
            or not _verifies(code["challenge"], str(values.get("code_verifier") or ""))
        ):
            return _oauth_error(
                400,
                "invalid_grant",
                "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI"
                " used in the authorization request, or was issued to another client.",
            )
        self._context.store.delete("codes", str(values["code"]))
        return JSONResponse(self._accounts.issue_token(code["account"], tuple(code["scopes"]), app["client_id"]))

    async def revoke(self, request: Request) -> Response:
        values = await body_values(request)
        key = str(values.get("token") or "")
        token = self._accounts.token(key)
        try:
            app = self._client(request, values)
        except Refused:
            app = None
        if app is None or (token is not None and token.client_id != app["client_id"]):
            return _oauth_error(403, "unauthorized_client", "You are not authorized to revoke this token")
        self._accounts.end_token(key, "revoked")
        # With it ends what could have renewed it.
        self._accounts.end_renewals(token)
        return JSONResponse({})

    def _client(self, request: Request, values: Document) -> Document:
        """Returns the app that identifies itself in the body or by Basic authentication."""
        client_id, secret = str(values.get("client_id") or ""), str(values.get("client_secret") or "")
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            with suppress(binascii.Error):
                client_id, _, secret = base64.b64decode(encoded).decode("utf-8", "replace").partition(":")
        app = self._context.store.get("apps", client_id)
        if app is None or not hmac.compare_digest(app["client_secret"].encode(), secret.encode()):
            raise Refused(
                _oauth_error(
                    401,
                    "invalid_client",
                    "Client authentication failed due to unknown client, no client authentication included, or"
                    " unsupported authentication method.",
                )
            )
        return app


async def body_values(request: Request) -> Document:
    """Reads a JSON or form body, as every endpoint of Mastodon takes both."""
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            values = json.loads(await request.body())
        except ValueError as reason:
            raise refuse(400, "There was a problem in the JSON you submitted") from reason
        return values if isinstance(values, dict) else {}
    values = {}
    for name, value in (await request.form()).multi_items():
        if name.endswith("[]"):
            values.setdefault(name[:-2], []).append(value)
        else:
            values[name] = value
    return values


def _is_absolute(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment


def _is_subset(scopes: list[str], registered: list[str]) -> bool:
    """Tells whether the app registered each scope, or the broad one that contains it."""
    return bool(scopes) and all(scope in registered or scope.partition(":")[0] in registered for scope in scopes)


def _verifies(challenge: str, verifier: str) -> bool:
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return not challenge or hmac.compare_digest(digest.encode(), challenge.encode())


def _back(asked: Document, **answer: str) -> Response:
    """Sends the browser back to the app, with its `state`."""
    if asked.get("state") is not None:
        answer["state"] = asked["state"]
    separator = "&" if urlsplit(asked["redirect_uri"]).query else "?"
    return RedirectResponse(asked["redirect_uri"] + separator + urlencode(answer), 303)


def _oauth_error(status: int, name: str, description: str) -> Response:
    return JSONResponse({"error": name, "error_description": description}, status)
