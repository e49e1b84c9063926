"""App-password sessions, and who the caller of a resource is: by such a session, or by OAuth with DPoP."""

from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from sandbox.bluesky.accounts import BLUESKY_APP_PASSWORDS, Accounts
from sandbox.bluesky.answers import ALL_CALLS, LOGINS, challenge, refuse, scope_missing
from sandbox.bluesky.oauth import OAuth
from sandbox.bluesky.proofs import BadProofError, Proofs
from sandbox.bluesky.tokens import Tokens, looks_like_jwt
from sandbox.kit.endpoint import Endpoints, Refused
from sandbox.kit.platform import Context
from sandbox.kit.store import Document

ACCESS_SECONDS = 120 * 60
REFRESH_SECONDS = 90 * 24 * 60 * 60
# How long a used refresh token still gives the same next one.
GRACE_SECONDS = 2 * 60 * 60


@dataclass(frozen=True)
class Caller:
    """Whose request it is. `scopes` is None for an app password, which may do everything here."""

    name: str
    scopes: frozenset[str] | None

    def require_repo(self, collection: str, action: str) -> None:
        """Raises the refusal unless records of this collection may be written so."""
        self._require("repo", "collection", collection, "action", action)

    def require_blob(self, mime_type: str) -> None:
        self._require("blob", "accept", mime_type)

    def require_rpc(self, method: str) -> None:
        self._require("rpc", "lxm", method)

    def _require(self, kind: str, field: str, value: str, option: str = "", choice: str = "") -> None:
        if self.scopes is None or "transition:generic" in self.scopes:
            return
        for scope in self.scopes:
            head, _, query = scope.partition("?")
            resource, _, named = head.partition(":")
            options = parse_qs(query)
            values = [named] if named else options.get(field, [])
            if (
                resource == kind
                and any(_matches(pattern, value) for pattern in values)
                and (not option or choice in options.get(option, [choice]))
            ):
                return
        suffix = f"?{option}={choice}" if option else ""
        raise Refused(scope_missing(f"{kind}:{value}{suffix}"))


def _matches(pattern: str, value: str) -> bool:
    if pattern.endswith("/*"):
        return pattern == "*/*" or value.startswith(pattern[:-1])
    return pattern in ("*", value)


class Sessions:
    def __init__(self, context: Context, accounts: Accounts, tokens: Tokens, proofs: Proofs, oauth: OAuth) -> None:
        self._context = context
        self._accounts = accounts
        self._tokens = tokens
        self._proofs = proofs
        self._oauth = oauth

    def routes(self, endpoints: Endpoints) -> list[BaseRoute]:
        server = "/xrpc/com.atproto.server"
        return [
            endpoints.route(
                f"{server}.createSession", self.create, "auth", methods=["POST"], limits=(ALL_CALLS, *LOGINS)
            ),
            endpoints.route(f"{server}.refreshSession", self.refresh, "auth", methods=["POST"], limits=(ALL_CALLS,)),
            endpoints.route(f"{server}.deleteSession", self.delete, "auth", methods=["POST"], limits=(ALL_CALLS,)),
            endpoints.route(f"{server}.getSession", self.show, "read", limits=(ALL_CALLS,)),
        ]

    # Who calls

    def caller(self, request: Request) -> Caller:
        """Returns the authenticated caller; raises the server's refusal."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        match scheme.lower():
            case "bearer":
                return self._by_app_password(token)
            case "dpop":
                return self._by_oauth(request, token)
            case _:
                raise refuse(401, "AuthMissing", "Authentication Required")

    def _by_app_password(self, token: str) -> Caller:
        if not looks_like_jwt(token):
            raise refuse(500, "InternalServerError", "Internal Server Error")
        claims = self._tokens.read("at+jwt", token)
        if claims is None or "cnf" in claims:
            raise refuse(400, "InvalidToken", "Token could not be verified")
        if self._tokens.is_expired_access(claims):
            raise refuse(400, "ExpiredToken", "Token has expired")
        return Caller(self._name(claims["sub"]), None)

    def _by_oauth(self, request: Request, token: str) -> Caller:
        try:
            proof = self._proofs.check(request, token)
        except BadProofError as error:
            raise Refused(challenge(error.name, error.description)) from error
        claims = self._tokens.read("at+jwt", token)
        if claims is None or "cnf" not in claims:
            raise Refused(challenge("invalid_token", "Invalid token"))
        if claims["cnf"]["jkt"] != proof.thumbprint:
            raise Refused(challenge("invalid_token", "Invalid DPoP key binding"))
        if self._tokens.is_expired_access(claims) or not self._oauth.is_alive(claims["session"]):
            raise Refused(challenge("invalid_token", "Token has expired or was revoked"))
        return Caller(self._name(claims["sub"]), frozenset(claims["scope"].split()))

    def _name(self, did: str) -> str:
        name = self._accounts.find(did)
        if name is None:
            raise refuse(400, "AccountNotFound", "Account not found")
        return name

    # App passwords

    async def create(self, request: Request) -> Response:
        body = await json_body(request)
        name = self._accounts.find(str(body.get("identifier") or ""))
        if name is None or body.get("password") != BLUESKY_APP_PASSWORDS[name]:
            raise refuse(401, "AuthenticationRequired", "Invalid identifier or password")
        refresh_id = self._new_refresh(name)
        return JSONResponse(self._pair(name, refresh_id))

    def _new_refresh(self, name: str) -> str:
        key, now = self._context.token(24), int(self._context.clock())
        document = {"account": name, "issued": now, "next": None, "usable_until": now + REFRESH_SECONDS}
        self._context.store.put("refresh", key, document)
        return key

    def _pair(self, name: str, refresh_id: str) -> Document:
        now = int(self._context.clock())
        did = self._accounts.did(name)
        shared = {"sub": did, "aud": f"did:web:{self._context.origin.partition('://')[2]}"}
        access = {**shared, "scope": "com.atproto.appPass", "iat": now, "exp": now + ACCESS_SECONDS}
        issued = (self._context.store.get("refresh", refresh_id) or {})["issued"]
        refresh = {
            **shared,
            "scope": "com.atproto.refresh",
            "jti": refresh_id,
            "iat": issued,
            "exp": issued + REFRESH_SECONDS,
        }
        return {
            "accessJwt": self._tokens.make("at+jwt", {**access, "jti": self._context.token(8)}),
            "refreshJwt": self._tokens.make("refresh+jwt", refresh),
            **self._account(name),
        }

    def _account(self, name: str) -> Document:
        return {
            "did": self._accounts.did(name),
            "handle": self._accounts.handle(name),
            "didDoc": self._accounts.did_document(name),
            "email": f"{name}@sandbox.test",
            "emailConfirmed": True,
            "active": True,
        }

    def _refresh_document(self, request: Request) -> tuple[str, Document]:
        """Returns the refresh token that a request carries; raises the server's refusal."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise refuse(401, "AuthMissing", "Authentication Required")
        claims = self._tokens.read("refresh+jwt", token)
        if claims is None:
            raise refuse(400, "InvalidToken", "Token could not be verified")
        found = self._context.store.get("refresh", claims["jti"])
        if found is None or found["usable_until"] <= self._context.clock():
            message = "Token has expired" if self._tokens.has_ended(claims) else "Token has been revoked"
            raise refuse(400, "ExpiredToken", message)
        return claims["jti"], found

    async def refresh(self, request: Request) -> Response:
        key, found = self._refresh_document(request)
        following = found["next"]
        if following is None or self._context.store.get("refresh", following) is None:
            following = self._new_refresh(found["account"])
            until = self._context.clock() + GRACE_SECONDS
            self._context.store.put("refresh", key, {**found, "next": following, "usable_until": until})
        return JSONResponse(self._pair(found["account"], following))

    async def delete(self, request: Request) -> Response:
        key, _ = self._refresh_document(request)
        self._context.store.delete("refresh", key)
        return Response(status_code=200)

    async def show(self, request: Request) -> Response:
        return JSONResponse(self._account(self.caller(request).name))

    def revoke_all(self) -> None:
        """Revokes the app passwords' sessions: their access tokens go on until they end, as on the real server."""
        for key, _ in self._context.store.items("refresh"):
            self._context.store.delete("refresh", key)


async def json_body(request: Request) -> Document:
    """Reads a JSON object; raises the server's refusal."""
    try:
        body = await request.json()
    except ValueError as reason:
        raise refuse(400, "InvalidRequest", "Request body is not valid JSON") from reason
    if not isinstance(body, dict):
        raise refuse(400, "InvalidRequest", "Input must be an object")
    return body
