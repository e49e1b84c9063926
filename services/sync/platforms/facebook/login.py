"""What signing in with Facebook and calling its Graph API are made of, for Pages and for people alike."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import structlog

from servicekit.errors import PreconditionError
from servicekit.outbound import Answer
from servicekit.settings import load_settings
from services.sync.domain import outcomes as o
from services.sync.domain.outcomes import PlatformError
from services.sync.platforms.base import (
    Adapter,
    AdapterContext,
    AuthStart,
    Observation,
    Session,
    Unavailable,
    described,
    json_of,
)
from services.sync.platforms.facebook.settings import FacebookSettings
from services.sync.platforms.graph import dict_of, expect_done, list_of, picture_tag, problem_of, refusal_of

log = structlog.get_logger()

# Large enough to be put back one day.
AVATAR_SIDE = 1080


def settings_of(context: AdapterContext) -> FacebookSettings | Unavailable:
    """Returns what the operator has set; without an app of theirs at Meta, what is missing."""
    settings = load_settings(FacebookSettings)
    if settings.app_id and settings.app_secret.get_secret_value():
        return settings
    return Unavailable(
        f"{context.platform.name} is not set up here: its operator needs an app in Meta's dashboard.",
        (
            "Make an app in Meta's app dashboard, with Facebook Login.",
            f"Enter {context.callback_url} among the redirect addresses of Facebook Login, letter for letter.",
            "Set LINKAROOIE_SYNC_FACEBOOK_APP_ID and LINKAROOIE_SYNC_FACEBOOK_APP_SECRET to its id and its secret.",
            "Restart the sync service.",
        ),
    )


class FacebookLogin(Adapter):
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

    async def _consented(self, parameters: Mapping[str, str], callback_url: str) -> Mapping[str, Any]:  # JSON
        """Turns a callback into long-lived access for the person; the answer has an `access_token`. Raises `PlatformError`."""
        short = await self._token({"redirect_uri": callback_url, "code": parameters.get("code", "")})
        long = await self._token({"grant_type": "fb_exchange_token", "fb_exchange_token": short["access_token"]})
        await self._check_permissions(long["access_token"])
        return long

    async def _token(self, body: Mapping[str, str]) -> Mapping[str, Any]:  # JSON
        app = {"client_id": self._settings.app_id, "client_secret": self._settings.app_secret.get_secret_value()}
        answer = await self.api.call("GET", f"{self._graph_url}/oauth/access_token", params={**app, **body})
        values = json_of(answer)
        token = values.get("access_token")
        if answer.is_success and isinstance(token, str) and token:
            return values
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
        """Raises `PlatformError` where nothing could be done with what was allowed: people can untick what they like."""
        values = self._values(await self._call("GET", "me/permissions", token))
        granted = {
            each.get("permission")
            for each in list_of(values.get("data"))
            if isinstance(each, dict) and each.get("status") == "granted"
        }
        slots = self._context.platform.slots.values()
        if not any(set(slot.scopes) <= granted for slot in slots):
            raise PlatformError(o.MissingScope(f"granted: {', '.join(sorted(map(str, granted)))}"))

    async def revoke(self, session: Session) -> None:
        """Does nothing: access is given back for the person and all of their Pages at once or not at all, and others may be connected."""

    async def _picture(self, whose: str, token: str) -> Observation:
        side = str(AVATAR_SIDE)
        query = {"redirect": "0", "width": side, "height": side}
        picture = dict_of(self._values(await self._call("GET", f"{whose}/picture", token, params=query)).get("data"))
        url = picture.get("url")
        if not isinstance(url, str) or not url or picture.get("is_silhouette") is True:
            return Observation()
        return Observation(url, str(picture.get("cache_key") or picture_tag(url)))

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
        """Raises `PlatformError` unless the call was done."""
        expect_done(answer, writes=writes, now=self._context.clock(), link=self._context.platform.homepage, rule=rule)

    def _problem(self, answer: Answer, *, writes: bool, rule: str = "") -> o.Problem:
        return problem_of(
            answer, writes=writes, now=self._context.clock(), link=self._context.platform.homepage, rule=rule
        )
