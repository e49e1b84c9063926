"""`linkarooie dev`, started once, and a browser to use it with."""

from collections.abc import AsyncIterator

import pytest
from browsing import Browsing
from playwright.async_api import async_playwright
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


@pytest.fixture(scope="session")
async def development(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Development]:
    running = Development(tmp_path_factory.mktemp("development"))
    try:
        await running.start()
        yield running
    finally:
        await running.press_ctrl_c()


@pytest.fixture
async def browsing(development: Development) -> AsyncIterator[Browsing]:
    """A fresh browser, watched: it must call nobody but this installation and report no errors."""
    executable = find()
    assert executable is not None, ADVICE
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            context = await browser.new_context(locale="en-GB", timezone_id="Europe/Berlin")
            watched = Browsing(await context.new_page(), development)
            yield watched
            assert watched.complaints == []
        finally:
            await browser.close()
