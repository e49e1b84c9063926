"""Bluesky's authorisation server: pushed requests, consent, tokens bound to a key, revocation."""

import base64
import hashlib
import hmac
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.bluesky.accounts import Accounts
from sandbox.bluesky.answers import ALL_CALLS, refuse_oauth
from sandbox.bluesky.clients import Client, Clients
from sandbox.bluesky.proofs import BadProofError, Proof, Proofs
from sandbox.bluesky.tokens import Tokens
from sandbox.kit.endpoint import Endpoints
from sandbox.kit.pages import consent_page, error_page
from sandbox.kit.platform import PEOPLE, Platform
from sandbox.kit.store import Document

REQUEST_SECONDS = 299
CODE_SECONDS = 300
ACCESS_SECONDS = 60 * 60
_DAY = 24 * 60 * 60
PUBLIC_SESSION_SECONDS = 14 * _DAY
CONFIDENTIAL_SESSION_SECONDS = 730 * _DAY
CONFIDENTIAL_REFRESH_SECONDS = 90 * _DAY

_URN = "urn:ietf:params:oauth:request_uri:"


class OAuth:
    def __init__(self, platform: Platform, accounts: Accounts, tokens: Tokens, proofs: Proofs) -> None:
        self._platform = platform
        self._context = platform.context
        self._accounts = accounts
        self._tokens = tokens
        self._proofs = proofs
        self._clients = Clients(self._context.origin, self._context.clock)

    def routes(self, endpoints: Endpoints) -> list[BaseRoute]:
        posts = {"par": self.push, "token": self.token, "revoke": self.revoke}
        return [
            *(
                endpoints.route(f"/oauth/{name}", handler, "auth", methods=["POST"], limits=(ALL_CALLS,))
                for name, handler in posts.items()
            ),
            Route("/oauth/authorize", self.consent),
            Route("/oauth/authorize", self.decide, methods=["POST"]),
            Route("/oauth/jwks", self.jwks),
            Route("/.well-known/oauth-authorization-server", self.metadata),
            Route("/.well-known/oauth-protected-resource", self.resource_metadata),
        ]

    async def metadata(self, _: Request) -> Response:
        origin = self._context.origin
        return JSONResponse(
            {
                "issuer": origin,
                "authorization_endpoint": f"{origin}/oauth/authorize",
                "token_endpoint": f"{origin}/oauth/token",
                "revocation_endpoint": f"{origin}/oauth/revoke",
                "pushed_authorization_request_endpoint": f"{origin}/oauth/par",
                "require_pushed_authorization_requests": True,
                "jwks_uri": f"{origin}/oauth/jwks",
                "scopes_supported": ["atproto", "transition:email", "transition:generic", "transition:chat.bsky"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query", "fragment"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
                "dpop_signing_alg_values_supported": ["ES256"],
                "authorization_response_iss_parameter_supported": True,
                "client_id_metadata_document_supported": True,
                "protected_resources": [origin],
            }
        )

    async def resource_metadata(self, _: Request) -> Response:
        origin = self._context.origin
        return JSONResponse(
            {
                "resource": origin,
                "authorization_servers": [origin],
                "scopes_supported": [],
                "bearer_methods_supported": ["header"],
            }
        )

    async def jwks(self, _: Request) -> Response:
        # Access tokens are for this server alone, so nobody needs a key to read them.
        return JSONResponse({"keys": []})

    # The request

    async def _form(self, request: Request) -> tuple[dict[str, str], Proof, Client]:
        """Reads a form of the token or PAR endpoint; raises the server's refusal of its proof or its client."""
        try:
            proof = self._proofs.check(request)
        except BadProofError as error:
            raise refuse_oauth(error.name, error.description) from error
        form = await _fields(request)
        return form, proof, await self._clients.authenticate(form)

    async def push(self, request: Request) -> Response:
        form, proof, client = await self._form(request)
        scopes = form.get("scope", "").split()
        if form.get("response_type") != "code":
            raise refuse_oauth("invalid_request", 'Unsupported response_type: "code" is required')
        if not client.may_redirect_to(form.get("redirect_uri", "")):
            raise refuse_oauth("invalid_request", "Invalid redirect_uri: it is not one that the client registered")
        if "atproto" not in scopes:
            raise refuse_oauth("invalid_scope", 'The "atproto" scope is required')
        if not set(scopes) <= client.scopes:
            extra = ", ".join(sorted(set(scopes) - client.scopes))
            raise refuse_oauth("invalid_scope", f"Scope {extra} is not declared in the client metadata")
        if not form.get("code_challenge") or form.get("code_challenge_method") != "S256":
            raise refuse_oauth("invalid_request", "PKCE with code_challenge_method S256 is required")
        if form.get("response_mode", "query") not in ("query", "fragment"):
            raise refuse_oauth("invalid_request", "Unsupported response_mode")
        uri = _URN + "req-" + self._context.token(16)
        document = {
            "client_id": client.id,
            "client_name": client.name,
            "redirect_uri": form["redirect_uri"],
            "scope": " ".join(scopes),
            "state": form.get("state"),
            "challenge": form["code_challenge"],
            "mode": form.get("response_mode", "query"),
            "login_hint": form.get("login_hint"),
            "thumbprint": proof.thumbprint,
            "until": self._context.clock() + REQUEST_SECONDS,
        }
        self._context.store.put("requests", uri, document)
        return JSONResponse(
            {"request_uri": uri, "expires_in": REQUEST_SECONDS}, 201, headers={"Cache-Control": "no-store"}
        )

    def _pending(self, uri: str) -> Document | None:
        found = self._context.store.get("requests", uri)
        return found if found and found["until"] > self._context.clock() else None

    async def consent(self, request: Request) -> Response:
        uri, client_id = request.query_params.get("request_uri", ""), request.query_params.get("client_id")
        pending = self._pending(uri)
        if pending is None:
            return error_page(self._platform, "This sign-in link is unknown, used or too old: start again in the app.")
        if pending["client_id"] != client_id:
            return error_page(self._platform, "This sign-in link belongs to another app.")
        return consent_page(
            self._platform,
            app_name=pending["client_name"],
            wants=[_meaning(scope) for scope in pending["scope"].split()],
            action="/oauth/authorize",
            hidden={"request_uri": uri},
            preselect=self._accounts.find(pending["login_hint"] or ""),
        )

    async def decide(self, request: Request) -> Response:
        form = await _fields(request)
        uri, account = form.get("request_uri", ""), form.get("account", "")
        pending = self._pending(uri)
        if pending is None or account not in PEOPLE:
            return error_page(self._platform, "This sign-in link is unknown, used or too old. Start again in the app.")
        self._context.store.delete("requests", uri)
        answer = {"iss": self._context.origin}
        if pending["state"] is not None:
            answer["state"] = pending["state"]
        if form.get("decision") == "allow":
            code = "cod-" + self._context.token(24)
            until = self._context.clock() + CODE_SECONDS
            self._context.store.put("codes", code, {**pending, "account": account, "until": until, "session": None})
            answer["code"] = code
        else:
            answer |= {"error": "access_denied", "error_description": "The user rejected the request"}
        separator = "#" if pending["mode"] == "fragment" else "&" if urlsplit(pending["redirect_uri"]).query else "?"
        return RedirectResponse(pending["redirect_uri"] + separator + urlencode(answer), 303)

    # The tokens

    async def token(self, request: Request) -> Response:
        form, proof, client = await self._form(request)
        match form.get("grant_type"):
            case "authorization_code":
                session = self._redeem_code(form, proof, client)
            case "refresh_token":
                session = self._redeem_refresh(form, proof, client)
            case _:
                raise refuse_oauth("unsupported_grant_type", "Grant type not supported")
        return self._answer(session)

    def _redeem_code(self, form: dict[str, str], proof: Proof, client: Client) -> Document:
        key = form.get("code", "")
        found = self._context.store.get("codes", key)
        if found is None or found["client_id"] != client.id:
            raise refuse_oauth("invalid_grant", "Invalid code")
        if found["session"] is not None:
            self.end_session(found["session"])
            raise refuse_oauth("invalid_grant", "Code replayed")
        if found["until"] <= self._context.clock():
            raise refuse_oauth("invalid_grant", "This code has expired")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).rstrip(b"=")
        if found["redirect_uri"] != form.get("redirect_uri"):
            raise refuse_oauth("invalid_grant", "The redirect_uri parameter must match that of the request")
        if not hmac.compare_digest(verifier, found["challenge"].encode()):
            raise refuse_oauth("invalid_grant", "Invalid code_verifier")
        if found["thumbprint"] != proof.thumbprint:
            raise refuse_oauth("invalid_token", "Invalid DPoP key binding", 401)
        session = {
            "id": "ses-" + self._context.token(16),
            "account": found["account"],
            "client_id": client.id,
            "is_public": client.keys is None,
            "scope": found["scope"],
            "thumbprint": proof.thumbprint,
            "created": self._context.clock(),
        }
        self._context.store.put("sessions", session["id"], session)
        self._context.store.put("codes", key, {**found, "session": session["id"]})
        return session

    def _redeem_refresh(self, form: dict[str, str], proof: Proof, client: Client) -> Document:
        key = form.get("refresh_token", "")
        found = self._context.store.get("refresh_tokens", key)
        session = found and self._context.store.get("sessions", found["session"])
        if not found or not session or session["client_id"] != client.id:
            raise refuse_oauth("invalid_grant", "Invalid refresh token")
        if found["used"]:
            self.end_session(session["id"])
            raise refuse_oauth("invalid_grant", "Refresh token replayed")
        if session["thumbprint"] != proof.thumbprint:
            raise refuse_oauth("invalid_token", "Invalid DPoP key binding", 401)
        now = self._context.clock()
        session_seconds = PUBLIC_SESSION_SECONDS if session["is_public"] else CONFIDENTIAL_SESSION_SECONDS
        refresh_seconds = PUBLIC_SESSION_SECONDS if session["is_public"] else CONFIDENTIAL_REFRESH_SECONDS
        if now - session["created"] > session_seconds or now - found["issued"] > refresh_seconds:
            self.end_session(session["id"])
            raise refuse_oauth("invalid_grant", "Session expired")
        self._context.store.put("refresh_tokens", key, {**found, "used": True})
        return session

    def _answer(self, session: Document) -> Response:
        now = int(self._context.clock())
        did = self._accounts.did(session["account"])
        claims = {
            "iss": self._context.origin,
            "aud": f"did:web:{self._context.origin.partition('://')[2]}",
            "sub": did,
            "client_id": session["client_id"],
            "scope": session["scope"],
            "session": session["id"],
            "jti": "tok-" + self._context.token(16),
            "iat": now,
            "exp": now + ACCESS_SECONDS,
            "cnf": {"jkt": session["thumbprint"]},
        }
        refresh = "ref-" + self._context.token(32)
        document = {"session": session["id"], "issued": now, "used": False}
        self._context.store.put("refresh_tokens", refresh, document)
        return JSONResponse(
            {
                "access_token": self._tokens.make("at+jwt", claims),
                "token_type": "DPoP",
                "refresh_token": refresh,
                "scope": session["scope"],
                "expires_in": ACCESS_SECONDS,
                "sub": did,
            },
            headers={"Cache-Control": "no-store"},
        )

    async def revoke(self, request: Request) -> Response:
        form = await _fields(request)
        client = await self._clients.authenticate(form)
        token = form.get("token", "")
        found = self._context.store.get("refresh_tokens", token) or self._tokens.read("at+jwt", token)
        session = found and self._context.store.get("sessions", found.get("session", ""))
        if session and session["client_id"] == client.id:
            self.end_session(session["id"])
        return JSONResponse({})

    def is_alive(self, session_id: str) -> bool:
        return self._context.store.get("sessions", session_id) is not None

    def end_session(self, session_id: str) -> None:
        self._context.store.delete("sessions", session_id)

    def revoke_all(self) -> None:
        for key, _ in self._context.store.items("sessions"):
            self.end_session(key)


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form(max_files=0, max_fields=50)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _meaning(scope: str) -> str:
    if scope == "atproto":
        return "Know who you are"
    if scope == "transition:generic":
        return "Read and write everything, except your e-mail address and password"
    if scope.startswith("repo:app.bsky.actor.profile"):
        return "Change your profile, its avatar and its banner"
    if scope.startswith("blob:image"):
        return "Upload pictures"
    return scope
