"""Puts Google's sign-in together: discovery, consent, token, userinfo and keys."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.google.answers import GoogleDialect, GoogleSwitches, error, refuse
from sandbox.google.keys import Claims, Keys
from sandbox.kit.code_flow import Asked, CodeFlow, is_registered, verifies
from sandbox.kit.endpoint import Endpoints
from sandbox.kit.pages import error_page
from sandbox.kit.pictures import initial_picture
from sandbox.kit.platform import PEOPLE, AccountView, Context, Platform
from sandbox.kit.switches import Panel

GOOGLE_CLIENT_ID = "407408718192-sandbox.apps.googleusercontent.test"
GOOGLE_CLIENT_SECRET = "GOCSPX-sandbox-7Rj2mXw5kQ"  # noqa: S105 - opens nothing but this sandbox
TOKEN_SECONDS = 3599
SCOPES = ("openid", "email", "profile")
_MEANINGS = {
    "openid": "Know who you are on Google",
    "email": "See your e-mail address",
    "profile": "See your name and picture",
}


def build(context: Context) -> Platform:
    return Google(context)


class Google:
    id = "google"
    name = "Google"
    avatar_shape = None
    accent = "#1a56c4"

    def __init__(self, context: Context) -> None:
        self.context = context
        self.panel = Panel(GoogleSwitches)
        self._keys = Keys(context)
        # Google names itself on the way back (RFC 9207) without saying in its discovery document that it does.
        self._flow = CodeFlow(self, {"error": "access_denied"}, {"iss": context.origin})
        endpoints = Endpoints(context, self.panel, GoogleDialect())
        self.app = Starlette(
            routes=[
                endpoints.route("/.well-known/openid-configuration", self._discovery, "read"),
                endpoints.route("/oauth2/v3/certs", self._certificates, "read"),
                Route("/o/oauth2/v2/auth", self._consent),
                Route("/o/oauth2/v2/auth", self._flow.decide, methods=["POST"]),
                endpoints.route("/token", self._token, "auth", methods=["POST"]),
                endpoints.route("/v1/userinfo", self._userinfo, "read", methods=["GET", "POST"]),
                endpoints.route("/revoke", self._revoke, "auth", methods=["POST"]),
                Route("/a/{name}", _picture),
            ]
        )

    def populate(self) -> None:
        """Does nothing: accounts are the same on every day, and the key is made at its first use."""

    @property
    def actions(self) -> Mapping[str, Callable[[], None]]:
        return {"rotate_keys": self._keys.rotate}

    # People

    def account(self, name: str) -> AccountView | None:
        if name not in PEOPLE:
            return None
        claims = self._claims(name, SCOPES)
        facts = [("subject", claims["sub"]), ("e-mail", claims.get("email", "not told"))]
        if "email" in claims:
            facts.append(("verified", "yes" if claims["email_verified"] else "no"))
        facts.append(("Workspace", claims.get("hd", "none")))
        return AccountView(name, PEOPLE[name], claims.get("email", name), facts=facts)

    def _claims(self, name: str, scopes: tuple[str, ...]) -> Claims:
        """Returns what the scopes let an app know.

        Ada's address belongs to a Workspace domain (`hd`), so Google speaks for it; Grace's is somebody else's, which
        Google has only verified once.
        """
        subject = 10**20 + int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
        claims: Claims = {"sub": str(subject)}
        if name == "ada":
            claims["hd"] = "sandbox.test"
        if "email" in scopes and not self.panel.switches.no_email:
            claims |= {"email": f"{name}@sandbox.test", "email_verified": not self.panel.switches.unverified_email}
        if "profile" in scopes:
            given, _, family = PEOPLE[name].partition(" ")
            picture = f"{self.context.origin}/a/{name}"
            claims |= {"name": PEOPLE[name], "given_name": given, "family_name": family, "picture": picture}
        return claims

    # Discovery

    async def _discovery(self, _: Request) -> Response:
        origin = self.context.origin
        document = {
            "issuer": origin,
            "authorization_endpoint": f"{origin}/o/oauth2/v2/auth",
            "token_endpoint": f"{origin}/token",
            "userinfo_endpoint": f"{origin}/v1/userinfo",
            "revocation_endpoint": f"{origin}/revoke",
            "jwks_uri": f"{origin}/oauth2/v3/certs",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": SCOPES,
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "claims_supported": [
                *("aud", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss", "name"),
                *("picture", "sub"),
            ],
            "code_challenge_methods_supported": ["S256"],
            "grant_types_supported": ["authorization_code"],
        }
        return JSONResponse(document, headers={"Cache-Control": "public, max-age=3600"})

    async def _certificates(self, _: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=22000, must-revalidate, no-transform"}
        return JSONResponse({"keys": self._keys.published()}, headers=headers)

    # Sign-in

    async def _consent(self, request: Request) -> Response:
        """Google shows what is wrong with a request on a page of its own and does not send the browser back."""
        query = request.query_params
        if query.get("client_id") != GOOGLE_CLIENT_ID:
            return error_page(self, "Error 401: invalid_client. The OAuth client was not found.", 401)
        redirect_uri, scopes = query.get("redirect_uri", ""), tuple(query.get("scope", "").split())
        if not is_registered(redirect_uri, self.id):
            message = (
                f"Error 400: redirect_uri_mismatch. The address {redirect_uri!r} is not one that the app registered."
            )
            return error_page(self, message)
        if query.get("response_type") != "code":
            return error_page(self, "Error 400: unsupported_response_type. This sandbox gives codes only.")
        if not scopes or not set(scopes) <= set(SCOPES):
            return error_page(self, f"Error 400: invalid_scope. Ask for some of: {' '.join(SCOPES)}.")
        challenge = query.get("code_challenge", "")
        if challenge and query.get("code_challenge_method") != "S256":
            return error_page(self, "Error 400: invalid_request. The code challenge method must be S256.")
        asked = Asked(redirect_uri, query.get("state"), scopes, query.get("nonce"), challenge)
        return self._flow.ask(
            asked,
            wants=[_MEANINGS[scope] for scope in scopes],
            action="/o/oauth2/v2/auth",
            preselect=query.get("login_hint", "").partition("@")[0],
        )

    async def _token(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=20)
        _check_client(request, str(form.get("client_id", "")), str(form.get("client_secret", "")))
        if form.get("grant_type") != "authorization_code":
            return error(400, "unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        found = self._flow.redeem(str(form.get("code", "")))
        if found is None:
            return error(400, "invalid_grant", "Malformed auth code.")
        asked, account = found
        if form.get("redirect_uri") != asked.redirect_uri:
            return error(400, "redirect_uri_mismatch", "Bad Request")
        verifier = str(form.get("code_verifier", ""))
        if asked.challenge and not verifier:
            return error(400, "invalid_grant", "Missing code verifier.")
        if not verifies(asked.challenge, verifier):
            return error(400, "invalid_grant", "Invalid code verifier.")
        access_token = f"ya29.{self.context.token(30)}"
        until = self.context.clock() + TOKEN_SECONDS
        document = {"account": account, "scopes": asked.scopes, "until": until}
        self.context.store.put("tokens", access_token, document)
        answer = {
            "access_token": access_token,
            "expires_in": TOKEN_SECONDS,
            "scope": " ".join(asked.scopes),
            "token_type": "Bearer",
        }
        if "openid" in asked.scopes:
            answer["id_token"] = self._id_token(asked, account, access_token)
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def _id_token(self, asked: Asked, account: str, access_token: str) -> str:
        now, spoil = int(self.context.clock()), self.panel.switches.spoil
        issuer = self.context.origin
        if self.panel.switches.bare_issuer:
            issuer = urlsplit(issuer).netloc
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims: Claims = {
            "iss": issuer,
            "azp": GOOGLE_CLIENT_ID,
            "aud": GOOGLE_CLIENT_ID,
            **self._claims(account, asked.scopes),
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            "iat": now,
            "exp": now + 3600,
        }
        if asked.nonce is not None:
            claims["nonce"] = asked.nonce
        match spoil:
            case "nonce":
                claims["nonce"] = self.context.token(8)
            case "issuer":
                claims["iss"] = "https://accounts.elsewhere.test"
            case "audience":
                claims |= {"aud": "another-app.apps.googleusercontent.test", "azp": "another-app"}
            case "expired":
                claims |= {"iat": now - 7200, "exp": now - 3600}
        return self._keys.sign(claims, with_a_stranger=spoil == "signature")

    async def _userinfo(self, request: Request) -> Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        token = self.context.store.get("tokens", key) if scheme.lower() == "bearer" else None
        if token is None or token["until"] < self.context.clock():
            answer = error(401, "invalid_request", "Invalid Credentials")
            answer.headers["WWW-Authenticate"] = (
                'Bearer realm="https://accounts.google.com/", error="invalid_token", error_description="Invalid Credentials"'
            )
            return answer
        return JSONResponse(self._claims(token["account"], tuple(token["scopes"])))

    async def _revoke(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=20)
        key = str(form.get("token") or request.query_params.get("token", ""))
        if self.context.store.get("tokens", key) is None:
            return error(400, "invalid_token", "Token expired or revoked")
        self.context.store.delete("tokens", key)
        return JSONResponse({})


def _check_client(request: Request, client_id: str, secret: str) -> None:
    """Takes the app's credentials from the form or from Basic authentication; raises where they are wrong."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(binascii.Error):
            client_id, _, secret = base64.b64decode(encoded).decode("utf-8", "replace").partition(":")
            client_id, secret = unquote(client_id), unquote(secret)
    if client_id != GOOGLE_CLIENT_ID:
        raise refuse(401, "invalid_client", "The OAuth client was not found.")
    if not hmac.compare_digest(secret.encode(), GOOGLE_CLIENT_SECRET.encode()):
        raise refuse(401, "invalid_client", "Unauthorized")


async def _picture(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in PEOPLE:
        return Response(status_code=404)
    return Response(initial_picture(Google.id, name, "avatar"), media_type="image/png")
