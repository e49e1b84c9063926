"""The Bluesky adapter: access by OAuth, looks at the app view, writes to the account's own server."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import unquote, urlencode, urlsplit

from joserfc.jwk import ECKey

from servicekit.errors import InvalidInputError
from servicekit.outbound import Answer
from servicekit.settings import load_settings
from services.sync.domain import outcomes as o
from services.sync.domain.connection import Grant, OpenedAccount, RemoteAccount
from services.sync.domain.outcomes import PlatformError
from services.sync.platforms.base import (
    Adapter,
    AdapterContext,
    AuthStart,
    DifferentAccountError,
    Kind,
    Observation,
    Picture,
    Session,
    Unavailable,
    challenge_of,
    described,
    json_of,
)
from services.sync.platforms.bluesky.client import BROAD_SCOPE, Client, make_client
from services.sync.platforms.bluesky.identity import AuthServer, Directory, Identity, UnknownHandleError
from services.sync.platforms.bluesky.problems import limit_scope, problem_of
from services.sync.platforms.bluesky.proofs import Proofs, new_key
from services.sync.platforms.bluesky.settings import BlueskySettings

PROFILE = "app.bsky.actor.profile"
Record: TypeAlias = dict[str, Any]  # JSON
# As often as the official client tries when somebody else writes at the same time.
SWAP_ATTEMPTS = 5


def build(context: AdapterContext) -> Adapter | Unavailable:
    """Builds the adapter; authorisation servers must be able to reach this installation, or it must be on their own machine."""
    settings = load_settings(BlueskySettings)
    client = make_client(
        public_url=context.public_url,
        metadata_url=f"{context.public_url}/v1/connections/client-metadata/{context.platform.id}",
        callback_url=context.callback_url,
        scopes=" ".join(context.platform.scopes),
        key=settings.key(),
        clock=context.clock,
        secret=context.secret,
    )
    if client is None:
        return Unavailable(
            "Bluesky is not set up here: it needs this installation to have an https address.",
            (
                "Have a proxy serve this installation under an https address that servers on the internet can reach.",
                "Set LINKAROOIE_PUBLIC_URL to that address; Bluesky reads from there who we are, so nothing is to be entered at Bluesky.",
                "For local work http://127.0.0.1 does, too; a name such as localhost does not.",
                "Restart the sync service.",
            ),
        )
    return Bluesky(context, settings, client)


class Bluesky(Adapter):
    def __init__(self, context: AdapterContext, settings: BlueskySettings, client: Client) -> None:
        addresses = settings.entryway_url, settings.plc_url, settings.app_view_url
        super().__init__(context.api(*addresses, scope_of=limit_scope))
        self._context = context
        self._settings = settings
        self._client = client
        self._directory = Directory(self.api, settings)
        self._proofs = Proofs(self.api, context.clock, context.secret)

    def content_id(self, sha256: str) -> str | None:
        return content_id(sha256)

    def client_metadata(self) -> str | None:
        return self._client.metadata()

    # Access

    async def begin_auth(self, *, callback_url: str, state: str, instance: str) -> AuthStart:
        identity, issuer = await self._where(instance.removeprefix("@"))
        server = await self._directory.auth_server(issuer)
        key, verifier = new_key(), self._context.secret()
        request = {
            **self._client.authentication(issuer),
            "response_type": "code",
            "redirect_uri": callback_url,
            "state": state,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        if identity is not None:
            request["login_hint"] = identity.handle
        request_uri = await self._push(server, key, request)
        kept = {
            "issuer": issuer,
            "verifier": verifier,
            "key": _written(key),
            "did": identity.did if identity else "",
        }
        query = urlencode({"client_id": self._client.id, "request_uri": request_uri})
        return AuthStart(f"{server.authorize_url}?{query}", state, kept)

    async def _where(self, named: str) -> tuple[Identity | None, str]:
        """Reads what a person typed: nothing, a handle, or a server. Returns whose account, if said, and who signs them in."""
        if not named:
            return None, await self._directory.issuer_of(self._settings.entryway_url)
        try:
            identity = await self._directory.resolve(named)
            return identity, await self._directory.issuer_of(identity.server)
        except UnknownHandleError:
            pass
        host = urlsplit(named if "://" in named else f"https://{named}")
        try:
            issuer = await self._directory.issuer_of(f"https://{host.netloc}")
            await self._directory.auth_server(issuer)
        except PlatformError as error:
            raise InvalidInputError.of_field(
                "instance",
                "There is no Bluesky account and no server of this name. A handle looks like alice.bsky.social.",
                reason="INSTANCE_UNREACHABLE",
            ) from error
        return None, issuer

    async def _push(self, server: AuthServer, key: ECKey, request: Mapping[str, str]) -> str:
        """Hands in the request for access: for the narrow permission, else for the broad one where a server knows no other."""
        for scope in (" ".join(self._context.platform.scopes), BROAD_SCOPE):
            answer = await self._proofs.call("POST", server.push_url, key, data={**request, "scope": scope})
            said = json_of(answer)
            if answer.is_success and isinstance(said.get("request_uri"), str):
                return str(said["request_uri"])
            if said.get("error") != "invalid_scope":
                break
            if self._client.key is not None:
                # A proof of who we are is good for one use.
                request = {**request, **self._client.authentication(server.issuer)}
        raise PlatformError(self._problem(answer, writes=False))

    def is_denied(self, parameters: Mapping[str, str]) -> bool:
        return parameters.get("error") == "access_denied"

    async def finish_auth(
        self, parameters: Mapping[str, str], *, kept: Mapping[str, str], callback_url: str
    ) -> tuple[RemoteAccount, Grant]:
        issuer, key = kept["issuer"], ECKey.import_key(json.loads(kept["key"]))
        if parameters.get("iss") != issuer or "code" not in parameters:
            raise PlatformError(o.AuthRevoked("the callback comes from another server"))
        server = await self._directory.auth_server(issuer)
        body = {
            "grant_type": "authorization_code",
            "code": parameters["code"],
            "redirect_uri": callback_url,
            "code_verifier": kept["verifier"],
        }
        credentials, expires_at = await self._granted(server, key, body)
        did = credentials["did"]
        # A server may only speak for accounts that live with it.
        identity = await self._directory.identify(did)
        if await self._directory.issuer_of(identity.server) != issuer:
            raise PlatformError(o.AuthRevoked("the account lives with another server"))
        account, grant = self._account(identity), Grant({**credentials, "server": identity.server}, expires_at)
        if kept["did"] and did != kept["did"]:
            raise DifferentAccountError(OpenedAccount(account, grant))
        return account, grant

    async def refresh(self, session: Session) -> Grant:
        old = session.credentials
        server = await self._directory.auth_server(old["issuer"])
        body = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
        credentials, expires_at = await self._granted(server, _key(session), body)
        if credentials["did"] != session.account.remote_id:
            raise PlatformError(o.AuthRevoked("the renewed access is another account's"))
        # An empty refresh token means: keep the old one.
        refresh_token = credentials["refresh_token"] or old["refresh_token"]
        return Grant({**old, **credentials, "refresh_token": refresh_token}, expires_at)

    async def _granted(
        self, server: AuthServer, key: ECKey, body: Mapping[str, str]
    ) -> tuple[dict[str, str], datetime]:
        request = {**self._client.authentication(server.issuer), **body}
        answer = await self._proofs.call("POST", server.token_url, key, data=request)
        said = json_of(answer)
        if not answer.is_success or not isinstance(said.get("sub"), str):
            detail = described(answer)
            if said.get("error") == "invalid_grant":
                raise PlatformError(o.AuthRevoked(detail))
            raise PlatformError(self._problem(answer, writes=False))
        seconds = said.get("expires_in")
        life = timedelta(seconds=seconds if isinstance(seconds, int) else 300)
        credentials = {
            "issuer": server.issuer,
            "key": _written(key),
            "did": str(said["sub"]),
            "access_token": str(said["access_token"]),
            "refresh_token": str(said.get("refresh_token") or ""),
        }
        return credentials, self._context.clock() + life

    async def revoke(self, session: Session) -> None:
        server = await self._directory.auth_server(session.credentials["issuer"])
        if server.revoke_url:
            request = {
                **self._client.authentication(server.issuer),
                "token": session.credentials["refresh_token"],
            }
            await self._proofs.call("POST", server.revoke_url, _key(session), data=request)

    # Reads

    async def whoami(self, session: Session) -> RemoteAccount:
        answer = self._done(await self._xrpc("GET", "com.atproto.server.getSession", session), writes=False)
        if json_of(answer).get("did") != session.account.remote_id:
            raise PlatformError(o.AuthRevoked("the access is another account's"))
        return self._account(await self._directory.identify(session.account.remote_id))

    async def observe(self, session: Session, slot: Kind) -> Observation:
        url = f"{self._settings.app_view_url}/xrpc/app.bsky.actor.getProfile"
        answer = await self.api.call("GET", url, params={"actor": session.account.remote_id})
        if not answer.is_success:
            raise PlatformError(self._problem(answer, writes=False))
        said = json_of(answer)
        if said.get("did") != session.account.remote_id:
            raise PlatformError(o.Transient(described(answer)))
        picture = said.get(slot)
        if not isinstance(picture, str) or not picture:
            return Observation()
        # …/plain/<did>/<cid>@jpeg; some versions leave the format off.
        return Observation(picture, unquote(urlsplit(picture).path).rsplit("/", 1)[-1].partition("@")[0])

    # Writes

    async def submit(self, session: Session, slot: Kind, picture: Picture) -> o.Success:
        """Puts the file on the account's server, then into its profile."""
        uploaded = await self._xrpc(
            "POST",
            "com.atproto.repo.uploadBlob",
            session,
            content=picture.content,
            headers={"Content-Type": picture.content_type},
            # Changes nothing yet, and must not use up the time of the call that does.
            timeout_seconds=self.api.write_timeout_seconds / 2,
        )
        blob = json_of(self._done(uploaded, writes=False)).get("blob")
        if not isinstance(blob, dict) or blob.get("ref") != {"$link": content_id(picture.sha256)}:
            # Put into the profile, it would wipe the picture that is there, or show another.
            raise PlatformError(o.Transient(described(uploaded)))
        return await self._rewrite(session, lambda record: {**record, slot: blob})

    async def remove(self, session: Session, slot: Kind) -> o.Success:
        return await self._rewrite(
            session, lambda record: {name: value for name, value in record.items() if name != slot}
        )

    async def _rewrite(self, session: Session, change: Callable[[Record], Record]) -> o.Success:
        """Changes the profile and nothing else in it: read, merge, written only if nobody wrote meanwhile.

        What is as it shall be already, as after an earlier attempt that arrived, is not written.
        """
        for _ in range(SWAP_ATTEMPTS):
            cid, record = await self._profile(session)
            changed = change(record)
            if changed == record:
                return o.Accepted()
            body = {
                "repo": session.account.remote_id,
                "collection": PROFILE,
                "rkey": "self",
                "record": changed,
                "swapRecord": cid,
            }
            answer = await self._xrpc("POST", "com.atproto.repo.putRecord", session, json_body=body, writes=True)
            if json_of(answer).get("error") != "InvalidSwap":
                self._done(answer, writes=True)
                return o.Accepted()
        raise PlatformError(o.Conflict(f"the profile changed {SWAP_ATTEMPTS} times while it was written"))

    async def _profile(self, session: Session) -> tuple[str | None, Record]:
        """Returns the profile record with its version; without a version where there is none yet. Never guesses: what is not read is not written."""
        params = {"repo": session.account.remote_id, "collection": PROFILE, "rkey": "self"}
        answer = await self._xrpc("GET", "com.atproto.repo.getRecord", session, params=params)
        said = json_of(answer)
        if said.get("error") == "RecordNotFound":
            return None, {"$type": PROFILE}
        said = json_of(self._done(answer, writes=False))
        cid, record = said.get("cid"), said.get("value")
        if not isinstance(cid, str) or not isinstance(record, dict) or record.get("$type") != PROFILE:
            raise PlatformError(o.Transient(described(answer)))
        return cid, record

    # What all calls share

    async def _xrpc(
        self,
        method: str,
        name: str,
        session: Session,
        *,
        writes: bool = False,
        timeout_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json_body: object = None,
        content: bytes | None = None,
    ) -> Answer:
        keys = session.credentials
        return await self._proofs.call(
            method,
            f"{keys['server']}/xrpc/{name}",
            _key(session),
            access_token=keys["access_token"],
            writes=writes,
            timeout_seconds=timeout_seconds,
            headers=headers,
            params=params,
            json_body=json_body,
            content=content,
        )

    def _done(self, answer: Answer, *, writes: bool) -> Answer:
        if not answer.is_success:
            raise PlatformError(self._problem(answer, writes=writes))
        return answer

    def _account(self, identity: Identity) -> RemoteAccount:
        page = f"{self._context.platform.homepage}/profile/{identity.handle}"
        return RemoteAccount(identity.did, f"@{identity.handle}", page)

    def _problem(self, answer: Answer, *, writes: bool) -> o.Problem:
        return problem_of(answer, writes=writes, platform=self._context.platform, now=self._context.clock())


def content_id(sha256: str) -> str:
    """Returns the CID of a file: version 1, raw, SHA-256, in base 32."""
    digest = bytes.fromhex(sha256)
    return "b" + base64.b32encode(b"\x01\x55\x12\x20" + digest).decode().lower().rstrip("=")


def _written(key: ECKey) -> str:
    return json.dumps(key.as_dict(private=True))


def _key(session: Session) -> ECKey:
    return ECKey.import_key(json.loads(session.credentials["key"]))
