"""Pages as the sync service sees them: an account is a Page, with the Page's own token.

A Page's token has no end of its own. It dies with its owner's password, with their role at the Page, or when they remove the app; then
only a new consent helps.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog

from servicekit.errors import PreconditionError
from servicekit.outbound import Answer
from servicekit.settings import load_settings
from services.sync.domain import outcomes as o
from services.sync.domain.connection import Grant, OpenedAccount, RemoteAccount
from services.sync.domain.outcomes import PlatformError
from services.sync.platforms.base import (
    Adapter,
    AdapterContext,
    AuthStart,
    Kind,
    Observation,
    Picture,
    Session,
    Unavailable,
    described,
    json_of,
)
from services.sync.platforms.facebook.problems import is_json, problem_of, refusal_of
from services.sync.platforms.facebook.settings import FacebookSettings

log = structlog.get_logger()

# Of people with very many Pages the first ones are offered.
PAGES_MAX = 200
PAGES_AT_ONCE = 100
# Large enough to be put back one day.
AVATAR_SIDE = 1080
# A cover is taller than what computers show of it; half way down is its middle.
COVER_OFFSET = "50"


def build(context: AdapterContext) -> Adapter | Unavailable:
    """Builds the adapter; without an app of the operator's at Meta there is none."""
    settings = load_settings(FacebookSettings)
    if not settings.app_id or not settings.app_secret.get_secret_value():
        return Unavailable(
            "Facebook Pages are not set up here: the operator needs an app in Meta's dashboard, and sets LINKAROOIE_SYNC_FACEBOOK_APP_ID "
            f"and LINKAROOIE_SYNC_FACEBOOK_APP_SECRET. The app's redirect address is {context.callback_url}"
        )
    return Facebook(context, settings)


class Facebook(Adapter):
    def __init__(self, context: AdapterContext, settings: FacebookSettings) -> None:
        super().__init__(context.api(settings.graph_url))
        self._context = context
        self._settings = settings
        self._graph_url = f"{settings.graph_url}/{settings.version}"

    # Access

    async def begin_auth(self, *, callback_url: str, state: str, instance: str) -> AuthStart:  # noqa: ARG002
        query = {
            "client_id": self._settings.app_id,
            "redirect_uri": callback_url,
            "state": state,
            "scope": ",".join(self._context.platform.scopes),
            "response_type": "code",
            # Without it, what somebody has declined once is not asked again.
            "auth_type": "rerequest",
        }
        return AuthStart(
            f"{self._settings.url}/{self._settings.version}/dialog/oauth?{urlencode(query)}", state, {"state": state}
        )

    async def open_accounts(
        self,
        parameters: Mapping[str, str],
        *,
        kept: Mapping[str, str],  # noqa: ARG002  # the app's secret proves who asks
        callback_url: str,
    ) -> Sequence[OpenedAccount]:
        short = await self._token({"redirect_uri": callback_url, "code": parameters.get("code", "")})
        # The tokens of the Pages inherit the life of this one: from a long-lived one they have no end.
        long = await self._token({"grant_type": "fb_exchange_token", "fb_exchange_token": short})
        await self._check_permissions(long)
        return await self._pages(long)

    async def _token(self, body: Mapping[str, str]) -> str:
        app = {"client_id": self._settings.app_id, "client_secret": self._settings.app_secret.get_secret_value()}
        answer = await self.api.call("GET", f"{self._graph_url}/oauth/access_token", params={**app, **body})
        token = json_of(answer).get("access_token")
        if answer.is_success and isinstance(token, str) and token:
            return token
        refusal = refusal_of(answer)
        if refusal is not None and refusal.is_of_app:
            log.error("app_refused", platform=self._context.platform.id, detail=described(answer))
            raise PreconditionError(
                "Facebook refuses this installation's app. The operator has to compare its id and secret in Meta's app dashboard.",
                reason="PLATFORM_NOT_CONFIGURED",
            )
        problem = self._problem(answer, writes=False)
        if refusal is not None and isinstance(problem, o.Transient) and refusal.code not in (1, 2):
            # A code that is old, used, or of another address. Asking again would not help.
            problem = o.AuthRevoked(problem.detail)
        raise PlatformError(problem)

    async def _check_permissions(self, token: str) -> None:
        """Raises `PlatformError` where nothing could be changed with what was allowed: people can untick what they like."""
        values = self._values(await self._call("GET", "me/permissions", token))
        granted = {
            each.get("permission")
            for each in _list(values.get("data"))
            if isinstance(each, dict) and each.get("status") == "granted"
        }
        slots = self._context.platform.slots.values()
        if not any(set(slot.scopes) <= granted for slot in slots):
            raise PlatformError(o.MissingScope(f"granted: {', '.join(sorted(map(str, granted)))}"))

    async def _pages(self, token: str) -> list[OpenedAccount]:
        pages: list[OpenedAccount] = []
        query = {"fields": "id,name,access_token,tasks,picture", "limit": str(PAGES_AT_ONCE)}
        while len(pages) < PAGES_MAX:
            values = self._values(await self._call("GET", "me/accounts", token, params=query))
            found = _list(values.get("data"))
            pages += (self._opened(page) for page in found if isinstance(page, dict) and page.get("access_token"))
            paging = _dict(values.get("paging"))
            after = _dict(paging.get("cursors")).get("after")
            if not found or not after or "next" not in paging:
                break
            query["after"] = str(after)
        return pages[:PAGES_MAX]

    def _opened(self, page: Mapping[str, Any]) -> OpenedAccount:  # JSON
        picture = _dict(_dict(page.get("picture")).get("data"))
        url = "" if picture.get("is_silhouette") is True else picture.get("url")
        return OpenedAccount(
            self._account(page), Grant({"access_token": str(page["access_token"])}), url if isinstance(url, str) else ""
        )

    def _account(self, page: Mapping[str, Any]) -> RemoteAccount:  # JSON
        page_id = str(page["id"])
        return RemoteAccount(page_id, str(page.get("name") or page_id), f"{self._context.platform.homepage}/{page_id}")

    async def revoke(self, session: Session) -> None:
        """Does nothing: access is given back for all of somebody's Pages at once or not at all, and others may be connected."""

    # Reads

    async def whoami(self, session: Session) -> RemoteAccount:
        values = self._values(await self._of_page("GET", session, params={"fields": "id,name"}))
        if not values.get("id"):
            raise PlatformError(o.Transient("an answer without the Page's id"))
        return self._account(values)

    async def observe(self, session: Session, slot: Kind) -> Observation:
        return await (self._avatar(session) if slot == "avatar" else self._cover(session))

    async def _avatar(self, session: Session) -> Observation:
        side = str(AVATAR_SIDE)
        query = {"redirect": "0", "width": side, "height": side}
        picture = _dict(self._values(await self._of_page("GET", session, "/picture", params=query)).get("data"))
        url = picture.get("url")
        if not isinstance(url, str) or not url or picture.get("is_silhouette") is True:
            return Observation()
        # The address is signed and changes by itself; what is before the signature names the file.
        return Observation(url, str(picture.get("cache_key") or urlsplit(url).path))

    async def _cover(self, session: Session) -> Observation:
        query = {"fields": "cover{id,source,offset_x,offset_y}"}
        cover = _dict(self._values(await self._of_page("GET", session, params=query)).get("cover"))
        url = cover.get("source")
        if not isinstance(url, str) or not url:
            return Observation()
        return Observation(url, str(cover.get("id") or urlsplit(url).path))

    # Writes

    async def submit(self, session: Session, slot: Kind, picture: Picture) -> o.Success:
        rule = self._rule(slot, picture)
        files = {"source": (picture.file_name, picture.content, picture.content_type)}
        if slot == "avatar":
            answer = await self._of_page("POST", session, "/picture", files=files, writes=True)
            self._expect(answer, writes=True, rule=rule)
            return o.Accepted()
        photo_id = await self._upload(session, files, rule)
        body = {
            "cover": photo_id,
            "offset_x": COVER_OFFSET,
            "offset_y": COVER_OFFSET,
            "no_feed_story": "true",
            "no_notification": "true",
        }
        answer = await self._of_page("POST", session, data=body, writes=True)
        refusal = refusal_of(answer)
        if refusal is not None and refusal.code == 100:
            # Not the file, which was taken a moment ago: the photo is gone. The next attempt brings it again.
            raise PlatformError(o.Conflict(described(answer)))
        self._expect(answer, writes=True, rule=rule)
        return o.Accepted()

    async def _upload(self, session: Session, files: Mapping[str, tuple[str, bytes, str]], rule: str) -> str:
        """Uploads a photo that nobody sees, and that Facebook forgets by itself; returns its id. A lost answer has changed nothing."""
        body = {"published": "false", "no_story": "true"}
        answer = await self._of_page(
            "POST", session, "/photos", data=body, files=files, timeout_seconds=self.api.write_timeout_seconds
        )
        refusal = refusal_of(answer)
        if refusal is not None or not answer.is_success:
            problem = self._problem(answer, writes=True, rule=rule)
            raise PlatformError(o.Transient(problem.detail) if isinstance(problem, o.OutcomeUnknown) else problem)
        photo_id = json_of(answer).get("id")
        if not photo_id:
            raise PlatformError(o.Transient(described(answer)))
        return str(photo_id)

    def _rule(self, slot: Kind, picture: Picture) -> str:
        rules = self._context.platform.slots[slot]
        formats = " or ".join(sorted(name.removeprefix("image/").upper() for name in rules.formats))
        return (
            f"It takes {formats} of at most {rules.max_bytes / 1_000_000:g} MB; the file is "
            f"{picture.content_type.removeprefix('image/').upper()} of {len(picture.content) / 1_000_000:.1f} MB."
        )

    # What all calls share

    async def _of_page(
        self,
        method: str,
        session: Session,
        edge: str = "",
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        writes: bool = False,
        timeout_seconds: float | None = None,
    ) -> Answer:
        return await self._call(
            method,
            f"{session.account.remote_id}{edge}",
            session.credentials["access_token"],
            params=params,
            data=data,
            files=files,
            writes=writes,
            timeout_seconds=timeout_seconds,
        )

    async def _call(
        self,
        method: str,
        path: str,
        token: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        writes: bool = False,
        timeout_seconds: float | None = None,
    ) -> Answer:
        """Calls the Graph API with a token, and with the proof that it is not a stolen one."""
        secret = self._settings.app_secret.get_secret_value()
        proof = {"appsecret_proof": hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()}
        reads = method == "GET"
        return await self.api.call(
            method,
            f"{self._graph_url}/{path}",
            headers={"Authorization": f"Bearer {token}"},
            params={**(params or {}), **proof} if reads else params,
            data=None if reads else {**(data or {}), **proof},
            files=files,
            writes=writes,
            timeout_seconds=timeout_seconds,
        )

    def _values(self, answer: Answer) -> dict[str, Any]:  # JSON
        """Returns what a read has brought. Raises `PlatformError`."""
        self._expect(answer, writes=False)
        return json_of(answer)

    def _expect(self, answer: Answer, *, writes: bool, rule: str = "") -> None:
        """Raises `PlatformError` unless the call was done: with 200 there may be an error, too, or a plain word about an outage."""
        if not answer.is_success or refusal_of(answer) is not None or not is_json(answer):
            raise PlatformError(self._problem(answer, writes=writes, rule=rule))

    def _problem(self, answer: Answer, *, writes: bool, rule: str = "") -> o.Problem:
        return problem_of(
            answer, writes=writes, now=self._context.clock(), link=self._context.platform.homepage, rule=rule
        )


def _dict(value: object) -> Mapping[str, Any]:  # JSON
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()
