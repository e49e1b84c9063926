"""X: OAuth 1.0a in three legs, pictures by API 1.1, reads by API 2.

Facts from X's documentation as of August 2026. The picture calls exist in version 1.1 only and take OAuth 1.0a only; which plans
include them X does not say, and shows by 403 with code 453. Both answers to a write come before the picture is processed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import structlog
from authlib.oauth1 import ClientAuth
from pydantic import SecretStr, field_validator

from servicekit.errors import PreconditionError, UnavailableError
from servicekit.outbound import Answer
from servicekit.settings import ServiceSettings, load_settings
from services.sync.domain import outcomes as o
from services.sync.domain.connection import Grant, RemoteAccount
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
from services.sync.platforms.limits import call_scope, reset_in

log = structlog.get_logger()

# X's windows are this long; used where an answer does not say when the window ends.
RATE_LIMIT_WINDOW = timedelta(minutes=15)

_REMOVE_BANNER = "/1.1/account/remove_profile_banner.json"
_WRITES: Mapping[Kind, tuple[str, str]] = {
    "avatar": ("/1.1/account/update_profile_image.json", "image"),
    "banner": ("/1.1/account/update_profile_banner.json", "banner"),
}
# The fields of a user that we read, as version 1.1 names them.
_OLDER_NAMES = {"id": "id_str", "username": "screen_name", "profile_image_url": "profile_image_url_https"}
# `…/AbCd_normal.jpg` is a small copy of `…/AbCd.jpg`.
_SMALL_COPY = re.compile(r"_(normal|bigger|mini|400x400)(?=\.\w+$)")
# In the address of the picture that X shows for accounts without one.
_NOBODYS = "/default_profile_images/"

# Codes of X's error table by what we do next; what is not here is judged by its status.
_REVOKED = {32, 89, 99}
_LOCKED = {50, 63, 64, 226, 326}
_APP_BLOCKED = {34, 68, 87, 261, 415, 416, 453}
_RATE_LIMITED = {88, 185}
_OURS = {38, 135, 215}
_IMAGE = {120}
_SCOPE = {220}


class XSettings(ServiceSettings):
    service = "sync_x"

    # From X's developer portal ("API key and secret"); the app must be set to "Read and write".
    consumer_key: str = ""
    consumer_secret: SecretStr = SecretStr("")
    api_base_url: str = "https://api.x.com"

    @field_validator("api_base_url")
    @classmethod
    def _no_slash_at_the_end(cls, value: str) -> str:
        return value.rstrip("/")


def build(context: AdapterContext) -> Adapter | Unavailable:
    """Builds the adapter; without an app of the operator's at X there is none."""
    settings = load_settings(XSettings)
    if not settings.consumer_key or not settings.consumer_secret.get_secret_value():
        return Unavailable(
            "X is not set up here: its operator needs an app in X's developer portal.",
            (
                'Make an app in X\'s developer portal, and give it the permission "Read and write".',
                f"Enter {context.callback_url} as its callback address, letter for letter.",
                "Set LINKAROOIE_SYNC_X_CONSUMER_KEY and LINKAROOIE_SYNC_X_CONSUMER_SECRET to the app's API key and its secret.",
                "Restart the sync service.",
            ),
        )
    return X(context, settings)


class X(Adapter):
    def __init__(self, context: AdapterContext, settings: XSettings) -> None:
        super().__init__(context.api(settings.api_base_url, scope_of=call_scope))
        self._context = context
        self._settings = settings

    # Access

    async def begin_auth(self, *, callback_url: str, state: str, instance: str) -> AuthStart:  # noqa: ARG002
        # X makes the secret that comes back, the request token; callbacks are matched exactly, so nothing is added to ours.
        answer = await self._signed("POST", "/oauth/request_token", _Keys(callback_url=callback_url))
        values = dict(parse_qsl(answer.text()))
        if not answer.is_success or values.get("oauth_callback_confirmed") != "true":
            raise self._not_begun(answer)
        token = values["oauth_token"]
        return AuthStart(
            f"{self._settings.api_base_url}/oauth/authorize?{urlencode({'oauth_token': token})}",
            token,
            {"token": token, "secret": values["oauth_token_secret"]},
        )

    def _not_begun(self, answer: Answer) -> Exception:
        if answer.status == 429:
            return UnavailableError("X asks us to slow down. Try again in some minutes.", retry_after_seconds=60)
        log.error("app_refused", platform=self._context.platform.id, detail=described(answer))
        return PreconditionError(
            "X refuses this installation's app. The operator has to compare its keys in X's developer portal, and that the app's "
            f"callback address is {self._context.callback_url}",
            reason="PLATFORM_NOT_CONFIGURED",
        )

    def state_of(self, parameters: Mapping[str, str]) -> str:
        return parameters.get("oauth_token") or parameters.get("denied", "")

    def is_denied(self, parameters: Mapping[str, str]) -> bool:
        return "denied" in parameters

    async def finish_auth(
        self,
        parameters: Mapping[str, str],
        *,
        kept: Mapping[str, str],
        callback_url: str,  # noqa: ARG002
    ) -> tuple[RemoteAccount, Grant]:
        keys = _Keys(kept["token"], kept["secret"], verifier=parameters.get("oauth_verifier", ""))
        answer = await self._signed("POST", "/oauth/access_token", keys)
        values = dict(parse_qsl(answer.text()))
        if not answer.is_success or "oauth_token_secret" not in values:
            raise PlatformError(self._problem(answer, writes=False))
        grant = Grant({"token": values["oauth_token"], "secret": values["oauth_token_secret"]})
        return self._account(values["user_id"], values["screen_name"]), grant

    async def revoke(self, session: Session) -> None:
        answer = await self._signed("POST", "/1.1/oauth/invalidate_token.json", _keys(session))
        if not answer.is_success:
            raise PlatformError(self._problem(answer, writes=False))

    # Reads

    async def whoami(self, session: Session) -> RemoteAccount:
        me = await self._me(session)
        return self._account(me["id"], me["username"])

    async def observe(self, session: Session, slot: Kind) -> Observation:
        return observation_of(await self._me(session), slot)

    async def _me(self, session: Session) -> dict[str, str]:
        answer = await self._signed(
            "GET", "/2/users/me?user.fields=profile_image_url,profile_banner_url", _keys(session)
        )
        if answer.status == 403 and not _error_code(answer):
            # Version 2 does not say why. Version 1.1 does, with a code; and where it answers, it tells the same.
            answer = await self._signed("GET", "/1.1/account/verify_credentials.json", _keys(session))
        if not answer.is_success:
            raise PlatformError(self._problem(answer, writes=False))
        said = json_of(answer)
        data = said.get("data", said)
        me = {name: value for name, value in data.items() if isinstance(value, str)} if isinstance(data, dict) else {}
        for name, older_name in _OLDER_NAMES.items():
            if older_name in me:
                me[name] = me[older_name]
        if "id" not in me or "username" not in me:
            raise PlatformError(o.Transient(described(answer)))
        return me

    # Writes

    async def submit(self, session: Session, slot: Kind, picture: Picture) -> o.Success:
        path, name = _WRITES[slot]
        files = {name: (picture.file_name, picture.content, picture.content_type)}
        answer = await self._signed("POST", path, _keys(session), files=files, writes=True)
        if answer.is_success:
            return o.Accepted()
        raise PlatformError(self._problem(answer, writes=True, slot=slot, sent_bytes=len(picture.content)))

    async def remove(self, session: Session, slot: Kind) -> o.Success:
        if slot == "avatar":
            assist = self._context.platform.slots[slot].assist
            raise PlatformError(
                o.Unsupported(
                    "It has no call that takes an avatar away; remove it in X's settings.",
                    assist.link if assist else "",
                )
            )
        answer = await self._signed("POST", _REMOVE_BANNER, _keys(session), writes=True)
        if answer.is_success:
            return o.Accepted()
        raise PlatformError(self._problem(answer, writes=True))

    # What all calls share

    async def _signed(
        self,
        method: str,
        path: str,
        keys: "_Keys",
        *,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        writes: bool = False,
    ) -> Answer:
        url = f"{self._settings.api_base_url}{path}"
        client = ClientAuth(
            self._settings.consumer_key,
            self._settings.consumer_secret.get_secret_value(),
            token=keys.token,
            token_secret=keys.secret,
            redirect_uri=keys.callback_url,
            verifier=keys.verifier,
        )
        # Signed without a body: multipart is not part of the signature, and we send nothing else.
        url, headers, _ = client.sign(method, url, {}, b"")
        return await self.api.call(method, url, headers=headers, files=files, writes=writes)

    def _account(self, user_id: str, screen_name: str) -> RemoteAccount:
        return RemoteAccount(user_id, f"@{screen_name}", f"{self._context.platform.homepage}/{screen_name}")

    def _problem(self, answer: Answer, *, writes: bool, slot: Kind | None = None, sent_bytes: int = 0) -> o.Problem:
        """Returns what a refusal means; `slot` is where a file of so many bytes was to go, None where none was sent."""
        code, detail = _error_code(answer), described(answer)
        if answer.status in (420, 429) or code in _RATE_LIMITED:
            return o.RateLimited(self._reset(answer), "account", detail)
        if code in _OURS:
            # A clock that is off, or a request that we made wrong: nothing that the person could do.
            return o.Transient(detail)
        if code in _REVOKED or (answer.status == 401 and code not in _APP_BLOCKED):
            return o.AuthRevoked(detail)
        if code in _LOCKED:
            return o.AccountCheckpoint(self._context.platform.homepage, detail)
        if code in _SCOPE:
            return o.MissingScope(detail)
        if slot is not None and (code in _IMAGE or answer.status in (400, 413, 422)):
            return o.InvalidImage(self._image_rule(slot, sent_bytes), detail)
        if code in _APP_BLOCKED or answer.status in (403, 404, 410):
            return self._app_blocked(detail)
        return o.OutcomeUnknown(detail) if writes else o.Transient(detail)

    def _app_blocked(self, detail: str) -> o.Problem:
        rule = next(iter(self._context.platform.not_allowed), None)
        return o.Unsupported(
            "The plan of this installation's app does not include it; the operator can change that at X.",
            rule.link if rule else "",
            detail,
        )

    def _image_rule(self, slot: Kind, sent_bytes: int) -> str:
        rules = self._context.platform.slots[slot]
        return f"It takes at most {rules.max_bytes / 1000:,.0f} kB; the file has {sent_bytes / 1000:,.0f} kB."

    def _reset(self, answer: Answer) -> datetime:
        now = self._context.clock()
        return reset_in(answer.headers, now=now) or now + RATE_LIMIT_WINDOW


@dataclass(frozen=True)
class _Keys:
    """What a request is signed with beside the app's own keys."""

    token: str | None = None
    secret: str | None = field(default=None, repr=False)
    callback_url: str | None = None
    verifier: str | None = field(default=None, repr=False)


def _keys(session: Session) -> _Keys:
    return _Keys(session.credentials["token"], session.credentials["secret"])


def _error_code(answer: Answer) -> int:
    """Returns the code of a version 1.1 error, or one that stands for a version 2 problem; 0 if there is none."""
    body = json_of(answer)
    if isinstance(body.get("type"), str):
        kind = body["type"].rstrip("/").rsplit("/", 1)[-1]
        return {"client-forbidden": 453, "usage-capped": 88, "rate-limit-exceeded": 88}.get(kind, 0)
    try:
        return int(body["errors"][0]["code"])
    except (ValueError, KeyError, TypeError, IndexError):
        return 0


def observation_of(me: Mapping[str, str], slot: Kind) -> Observation:
    """Returns where the picture of a slot is, as the account's own data tell."""
    if slot == "avatar":
        url = _SMALL_COPY.sub("", me.get("profile_image_url", ""))
        # What X shows for who has set none is nobody's picture.
        return Observation() if _NOBODYS in url else Observation(url, url)
    url = me.get("profile_banner_url", "")
    return Observation(f"{url}/1500x500" if url else "", url)
