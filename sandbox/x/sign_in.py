"""X's three-legged OAuth 1.0a: request token, consent, access token."""

from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.kit.endpoint import Endpoints
from sandbox.kit.pages import consent_page, error_page
from sandbox.kit.platform import PEOPLE, Platform
from sandbox.x.accounts import X_CONSUMER_KEY, X_CONSUMER_SECRET, Accounts, Token
from sandbox.x.answers import refuse
from sandbox.x.oauth1 import Nonces, SignedRequest, read_signed

# How long a person may take over the consent page, in seconds; X does not publish its own figure.
REQUEST_TOKEN_SECONDS = 900


def is_approved_callback(url: str) -> bool:
    """Tells whether the app may be called back there: any port and path of an http(s) loopback address.

    X wants 127.0.0.1 written out: "localhost" is refused there too.
    """
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


class SignIn:
    def __init__(self, platform: Platform, accounts: Accounts) -> None:
        self._platform = platform
        self._context = platform.context
        self._accounts = accounts
        self._nonces = Nonces(self._context.clock)

    def routes(self, endpoints: Endpoints) -> list[BaseRoute]:
        return [
            endpoints.route("/oauth/request_token", self.request_token, "auth", methods=["POST"]),
            endpoints.route("/oauth/access_token", self.access_token, "auth", methods=["POST"]),
            *(
                endpoints.route(f"/1.1/oauth/invalidate_token{suffix}", self.invalidate, "auth", methods=["POST"])
                for suffix in ("", ".json")
            ),
            *(Route(f"/oauth/{page}", self.consent) for page in ("authorize", "authenticate")),
            Route("/oauth/authorize", self.decide, methods=["POST"]),
        ]

    async def _checked(self, request: Request) -> SignedRequest:
        """Reads a signed request of our consumer within the clock window; the signature is still to be checked."""
        if request.headers.get("authorization", "").lower().startswith("bearer "):
            # OAuth 2.0 tokens do not open v1.1.
            raise refuse(request, 220)
        signed = await read_signed(request)
        if signed is None:
            raise refuse(request, 215)
        if signed.oauth["oauth_consumer_key"] != X_CONSUMER_KEY:
            raise refuse(request, 32)
        if not self._nonces.is_timely(signed):
            raise refuse(request, 135)
        return signed

    def _check_signature(self, request: Request, signed: SignedRequest, token_secret: str) -> None:
        if not signed.has_valid_signature(X_CONSUMER_SECRET, token_secret) or not self._nonces.use(signed):
            raise refuse(request, 32)

    async def user(self, request: Request) -> tuple[Token, SignedRequest]:
        """Returns the valid token that signed a request; raises X's refusal otherwise."""
        signed = await self._checked(request)
        token = self._accounts.token(signed.oauth.get("oauth_token", ""))
        if token is None or token.revoked:
            raise refuse(request, 89)
        self._check_signature(request, signed, token.secret)
        return token, signed

    async def request_token(self, request: Request) -> Response:
        signed = await self._checked(request)
        self._check_signature(request, signed, "")
        callback = signed.oauth.get("oauth_callback") or signed.parameter("oauth_callback") or ""
        if not is_approved_callback(callback):
            raise refuse(request, 415)
        key, secret = self._context.token(20), self._context.token(24)
        level = "read" if signed.parameter("x_auth_access_type") == "read" else "read-write"
        document = {"secret": secret, "callback": callback, "level": level, "created": self._context.clock()}
        self._context.store.put("requests", key, document)
        return _form({"oauth_token": key, "oauth_token_secret": secret, "oauth_callback_confirmed": "true"})

    async def consent(self, request: Request) -> Response:
        key = request.query_params.get("oauth_token", "")
        pending = self._pending(key)
        if pending is None:
            return error_page(self._platform, "This sign-in link is unknown, used or too old. Start again in the app.")
        wants = ["See your profile"]
        if pending["level"] == "read-write":
            wants.append("Change your profile picture and banner")
        return consent_page(
            self._platform,
            app_name="Linkarooie",
            wants=wants,
            action="/oauth/authorize",
            hidden={"oauth_token": key},
            preselect=request.query_params.get("screen_name"),
        )

    async def decide(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=10)
        key, account = str(form.get("oauth_token", "")), str(form.get("account", ""))
        pending = self._pending(key)
        if pending is None or account not in PEOPLE:
            return error_page(self._platform, "This sign-in link is unknown, used or too old. Start again in the app.")
        callback = pending["callback"]
        separator = "&" if urlsplit(callback).query else "?"
        if form.get("decision") != "allow":
            self._context.store.delete("requests", key)
            return RedirectResponse(callback + separator + urlencode({"denied": key}), 303)
        verifier = self._context.token(20)
        self._context.store.put("requests", key, {**pending, "account": account, "verifier": verifier})
        query = urlencode({"oauth_token": key, "oauth_verifier": verifier})
        return RedirectResponse(callback + separator + query, 303)

    def _pending(self, key: str) -> dict[str, str] | None:
        """Returns a request token that nobody has decided on yet."""
        found = self._context.store.get("requests", key)
        if found is None or "verifier" in found or self._is_old(found["created"]):
            return None
        return found

    def _is_old(self, created: float) -> bool:
        return self._context.clock() - created > REQUEST_TOKEN_SECONDS

    async def access_token(self, request: Request) -> Response:
        signed = await self._checked(request)
        key = signed.oauth.get("oauth_token", "")
        found = self._context.store.get("requests", key)
        if found is None or self._is_old(found["created"]):
            raise refuse(request, 89)
        self._check_signature(request, signed, found["secret"])
        verifier = signed.oauth.get("oauth_verifier") or signed.parameter("oauth_verifier")
        if "verifier" not in found or verifier != found["verifier"]:
            raise refuse(request, 89)
        self._context.store.delete("requests", key)
        token = self._accounts.issue_token(found["account"], found["level"])
        return _form(
            {
                "oauth_token": token.key,
                "oauth_token_secret": token.secret,
                "user_id": self._accounts.user_id(token.account),
                "screen_name": token.account,
            }
        )

    async def invalidate(self, request: Request) -> Response:
        token, _ = await self.user(request)
        self._accounts.revoke_token(token.key)
        return Response(f'{{"access_token":"{token.key}"}}', media_type="application/json")


def _form(values: dict[str, str]) -> Response:
    return PlainTextResponse(urlencode(values), media_type="text/html")
