"""A person's own Facebook profile: its picture can be read, and only its owner can change it.

Facts from Meta's documentation as of June 2026. The access lasts about 60 days, and only a new consent gives another. The cover cannot be
read at all.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from services.sync.domain import outcomes as o
from services.sync.domain.connection import Grant, RemoteAccount
from services.sync.domain.outcomes import PlatformError
from services.sync.platforms.base import Adapter, AdapterContext, Kind, Observation, Picture, Session, Unavailable
from services.sync.platforms.facebook.login import FacebookLogin, settings_of
from services.sync.platforms.graph import span_of

TOKEN_LIFE = timedelta(days=60)


def build(context: AdapterContext) -> Adapter | Unavailable:
    """Builds the adapter; without an app of the operator's at Meta there is none."""
    settings = settings_of(context)
    return settings if isinstance(settings, Unavailable) else FacebookProfile(context, settings)


class FacebookProfile(FacebookLogin):
    async def finish_auth(
        self,
        parameters: Mapping[str, str],
        *,
        kept: Mapping[str, str],  # noqa: ARG002  # the app's secret proves who asks
        callback_url: str,
    ) -> tuple[RemoteAccount, Grant]:
        long = await self._consented(parameters, callback_url)
        expires_at = self._context.clock() + span_of(long, TOKEN_LIFE)
        grant = Grant({"access_token": long["access_token"]}, expires_at, renewable=False)
        return await self._account(long["access_token"]), grant

    async def whoami(self, session: Session) -> RemoteAccount:
        return await self._account(session.credentials["access_token"])

    async def _account(self, token: str) -> RemoteAccount:
        values: Mapping[str, Any] = self._values(await self._call("GET", "me", token, params={"fields": "id,name"}))
        if not values.get("id"):
            raise PlatformError(o.Transient("an answer without the person's id"))
        # The id is one for this app alone and leads nowhere; to who is signed in there, this address shows their own profile.
        person_id = str(values["id"])
        return RemoteAccount(
            person_id, str(values.get("name") or person_id), self._context.platform.profile_settings_url
        )

    async def observe(self, session: Session, slot: Kind) -> Observation:
        if slot != "avatar":
            raise PlatformError(o.Unsupported("It lets apps read the picture alone."))
        return await self._picture("me", session.credentials["access_token"])

    async def submit(self, session: Session, slot: Kind, picture: Picture) -> o.Success:  # noqa: ARG002
        raise PlatformError(o.Unsupported("It lets only people themselves change the pictures of their profile."))
