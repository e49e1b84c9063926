"""OAuth 2 with an app registered at each server, pictures by update_credentials or, with a description, by profile.

Facts from Mastodon's documentation and source as of July 2026. Servers differ in what they enforce, so the read-back counts, not
the status. Mastodon's own tokens do not end; those of some compatible servers do, and are renewed where a refresh token came along.
Whatever a server sends may be meant badly: it is bounded before it is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from pydantic import Field

from servicekit.errors import InvalidInputError
from servicekit.outbound import (
    HTTPS_PORT,
    REDIRECTS,
    Answer,
    AnswerTooLargeError,
    OutboundError,
    OverdueError,
    RefusedHostError,
    origin_of,
)
from servicekit.settings import ServiceSettings, Words, load_settings
from services.sync.domain import outcomes as o
from services.sync.domain.connection import Grant, RemoteAccount
from services.sync.domain.outcomes import PlatformError, cut
from services.sync.domain.server import ServerTerms
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
from services.sync.platforms.limits import reset_in
from services.sync.platforms.mastodon.terms import (
    BY_ACCOUNT,
    BY_EMPTY_FIELD,
    BY_PROFILE,
    DESCRIPTIONS,
    METHOD,
    REMOVALS,
    Json,
    Software,
    is_default_picture,
    is_instance,
    scopes_of,
    software_of,
    software_of_nodeinfo,
    terms_of,
)

CLIENT_NAME = "Linkarooie"
# Mastodon's window; used where an answer does not say when it ends.
RATE_LIMIT_WINDOW = timedelta(minutes=5)
# A token that is said to live longer does not end as far as anybody is concerned.
LONGEST_LIFE = timedelta(days=3650)
# Who says to wait longer is taken at so much of its word.
LONGEST_WAIT = timedelta(days=1)

_FIELDS: Mapping[Kind, str] = {"avatar": "avatar", "banner": "header"}
_VERIFY = "/api/v1/accounts/verify_credentials"
_CREDENTIALS, _PROFILE = "/api/v1/accounts/update_credentials", "/api/v1/profile"
_ACCOUNTS_OF_PIXELFED = "/api/v1.1/accounts"
# Longer names and addresses than any server of good will has; an address is also a key in the database.
NAME_MAX_BYTES = 255
ADDRESS_MAX_BYTES = 2000


class MastodonSettings(ServiceSettings):
    service = "sync_mastodon"

    # Servers to offer; people can name any other.
    suggested_instances: Words = Field(default=("mastodon.social",))


def build(context: AdapterContext) -> Adapter:
    """Builds the adapter; it needs nothing of the operator."""
    return Mastodon(context, load_settings(MastodonSettings))


class Mastodon(Adapter):
    has_terms = True

    def __init__(self, context: AdapterContext, settings: MastodonSettings) -> None:
        super().__init__(context.api())
        self.suggested_instances = settings.suggested_instances
        self._context = context

    # Access

    async def begin_auth(self, *, callback_url: str, state: str, instance: str) -> AuthStart:
        server = self._server(instance)
        app = await self._app(server, callback_url)
        verifier = self._context.secret()
        query = {
            "response_type": "code",
            "client_id": app["client_id"],
            "redirect_uri": callback_url,
            "scope": app["scopes"],
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
        is_usable = known is not None and known.get("redirect_uri") == callback_url and "scopes" in known
        if known is not None and is_usable and await self._is_known(server, known):
            return known
        scopes = scopes_of(await self._public_software(server), self._context.platform.scopes)
        body = {
            "client_name": CLIENT_NAME,
            "redirect_uris": callback_url,
            "scopes": scopes,
            "website": self._context.public_url,
        }
        answer = await self._first_contact(server, "POST", "/api/v1/apps", body)
        values = json_of(answer)
        if not _is_text(values.get("client_id")) or not _is_text(values.get("client_secret")):
            raise _no_such_server(server, answer)
        app = {
            "client_id": values["client_id"],
            "client_secret": values["client_secret"],
            "redirect_uri": callback_url,
            "scopes": scopes,
        }
        await self._context.registrations.save(self._context.platform.id, server.name, app)
        return app

    async def _is_known(self, server: "_Server", app: Mapping[str, str]) -> bool:
        """Tells whether a server still knows our app: older ones forget those that nobody has used."""
        body = {
            "grant_type": "client_credentials",
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
            "scope": app["scopes"],
        }
        answer = await self._first_contact(server, "POST", "/oauth/token", body)
        return json_of(answer).get("error") != "invalid_client"

    async def _public_software(self, server: "_Server") -> Software | None:
        """Returns what a server runs that we do not know yet; None where it tells nobody who is not signed in.

        Raises `InvalidInputError` where what answers is no such server at all.
        """
        answer = await self._first_contact(server, "GET", "/api/v2/instance")
        if answer.status == 404:
            answer = await self._first_contact(server, "GET", "/api/v1/instance")
        values = json_of(answer)
        if is_instance(values):
            return await self._software(server.origin, values)
        # Servers that talk to their friends alone describe themselves to nobody else.
        if answer.status in (401, 403) and values:
            return None
        raise _no_such_server(server, answer)

    async def _first_contact(
        self, server: "_Server", method: str, path: str, body: Mapping[str, str] | None = None
    ) -> Answer:
        """Calls a server that a person has named. Raises `InvalidInputError` that says what is wrong with it."""
        try:
            answer = await self.api.outbound.request(
                method, f"{server.origin}{path}", data=body, timeout_seconds=self.api.read_timeout_seconds
            )
        except RefusedHostError as error:
            raise InvalidInputError.of_field(
                "instance",
                f"{server.name} is not a server on the public internet, so Linkarooie does not connect to it.",
                reason="INSTANCE_REFUSED",
            ) from error
        except AnswerTooLargeError as error:
            raise _no_such_server(server) from error
        except OverdueError as error:
            raise _unreachable(f"{server.name} does not answer in time. Try again later, or check its name.") from error
        except OutboundError as error:
            raise _unreachable(f"{server.name} cannot be reached. Check its name, or try again later.") from error
        if answer.status == 429 or answer.status >= 500:
            raise _unreachable(f"{server.name} is busy or in trouble (HTTP {answer.status}). Try again later.")
        return answer

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
        if not isinstance(seconds, int) or not 0 < seconds < LONGEST_LIFE.total_seconds():
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
        is_page = _is_text(url, ADDRESS_MAX_BYTES) and str(url).startswith(("https://", "http://"))
        page = url if is_page else f"https://{instance}/@{me['acct']}"
        return RemoteAccount(str(me["id"]), f"@{me['acct']}@{instance}", str(page), instance)

    async def observe(self, session: Session, slot: Kind) -> Observation:
        me, field = await self._me(session), _FIELDS[slot]
        tag = me.get(field)
        if tag is None or tag == "":
            return Observation()
        if not _is_text(tag, ADDRESS_MAX_BYTES):
            raise PlatformError(o.Transient(f"the address of the {field} cannot be used"))
        if is_default_picture(str(tag).partition("?")[0].partition("#")[0]):
            return Observation()
        # Of an animation, the still picture that the server makes beside it.
        still = me.get(f"{field}_static")
        return Observation(str(still) if _is_text(still, ADDRESS_MAX_BYTES) else str(tag), str(tag))

    async def _me(self, session: Session) -> dict[str, Any]:  # JSON
        answer = await self._authorized("GET", _VERIFY, session)
        if not answer.is_success:
            raise PlatformError(self._problem(answer, session, writes=False))
        me = json_of(answer)
        if not _is_text(str(me.get("id") or "")) or not _is_text(me.get("acct")):
            raise PlatformError(o.Transient(described(answer)))
        return me

    async def server_terms(self, session: Session) -> ServerTerms:
        """Reads the terms from the server's description of itself; of one that has only the older one, from that."""
        for path in ("/api/v2/instance", "/api/v1/instance"):
            answer = await self._authorized("GET", path, session)
            values = json_of(answer)
            if answer.is_success and is_instance(values):
                return terms_of(values, await self._software(session.credentials["server"], values))
        raise PlatformError(o.Transient(described(answer)))

    async def _software(self, origin: str, instance: Json) -> Software | None:
        """Returns what a server runs: by its own description, or, where that could be several, by NodeInfo."""
        software = software_of(instance)
        if software is not None:
            return software
        try:
            index = json_of(await self.api.call("GET", f"{origin}/.well-known/nodeinfo"))
            links = index.get("links")
            for link in links[:10] if isinstance(links, list) else ():
                href = link.get("href") if isinstance(link, dict) else None
                # Nobody is sent elsewhere by a server that a stranger has named.
                if isinstance(href, str) and href.startswith(f"{origin}/"):
                    return software_of_nodeinfo(json_of(await self.api.call("GET", href)))
        except PlatformError:
            # A server without NodeInfo is taken as one that we know nothing of.
            return None
        return None

    # Writes

    async def submit(self, session: Session, slot: Kind, picture: Picture) -> o.Success:
        ways = {} if session.terms is None else session.terms.ways
        field, method = _FIELDS[slot], ways.get(METHOD, "PATCH")
        files = {field: (picture.file_name, picture.content, picture.content_type)}
        described_by = ways.get(DESCRIPTIONS)
        # Also an empty one is sent: the description that is there is that of the picture before.
        data = {f"{field}_description": picture.alt_text} if described_by else None
        path = _PROFILE if described_by == BY_PROFILE else _CREDENTIALS
        answer = await self._authorized(method, path, session, files=files, data=data, writes=True)
        if answer.status in (404, 405) and described_by == BY_PROFILE:
            # The server is an older one than it was, and nothing has happened: the call that all of them have.
            answer = await self._authorized(method, _CREDENTIALS, session, files=files, writes=True)
        if answer.is_success:
            return o.Accepted()
        raise PlatformError(self._problem(answer, session, writes=True))

    async def remove(self, session: Session, slot: Kind) -> o.Success:
        """Takes the picture away, in the way of the account's server. Repeating it is harmless."""
        field, way = _FIELDS[slot], None if session.terms is None else session.terms.ways.get(REMOVALS)
        if way == BY_EMPTY_FIELD:
            answer = await self._authorized("PATCH", _CREDENTIALS, session, data={field: ""}, writes=True)
        else:
            folder = _ACCOUNTS_OF_PIXELFED if way == BY_ACCOUNT else _PROFILE
            answer = await self._authorized("DELETE", f"{folder}/{field}", session, writes=True)
        if answer.is_success:
            return o.Accepted()
        raise PlatformError(self._problem(answer, session, writes=True, has_file=False))

    async def describe(self, session: Session, slot: Kind, alt_text: str) -> None:
        way = None if session.terms is None else session.terms.ways.get(DESCRIPTIONS)
        if way is None:
            return
        name = f"{_FIELDS[slot]}_description"
        read, write = (_PROFILE, _PROFILE) if way == BY_PROFILE else (_VERIFY, _CREDENTIALS)
        there = await self._authorized("GET", read, session)
        if there.is_success and json_of(there).get(name) == alt_text:
            return
        answer = await self._authorized("PATCH", write, session, data={name: alt_text}, writes=True)
        if not answer.is_success:
            raise PlatformError(self._problem(answer, session, writes=True))

    # What all calls share

    async def _authorized(
        self,
        method: str,
        path: str,
        session: Session,
        *,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        data: Mapping[str, str] | None = None,
        writes: bool = False,
    ) -> Answer:
        keys = session.credentials
        headers = {"Authorization": f"Bearer {keys['access_token']}"}
        return await self.api.call(
            method, f"{keys['server']}{path}", headers=headers, files=files, data=data, writes=writes
        )

    def _problem(self, answer: Answer, session: Session, *, writes: bool, has_file: bool = True) -> o.Problem:
        said = json_of(answer).get("error")
        message = said if isinstance(said, str) else ""
        is_unpermitted = message.startswith("Insufficient permissions")
        detail = described(answer)
        match answer.status:
            case 429:
                return o.RateLimited(self._reset(answer), "account", detail)
            case 401:
                return _ended(session, detail)
            case 403 if message.startswith("Invalid credentials") or (is_unpermitted and not writes):
                # Pleroma's words for a token that it does not know (any more), whatever it was good for.
                return _ended(session, detail)
            case 403 if "scope" in message or is_unpermitted:
                return o.MissingScope(detail)
            case 403:
                return o.AccountCheckpoint(f"https://{session.account.instance}/", detail)
            case 400 | 413 | 422 if writes and has_file:
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
        now = self._context.clock()
        until = reset_in(answer.headers, now=now)
        if until is None:
            try:
                until = now + timedelta(seconds=int(answer.headers["retry-after"]))
            except (KeyError, ValueError, OverflowError):
                until = now + RATE_LIMIT_WINDOW
        return min(until, now + LONGEST_WAIT)


@dataclass(frozen=True)
class _Server:
    """A server by its name, and the origin that it is called at."""

    name: str
    origin: str


def _ended(session: Session, detail: str) -> o.Problem:
    return (o.AuthExpired if "refresh_token" in session.credentials else o.AuthRevoked)(detail)


def _unreachable(message: str) -> InvalidInputError:
    return InvalidInputError.of_field("instance", message, reason="INSTANCE_UNREACHABLE")


def _no_such_server(server: _Server, answer: Answer | None = None) -> InvalidInputError:
    """Returns what to say of something that answers, but not as a server of this kind does."""
    if answer is not None and answer.status in REDIRECTS:
        host, _, port = origin_of(answer.headers.get("location", "")).rpartition(":")
        if host and host != server.name.partition(":")[0] and port == str(HTTPS_PORT) and _is_text(host):
            return _unreachable(
                f"{server.name} sends visitors on to {host}. If your account is there, name that server."
            )
    return _unreachable(f"{server.name} does not answer as a Mastodon server does. Check its name.")


def _is_text(value: object, most: int = NAME_MAX_BYTES) -> bool:
    """Tells whether a server's value is a text that can be kept and shown: not empty, not too long, nothing unprintable in it."""
    return isinstance(value, str) and value.isprintable() and 0 < len(value.encode()) <= most
