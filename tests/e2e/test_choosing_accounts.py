"""Choosing accounts where one consent has opened several."""

import re

from browsing import ANYWHERE, Browsing
from door import sign_up
from playwright.async_api import expect


async def test_pages_are_chosen_after_consent_and_what_is_connected_is_marked(browsing: Browsing) -> None:
    page = browsing.page
    await sign_up(browsing)
    for _ in range(2):
        await browsing.open("Connections")
        await page.get_by_role("button", name="Connect Facebook Page").click()
        await expect(page.get_by_role("heading", name=re.compile("Sandbox Facebook"))).to_be_visible()
        await page.get_by_text("Ada Rivers").click()
        await page.get_by_text("All my Pages").click()
        await page.get_by_role("button", name="Allow", exact=True).click()
        await expect(page.get_by_role("heading", name="Choose accounts")).to_be_visible()
        await browsing.look("choose-accounts")
        garden = page.get_by_role("checkbox", name=re.compile("Riverside Garden Club"))
        if await garden.is_checked():
            break
        await expect(page.get_by_role("button", name="Connect")).to_be_disabled()
        await garden.check()
        await page.get_by_role("button", name="Connect").click()
        await expect(page.get_by_role("status").filter(has_text="Riverside Garden Club")).to_be_visible()

    await expect(page.get_by_text("Connected already")).to_be_visible()
    address = page.url
    await page.get_by_role("checkbox", name=re.compile("Ada Rivers Studio")).check()
    await page.get_by_role("button", name="Connect 2 accounts").click()
    await expect(page.get_by_role("status").filter(has_text="are connected")).to_be_visible()
    # A choice that was made is over.
    browsing.expected.add((409, ANYWHERE))
    await page.goto(address)
    await expect(page.get_by_role("alert")).to_contain_text("used already")
    await page.get_by_role("link", name="To your connections").click()
    await expect(page.get_by_role("heading", name="Connections")).to_be_visible()
