"""Pages as the sync service sees them: an account is a Page, with the Page's own token.

A Page's token has no end of its own. It dies with its owner's password, with their role at the Page, or when they remove the app; then
only a new consent helps.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from servicekit.outbound import Answer
from services.sync.domain import outcomes as o
from services.sync.domain.connection import Grant, OpenedAccount, RemoteAccount
from services.sync.domain.outcomes import PlatformError
from services.sync.platforms.base import (
    Adapter,
    AdapterContext,
    Kind,
    Observation,
    Picture,
    Session,
    Unavailable,
    described,
    json_of,
)
from services.sync.platforms.facebook.login import FacebookLogin, settings_of
from services.sync.platforms.graph import dict_of, list_of, picture_tag, refusal_of

# Of people with very many Pages the first ones are offered.
PAGES_MAX = 200
PAGES_AT_ONCE = 100
# A cover is taller than what computers show of it; half way down is its middle.
COVER_OFFSET = "50"


def build(context: AdapterContext) -> Adapter | Unavailable:
    """Builds the adapter; without an app of the operator's at Meta there is none."""
    settings = settings_of(context)
    return settings if isinstance(settings, Unavailable) else Facebook(context, settings)


class Facebook(FacebookLogin):
    async def open_accounts(
        self,
        parameters: Mapping[str, str],
        *,
        kept: Mapping[str, str],  # noqa: ARG002  # the app's secret proves who asks
        callback_url: str,
    ) -> Sequence[OpenedAccount]:
        # The tokens of the Pages inherit the life of the person's: from a long-lived one they have no end.
        return await self._pages((await self._consented(parameters, callback_url))["access_token"])

    async def _pages(self, token: str) -> list[OpenedAccount]:
        pages: list[OpenedAccount] = []
        query = {"fields": "id,name,access_token,tasks,picture", "limit": str(PAGES_AT_ONCE)}
        while len(pages) < PAGES_MAX:
            values = self._values(await self._call("GET", "me/accounts", token, params=query))
            found = list_of(values.get("data"))
            pages += (self._opened(page) for page in found if isinstance(page, dict) and page.get("access_token"))
            paging = dict_of(values.get("paging"))
            after = dict_of(paging.get("cursors")).get("after")
            if not found or not after or "next" not in paging:
                break
            query["after"] = str(after)
        return pages[:PAGES_MAX]

    def _opened(self, page: Mapping[str, Any]) -> OpenedAccount:  # JSON
        picture = dict_of(dict_of(page.get("picture")).get("data"))
        url = "" if picture.get("is_silhouette") is True else picture.get("url")
        return OpenedAccount(
            self._account(page), Grant({"access_token": str(page["access_token"])}), url if isinstance(url, str) else ""
        )

    def _account(self, page: Mapping[str, Any]) -> RemoteAccount:  # JSON
        page_id = str(page["id"])
        return RemoteAccount(page_id, str(page.get("name") or page_id), f"{self._context.platform.homepage}/{page_id}")

    # Reads

    async def whoami(self, session: Session) -> RemoteAccount:
        values = self._values(await self._of_page("GET", session, params={"fields": "id,name"}))
        if not values.get("id"):
            raise PlatformError(o.Transient("an answer without the Page's id"))
        return self._account(values)

    async def observe(self, session: Session, slot: Kind) -> Observation:
        if slot == "avatar":
            return await self._picture(session.account.remote_id, session.credentials["access_token"])
        return await self._cover(session)

    async def _cover(self, session: Session) -> Observation:
        query = {"fields": "cover{id,source,offset_x,offset_y}"}
        cover = dict_of(self._values(await self._of_page("GET", session, params=query)).get("cover"))
        url = cover.get("source")
        if not isinstance(url, str) or not url:
            return Observation()
        return Observation(url, str(cover.get("id") or picture_tag(url)))

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
