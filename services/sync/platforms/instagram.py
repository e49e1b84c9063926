"""Instagram: the picture of a professional account can be read, and only its owner can change it.

Facts from Meta's documentation of Business Login as of April 2026. Access lasts 60 days, and is extended by itself as long as it has not
ended; there is no other token to renew it with. Personal accounts cannot be read.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import structlog
from pydantic import Field, SecretStr, field_validator

from servicekit.errors import PreconditionError
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
from services.sync.platforms.graph import dict_of, expect_done, list_of, picture_tag, problem_of, refusal_of, span_of

log = structlog.get_logger()

TOKEN_LIFE = timedelta(days=60)
# Hangs on the code, as the fragment of the way back.
CODE_TAIL = "#_"


class InstagramSettings(ServiceSettings):
    service = "sync_instagram"

    # From Meta's app dashboard ("Instagram, API setup with Instagram login"); they are not those of the app itself.
    app_id: str = ""
    app_secret: SecretStr = SecretStr("")
    # Where people consent, where codes become tokens, and the Graph API.
    url: str = "https://www.instagram.com"
    api_url: str = "https://api.instagram.com"
    graph_url: str = "https://graph.instagram.com"
    # A version lives about two years.
    version: str = Field(default="v25.0", pattern=r"^v\d+\.\d+$")

    @field_validator("url", "api_url", "graph_url")
    @classmethod
    def _no_slash_at_the_end(cls, value: str) -> str:
        return value.rstrip("/")


def build(context: AdapterContext) -> Adapter | Unavailable:
    """Builds the adapter; without an app of the operator's at Meta there is none."""
    settings = load_settings(InstagramSettings)
    if not settings.app_id or not settings.app_secret.get_secret_value():
        return Unavailable(
            "Instagram is not set up here: its operator needs an app in Meta's dashboard.",
            (
                'Make an app in Meta\'s app dashboard, and add Instagram to it, with "API setup with Instagram login".',
                f"Enter {context.callback_url} among the redirect addresses of its business login, letter for letter.",
                "Set LINKAROOIE_SYNC_INSTAGRAM_APP_ID and LINKAROOIE_SYNC_INSTAGRAM_APP_SECRET to the Instagram app's id and secret, which are "
                "not those of the app around it.",
                "Restart the sync service.",
            ),
        )
    return Instagram(context, settings)


class Instagram(Adapter):
    def __init__(self, context: AdapterContext, settings: InstagramSettings) -> None:
        super().__init__(context.api(settings.api_url, settings.graph_url))
        self._context = context
        self._settings = settings

    # Access

    async def begin_auth(self, *, callback_url: str, state: str, instance: str) -> AuthStart:  # noqa: ARG002
        query = {
            "client_id": self._settings.app_id,
            "redirect_uri": callback_url,
            "response_type": "code",
            "scope": ",".join(self._context.platform.scopes),
            "state": state,
        }
        return AuthStart(f"{self._settings.url}/oauth/authorize?{urlencode(query)}", state, {"state": state})

    async def finish_auth(
        self,
        parameters: Mapping[str, str],
        *,
        kept: Mapping[str, str],  # noqa: ARG002  # the app's secret proves who asks
        callback_url: str,
    ) -> tuple[RemoteAccount, Grant]:
        short = await self._short(parameters.get("code", "").removesuffix(CODE_TAIL), callback_url)
        secret = self._settings.app_secret.get_secret_value()
        exchange = {"grant_type": "ig_exchange_token", "client_secret": secret, "access_token": short}
        grant = self._grant(await self.api.call("GET", f"{self._settings.graph_url}/access_token", params=exchange))
        answer = await self._me(grant.credentials["access_token"])
        refusal = refusal_of(answer)
        if refusal is not None and (refusal.code == 100 or isinstance(self._problem(answer), o.MissingScope)):
            log.info("account_not_read", platform=self._context.platform.id, detail=described(answer))
            raise PreconditionError(
                "Instagram lets apps read professional accounts alone, and this seems to be a personal one. Nothing was connected. Switch "
                "it to a professional account in Instagram's settings (creator or business; it is free), then start again here.",
                reason="ACCOUNT_NOT_PROFESSIONAL",
            )
        return self._account(self._values(answer)), grant

    async def _short(self, code: str, callback_url: str) -> str:
        """Returns the token of an hour that a code is good for. Raises `PlatformError`, and `PreconditionError` for the operator's trouble."""
        asked = {
            "client_id": self._settings.app_id,
            "client_secret": self._settings.app_secret.get_secret_value(),
            "grant_type": "authorization_code",
            "redirect_uri": callback_url,
            "code": code,
        }
        answer = await self.api.call("POST", f"{self._settings.api_url}/oauth/access_token", data=asked)
        body = json_of(answer)
        # Seen bare, and in a list.
        values = dict_of(next(iter(list_of(body.get("data"))), body))
        token = values.get("access_token")
        if not answer.is_success or not isinstance(token, str) or not token:
            raise self._code_refused(answer, str(values.get("error_message") or ""))
        granted = _permissions(values.get("permissions"))
        if not set(self._context.platform.scopes) <= granted:
            raise PlatformError(o.MissingScope(f"granted: {', '.join(sorted(granted))}"))
        return token

    def _code_refused(self, answer: Answer, message: str) -> Exception:
        """Returns what a refused code means. This endpoint words its refusals unlike the Graph API: without codes that tell them apart."""
        if not message:
            return PlatformError(self._problem(answer))
        if "platform app" in message or "client_" in message:
            log.error("app_refused", platform=self._context.platform.id, detail=described(answer))
            return PreconditionError(
                'Instagram refuses this installation\'s app. The operator has to compare its id and secret with those under "Instagram" in '
                "Meta's app dashboard.",
                reason="PLATFORM_NOT_CONFIGURED",
            )
        # A code that is old, used, or of another address. Asking again would not help.
        return PlatformError(o.AuthRevoked(described(answer)))

    async def refresh(self, session: Session) -> Grant:
        query = {"grant_type": "ig_refresh_token", "access_token": session.credentials["access_token"]}
        answer = await self.api.call("GET", f"{self._settings.graph_url}/refresh_access_token", params=query)
        try:
            return self._grant(answer)
        except PlatformError as error:
            if isinstance(error.problem, o.AuthRevoked):
                # A token of less than a day is refused as well, and is still good.
                await self.whoami(session)
                raise PlatformError(o.Transient(error.problem.detail)) from error
            raise

    def _grant(self, answer: Answer) -> Grant:
        """Returns the access of 60 days that an answer gives. Raises `PlatformError`."""
        values = self._values(answer)
        token = values.get("access_token")
        if not isinstance(token, str) or not token:
            raise PlatformError(o.Transient(described(answer)))
        return Grant({"access_token": token}, self._context.clock() + span_of(values, TOKEN_LIFE))

    async def revoke(self, session: Session) -> None:
        """Does nothing: there is no call that gives access back. It ends by itself, or when the person removes the app."""

    # Reads

    async def whoami(self, session: Session) -> RemoteAccount:
        return self._account(self._values(await self._me(session.credentials["access_token"])))

    def _account(self, values: Mapping[str, Any]) -> RemoteAccount:  # JSON
        account_id, name = values.get("user_id") or values.get("id"), values.get("username")
        if not account_id or not isinstance(name, str) or not name:
            raise PlatformError(o.Transient("an answer without the account's id and name"))
        return RemoteAccount(str(account_id), f"@{name}", f"{self._context.platform.homepage}/{name}/")

    async def observe(self, session: Session, slot: Kind) -> Observation:  # noqa: ARG002  # there is no other
        values = self._values(await self._me(session.credentials["access_token"]))
        # Only what tells of the account can tell that it has no picture.
        self._account(values)
        url = values.get("profile_picture_url")
        return Observation(url, picture_tag(url)) if isinstance(url, str) and url else Observation()

    async def submit(self, session: Session, slot: Kind, picture: Picture) -> o.Success:  # noqa: ARG002
        raise PlatformError(o.Unsupported("It lets only people themselves change their picture."))

    # What all calls share

    async def _me(self, token: str) -> Answer:
        query = {"fields": "user_id,username,name,profile_picture_url", "access_token": token}
        return await self.api.call("GET", f"{self._settings.graph_url}/{self._settings.version}/me", params=query)

    def _values(self, answer: Answer) -> dict[str, Any]:  # JSON
        """Returns what a read has brought. Raises `PlatformError`."""
        expect_done(answer, writes=False, now=self._context.clock(), link=self._context.platform.homepage)
        return json_of(answer)

    def _problem(self, answer: Answer) -> o.Problem:
        return problem_of(answer, writes=False, now=self._context.clock(), link=self._context.platform.homepage)


def _permissions(told: object) -> set[str]:
    """Reads the permissions of a token: a list, or names with commas between them."""
    return set(map(str, list_of(told))) if isinstance(told, list) else set(str(told or "").split(","))
