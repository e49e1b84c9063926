"""A browser page that is watched, and looked at the way people with other senses do."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Page, Request, expect
from system import Development

SCREENS = Path(__file__).parents[2] / "test-results" / "screens"
# A phone and a laptop.
WIDTHS = (390, 1280)
# A deadline, not a wait: what is expected is looked for all the time.
expect.set_options(timeout=30_000)

CONTROLS = (
    "button|link|textbox|searchbox|checkbox|radio|switch|combobox|slider|spinbutton|menuitem|option|tab|img|progressbar"
)
# A line of an accessibility tree whose control has no name: `- button` or `- link:`, but not `- button "Sync"`.
NAMELESS = re.compile(rf"^\s*- (?:{CONTROLS})(?: \[[^\]]*\])*(?::.*)?$", re.MULTILINE)


# How Chromium tells of an answer that is an error.
REFUSAL = re.compile(r"the server responded with a status of (\d{3})")
# Whichever address happens to be asked first after a session was ended.
ANYWHERE = "*"


class Browsing:
    """One page. `complaints` collects what must not happen: requests to strangers, errors on the console."""

    def __init__(self, page: Page, development: Development) -> None:
        self.page = page
        self.development = development
        self.complaints: list[str] = []
        # Refusals that a test is about, as `(status, path)`: the browser itself reports each of them on the console.
        self.expected = {(401, "/v1/me"), (401, "/v1/auth/refresh")}
        # Other pages of the same browser are watched, too.
        page.context.on("request", self._request)
        page.context.on("console", self._console)
        page.context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("blob", "data") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.complaints.append(f"a request left this machine: {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        path = urlsplit(message.location["url"]).path
        refusal = REFUSAL.search(message.text)
        if refusal is not None and {(int(refusal[1]), path), (int(refusal[1]), ANYWHERE)} & self.expected:
            return
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text} ({message.location['url']})")

    async def choose_of_account_menu(self, item: str) -> None:
        """Opens the menu of the account and chooses something there."""
        await self.page.get_by_role("button", name="Account", exact=True).click()
        await self.page.get_by_role("menuitem", name=item, exact=True).click()

    async def open(self, name: str, title: str | None = None) -> None:
        """Follows a link of the main navigation to a page of the same title, or of another."""
        await self.page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(title or name)

    async def look(self, name: str) -> None:
        """Checks the page for those who cannot see it and keeps a picture of it for those who can, on a phone and a laptop."""
        for width in WIDTHS:
            await self.page.set_viewport_size({"width": width, "height": 844})
            tree = await self.page.locator("body").aria_snapshot()
            assert NAMELESS.findall(tree) == [], f"without a name on {name} at {width} px:\n{tree}"
            assert await self.page.get_by_role("heading", level=1).count() == 1, f"{name} has not one title"
            assert await self.page.get_by_role("main").count() == 1, f"{name} has not one main part"
            wide = await self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, f"{name} at {width} px has to be scrolled sideways by {wide} px"
            # As tall as the page, or what is fixed to the window's edge would lie over the middle of it.
            tall = await self.page.evaluate("document.documentElement.scrollHeight")
            await self.page.set_viewport_size({"width": width, "height": tall})
            SCREENS.mkdir(parents=True, exist_ok=True)
            await self.page.screenshot(path=SCREENS / f"{name}-{width}.png", full_page=True, animations="disabled")
