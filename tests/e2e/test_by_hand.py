"""Setting a picture by hand, where a platform lets no app do it: guided there, and looked for afterwards."""

import re
from pathlib import Path

from browsing import Browsing
from connecting import connect
from door import sign_up
from playwright.async_api import Page, expect
from system import photograph

NAME = "Instagram"


async def test_a_picture_is_prepared_set_by_hand_and_verified(browsing: Browsing, tmp_path: Path) -> None:
    page = browsing.page
    await sign_up(browsing)
    await connect(browsing, "instagram")
    await bring_a_picture(page, browsing)

    row = page.get_by_role("listitem", name=re.compile(f", {NAME}$"))
    await expect(row).to_contain_text("Needs you")
    await expect(row.get_by_role("list", name="By hand").get_by_role("listitem")).to_have_count(3)
    there = row.get_by_role("link", name=f"Open {NAME}")
    await expect(there).to_have_attribute("href", "https://www.instagram.com/accounts/edit/")
    await browsing.look("by-hand")

    async with page.expect_download() as downloading:
        await row.get_by_role("link", name="Download the picture").click()
    prepared = tmp_path / (await downloading.value).suggested_filename
    assert prepared.suffix in (".jpg", ".png")
    await (await downloading.value).save_as(prepared)
    await set_on_the_platforms_page(browsing, prepared)

    await row.get_by_role("button", name="I've done it").click()
    await expect(row).to_contain_text("Verified")
    await browsing.look("by-hand-done")


async def bring_a_picture(page: Page, browsing: Browsing) -> None:
    await browsing.open("Library")
    await page.get_by_label("Choose pictures").set_input_files(
        {"name": "flower.jpg", "mimeType": "image/jpeg", "buffer": photograph("flower.jpg")}
    )
    await page.get_by_role("link", name=re.compile("flower")).click()
    await expect(page.get_by_role("status").filter(has_text="Ready")).to_be_attached()
    await page.get_by_role("button", name="Sync 1 account").click()
    await expect(page.get_by_role("heading", name="Avatar sync")).to_be_visible()


async def set_on_the_platforms_page(browsing: Browsing, file: Path) -> None:
    """Does in another tab what the steps say, on the sandbox's page of the account."""
    context = browsing.page.context
    there = await context.new_page()
    await there.goto(browsing.development.sandbox_url)
    await there.locator("#instagram").get_by_role("link", name=re.compile("Ada Rivers")).click()
    await there.get_by_label("New avatar").set_input_files(file)
    await there.get_by_role("button", name="Change avatar").click()
    await expect(there.get_by_role("row").filter(has_text="new picture")).to_have_count(1)
    await there.close()
