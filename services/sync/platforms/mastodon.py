"""Mastodon and the servers that speak its API: OAuth 2 with an app registered at each server, pictures by update_credentials.

Facts from Mastodon's documentation and source as of July 2026. Servers differ in what they enforce, so the read-back counts, not
the status. Mastodon's own tokens do not end; those of some compatible servers do, and are renewed where a refresh token came along.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from pydantic import Field

from servicekit.errors import InvalidInputError
from servicekit.outbound import HTTPS_PORT, Answer, OutboundError, RefusedHostError
from servicekit.settings import ServiceSettings, Words, load_settings
from services.sync.domain import outcomes as o
from services.sync.domain.connection import Grant, RemoteAccount
from services.sync.domain.outcomes import PlatformError, cut
from services.sync.platforms.base import (
    Adapter,
    AdapterContext,
    AuthStart,
    Kind,
    Observation,
    Picture,
    Session,
    challenge_of,
    described,
    json_of,
)

CLIENT_NAME = "Linkarooie"
# Mastodon's window; used where an answer does not say when it ends.
RATE_LIMIT_WINDOW = timedelta(minutes=5)

_FIELDS: Mapping[Kind, str] = {"avatar": "avatar", "banner": "header"}
_MISSING = ("/avatars/original/missing.png", "/headers/original/missing.png")


class MastodonSettings(ServiceSettings):
    service = "sync_mastodon"

    # Servers to offer; people can name any other.
    suggested_instances: Words = Field(default=("mastodon.social",))


def build(context: AdapterContext) -> Adapter:
    """Builds the adapter; it needs nothing of the operator."""
    return Mastodon(context, load_settings(MastodonSettings))


class Mastodon(Adapter):
    def __init__(self, context: AdapterContext, settings: MastodonSettings) -> None:
        super().__init__(context.api())
        self.suggested_instances = settings.suggested_instances
        self._context = context
        self._scopes = " ".join(context.platform.scopes)

    # Access

    async def begin_auth(self, *, callback_url: str, state: str, instance: str) -> AuthStart:
        server = self._server(instance)
        app = await self._app(server, callback_url)
        verifier = self._context.secret()
        query = {
            "response_type": "code",
            "client_id": app["client_id"],
            "redirect_uri": callback_url,
            "scope": self._scopes,
            "state": state,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        kept = {
            "server": server.origin,
            "verifier": verifier,
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
        }
        return AuthStart(f"{server.origin}/oauth/authorize?{urlencode(query)}", state, kept)

    def _server(self, named: str) -> "_Server":
        """Reads what a person typed: a host, an address, or a handle. Raises `InvalidInputError`."""
        if not named:
            raise InvalidInputError.of_field(
                "instance", "Name your server, such as mastodon.social.", reason="INSTANCE_REFUSED"
            )
        scheme, _, rest = named.rpartition("://")
        parts = urlsplit(f"https://{rest.partition('/')[0].rpartition('@')[2]}")
        try:
            host, port = (parts.hostname or "").encode("idna").decode("ascii").lower(), parts.port
        except (ValueError, UnicodeError):
            host, port = "", None
        netloc = host if port in (None, HTTPS_PORT) else f"{host}:{port}"
        trusted = self.api.outbound.trusts(f"{host}:{port or HTTPS_PORT}")
        if not host or ("." not in host and not trusted) or (port not in (None, HTTPS_PORT) and not trusted):
            raise InvalidInputError.of_field(
                "instance",
                "This is not the name of a server. It looks like mastodon.social, without anything before or after it.",
                reason="INSTANCE_REFUSED",
            )
        # Only a server that the operator has named may speak plain HTTP, and then on a port of its own.
        plain = trusted and port not in (None, HTTPS_PORT) and scheme != "https"
        return _Server(netloc, f"{'http' if plain else 'https'}://{netloc}")

    async def _app(self, server: "_Server", callback_url: str) -> Mapping[str, str]:
        """Returns our registration at a server: the one that we have, if the server still knows it, else a new one."""
        known = await self._context.registrations.load(self._context.platform.id, server.name)
        if known is not None and known.get("redirect_uri") == callback_url and await self._is_known(server, known):
            return known
        body = {
            "client_name": CLIENT_NAME,
            "redirect_uris": callback_url,
            "scopes": self._scopes,
            "website": self._context.public_url,
        }
        values = json_of(await self._first_contact(server, "/api/v1/apps", body))
        if not isinstance(values.get("client_id"), str) or not isinstance(values.get("client_secret"), str):
            raise InvalidInputError.of_field(
                "instance",
                f"{server.name} does not answer as a Mastodon server does. Check its name.",
                reason="INSTANCE_UNREACHABLE",
            )
        app = {
            "client_id": values["client_id"],
            "client_secret": values["client_secret"],
            "redirect_uri": callback_url,
        }
        await self._context.registrations.save(self._context.platform.id, server.name, app)
        return app

    async def _is_known(self, server: "_Server", app: Mapping[str, str]) -> bool:
        """Tells whether a server still knows our app: older ones forget those that nobody has used."""
        body = {
            "grant_type": "client_credentials",
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
            "scope": self._scopes,
        }
        answer = await self._first_contact(server, "/oauth/token", body)
        return json_of(answer).get("error") != "invalid_client"

    async def _first_contact(self, server: "_Server", path: str, body: Mapping[str, str]) -> Answer:
        """Calls a server that a person has named. Raises `InvalidInputError` that says what is wrong with it."""
        try:
            return await self.api.outbound.request(
                "POST", f"{server.origin}{path}", data=body, timeout_seconds=self.api.read_timeout_seconds
            )
        except RefusedHostError as error:
            raise InvalidInputError.of_field(
                "instance",
                f"{server.name} is not a server on the public internet, so Linkarooie does not connect to it.",
                reason="INSTANCE_REFUSED",
            ) from error
        except OutboundError as error:
            raise InvalidInputError.of_field(
                "instance",
                f"{server.name} cannot be reached. Check its name, or try again later.",
                reason="INSTANCE_UNREACHABLE",
            ) from error

    async def finish_auth(
        self, parameters: Mapping[str, str], *, kept: Mapping[str, str], callback_url: str
    ) -> tuple[RemoteAccount, Grant]:
        body = {
            "grant_type": "authorization_code",
            "code": parameters.get("code", ""),
            "redirect_uri": callback_url,
            "client_id": kept["client_id"],
            "client_secret": kept["client_secret"],
            "code_verifier": kept["verifier"],
        }
        grant = await self._granted(kept, body)
        server = urlsplit(kept["server"]).netloc
        account = await self.whoami(Session(RemoteAccount("", "", "", server), grant.credentials))
        return account, grant

    async def refresh(self, session: Session) -> Grant:
        old = session.credentials
        if "refresh_token" not in old:
            return await super().refresh(session)
        body = {
            "grant_type": "refresh_token",
            "refresh_token": old["refresh_token"],
            "client_id": old["client_id"],
            "client_secret": old["client_secret"],
        }
        return await self._granted(old, body)

    async def _granted(self, old: Mapping[str, str], body: Mapping[str, str]) -> Grant:
        """Asks the token endpoint; what it leaves out of its answer stays as it was."""
        answer = await self.api.call("POST", f"{old['server']}/oauth/token", data=body)
        values = json_of(answer)
        if not answer.is_success or not isinstance(values.get("access_token"), str):
            if answer.status == 429:
                raise PlatformError(o.RateLimited(self._reset(answer), "app"))
            is_definite = values.get("error") in ("invalid_grant", "invalid_client", "unauthorized_client")
            raise PlatformError((o.AuthRevoked if is_definite else o.Transient)(described(answer)))
        names = ("server", "client_id", "client_secret")
        credentials = {name: old[name] for name in names} | {"access_token": str(values["access_token"])}
        refresh_token = values.get("refresh_token") or old.get("refresh_token")
        if refresh_token:
            credentials["refresh_token"] = str(refresh_token)
        seconds = values.get("expires_in")
        if not isinstance(seconds, int) or seconds <= 0:
            return Grant(credentials)
        return Grant(credentials, self._context.clock() + timedelta(seconds=seconds))

    async def revoke(self, session: Session) -> None:
        keys = session.credentials
        body = {
            "client_id": keys["client_id"],
            "client_secret": keys["client_secret"],
            "token": keys["access_token"],
        }
        await self.api.call("POST", f"{keys['server']}/oauth/revoke", data=body)

    # Reads

    async def whoami(self, session: Session) -> RemoteAccount:
        me = await self._me(session)
        instance = session.account.instance
        url = me.get("url")
        # The page is shown as a link to its owner: only a web address will do.
        is_page = isinstance(url, str) and url.startswith(("https://", "http://"))
        page = url if is_page else f"https://{instance}/@{me['acct']}"
        return RemoteAccount(str(me["id"]), f"@{me['acct']}@{instance}", str(page), instance)

    async def observe(self, session: Session, slot: Kind) -> Observation:
        me, field = await self._me(session), _FIELDS[slot]
        tag = me.get(field)
        if not isinstance(tag, str) or not tag or urlsplit(tag).path.endswith(_MISSING):
            return Observation()
        # Of an animation, the still picture that the server makes beside it.
        still = me.get(f"{field}_static")
        return Observation(still if isinstance(still, str) and still else tag, tag)

    async def _me(self, session: Session) -> dict[str, Any]:  # JSON
        answer = await self._authorized("GET", "/api/v1/accounts/verify_credentials", session)
        if not answer.is_success:
            raise PlatformError(self._problem(answer, session, writes=False))
        me = json_of(answer)
        if not me.get("id") or not isinstance(me.get("acct"), str):
            raise PlatformError(o.Transient(described(answer)))
        return me

    # Writes

    async def submit(self, session: Session, slot: Kind, picture: Picture) -> o.Success:
        files = {_FIELDS[slot]: (picture.file_name, picture.content, picture.content_type)}
        answer = await self._authorized(
            "PATCH", "/api/v1/accounts/update_credentials", session, files=files, writes=True
        )
        if answer.is_success:
            return o.Accepted()
        raise PlatformError(self._problem(answer, session, writes=True))

    # What all calls share

    async def _authorized(
        self,
        method: str,
        path: str,
        session: Session,
        *,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        writes: bool = False,
    ) -> Answer:
        keys = session.credentials
        headers = {"Authorization": f"Bearer {keys['access_token']}"}
        return await self.api.call(method, f"{keys['server']}{path}", headers=headers, files=files, writes=writes)

    def _problem(self, answer: Answer, session: Session, *, writes: bool) -> o.Problem:
        said = json_of(answer).get("error")
        message = said if isinstance(said, str) else ""
        detail = described(answer)
        match answer.status:
            case 429:
                return o.RateLimited(self._reset(answer), "account", detail)
            case 401:
                return (o.AuthExpired if "refresh_token" in session.credentials else o.AuthRevoked)(detail)
            case 403 if "scope" in message:
                return o.MissingScope(detail)
            case 403:
                return o.AccountCheckpoint(f"https://{session.account.instance}/", detail)
            case 400 | 413 | 422 if writes:
                return o.InvalidImage(f"The server says: {cut(message)}" if message else "", detail)
            case 422:
                # Some servers word a revoked token so.
                return o.AuthRevoked(detail)
            case 404 | 405 | 410 if writes:
                return o.Unsupported("This server has no such call.", detail=detail)
            case _:
                return o.OutcomeUnknown(detail) if writes else o.Transient(detail)

    def _reset(self, answer: Answer) -> datetime:
        """Returns when the rate limit's window ends: servers write it as a time, as unix seconds, or as seconds to wait."""
        now, reset = self._context.clock(), answer.headers.get("x-ratelimit-reset", "")
        try:
            if reset.isdigit():
                return datetime.fromtimestamp(int(reset), UTC)
            if reset:
                return datetime.fromisoformat(reset).astimezone(UTC)
            return now + timedelta(seconds=int(answer.headers["retry-after"]))
        except (KeyError, ValueError, OverflowError):
            return now + RATE_LIMIT_WINDOW


@dataclass(frozen=True)
class _Server:
    """A server by its name, and the origin that it is called at."""

    name: str
    origin: str
