"""`linkarooie dev`, started once, and a browser to use it with."""

from collections.abc import AsyncIterator

import pytest
from browsing import Browsing
from playwright.async_api import Browser, async_playwright
from system import Development

from tools.browser import ADVICE, find

# The first is what root in a container needs; the others keep Chromium from calling its maker.
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# As people's browsers call themselves; without a window it would be a device that nobody has.
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{} Safari/537.36"


@pytest.fixture(scope="session")
async def development(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Development]:
    running = Development(tmp_path_factory.mktemp("development"))
    try:
        await running.start()
        yield running
    finally:
        await running.press_ctrl_c()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    executable = find()
    assert executable is not None, ADVICE
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@pytest.fixture
async def browsing(browser: Browser, development: Development) -> AsyncIterator[Browsing]:
    """A fresh browser, watched: it must call nobody but this installation and report no errors."""
    watched = await _browse(browser, development)
    yield watched
    assert watched.complaints == []


@pytest.fixture
async def elsewhere(browser: Browser, development: Development) -> AsyncIterator[Browsing]:
    """Another device of the same person's, or somebody else's: it shares no cookies with the first. Watched as well."""
    watched = await _browse(browser, development)
    yield watched
    assert watched.complaints == []


async def _browse(browser: Browser, development: Development) -> Browsing:
    context = await browser.new_context(
        locale="en-GB", timezone_id="Europe/Berlin", user_agent=USER_AGENT.format(browser.version)
    )
    return Browsing(await context.new_page(), development)
