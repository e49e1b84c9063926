"""Connecting accounts of the sandbox's platforms, as people do it."""

import re

from browsing import Browsing
from playwright.async_api import expect
from system import PLATFORMS

from catalog import load_catalogue

NAMES = {platform: load_catalogue().platforms[platform].name for platform in PLATFORMS}


async def connect(browsing: Browsing, platform: str, person: str = "Ada Rivers") -> None:
    """Goes through a platform's consent page as one of the people who have an account there."""
    page, name = browsing.page, load_catalogue().platforms[platform].name
    await browsing.open("Connections")
    await page.get_by_role("button", name=f"Connect {name}").click()
    if load_catalogue().platforms[platform].takes_instance:
        await page.get_by_role("button", name=re.compile("Go on to 127")).click()
    await expect(page.get_by_role("heading", name=re.compile(f"Sandbox {name}"))).to_be_visible()
    await page.get_by_text(person).click()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_role("status").filter(has_text=f"on {name} is connected")).to_be_visible()
