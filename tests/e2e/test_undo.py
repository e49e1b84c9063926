"""Taking back what was sent, and answering what somebody has changed on the platform."""

import io
import re

import httpx2
from browsing import Browsing
from connecting import connect
from door import sign_up
from PIL import Image as Picture
from playwright.async_api import Locator, Page, expect
from system import photograph

from servicekit.pictures.perceptual import distance, perceptual_hash


async def test_a_sync_is_undone_and_the_old_picture_is_there_again(browsing: Browsing) -> None:
    page = browsing.page
    await sign_up(browsing)
    await connect(browsing, "x")
    before = await shown(browsing)
    await bring(browsing, "china.jpg")
    row = page.get_by_role("listitem", name=re.compile(", X$"))
    await expect(row).to_contain_text("Verified")
    assert not alike(before, await shown(browsing))

    await page.get_by_role("button", name="Undo").click()
    dialog = page.get_by_role("dialog", name="Put back what was there before?")
    await expect(dialog.locator("figure img")).to_have_count(2)
    await dialog.get_by_role("button", name="Put back").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Earlier picture put back")
    await expect(row).to_contain_text("Verified")
    await browsing.look("undone")
    assert alike(before, await shown(browsing))

    await browsing.open("Syncs")
    syncs = page.get_by_role("list", name="Syncs").get_by_role("listitem")
    await expect(syncs.first).to_contain_text("Put back")
    await expect(syncs.last).to_contain_text("Asked for")
    await browsing.look("syncs-undone")


async def test_what_somebody_changes_there_is_shown_beside_what_was_verified(browsing: Browsing) -> None:
    page = browsing.page
    await sign_up(browsing)
    await connect(browsing, "instagram")
    await bring(browsing, "china.jpg")
    row = page.get_by_role("listitem", name=re.compile(", Instagram$"))
    await expect(row).to_contain_text("Needs you")
    address = page.url
    prepared = await row.get_by_role("link", name="Download the picture").get_attribute("href")
    answer = await page.context.request.get(f"{browsing.development.url}{prepared}")
    await change_there(browsing, await answer.body())
    await row.get_by_role("button", name="I've done it").click()
    await expect(row).to_contain_text("Verified")

    await change_there(browsing, photograph("flower.jpg"))
    await check_now(browsing)
    await page.goto(address)
    await expect(row).to_contain_text("shows another picture now")
    await expect(row.get_by_text("What was verified")).to_be_visible()
    await expect(row.get_by_text("There now")).to_be_visible()
    await browsing.look("changed-there")
    await row.get_by_role("button", name="Take theirs into the library").click()
    await expect(row.get_by_role("link", name=re.compile("In your library"))).to_be_visible()
    await row.get_by_role("button", name="Leave it").click()
    await expect(row).to_contain_text("Left as it is")
    await browsing.look("left-there")


async def bring(browsing: Browsing, name: str) -> None:
    """Takes a picture in and syncs it as avatar, after a dry run, to the one account there is."""
    page = browsing.page
    await browsing.open("Library")
    await page.get_by_label("Choose pictures").set_input_files(
        {"name": name, "mimeType": "image/jpeg", "buffer": photograph(name)}
    )
    await page.get_by_role("link", name=re.compile(name.removesuffix(".jpg"))).click()
    await expect(page.get_by_role("status").filter(has_text="Ready")).to_be_attached()
    await page.get_by_role("button", name="Dry run").click()
    await expect(page.get_by_text("Nothing has been sent.")).to_be_visible()
    await browsing.look("plan")
    await page.get_by_role("button", name="Sync 1 account").click()
    await expect(page.get_by_role("heading", name="Avatar sync")).to_be_visible()


async def check_now(browsing: Browsing) -> None:
    await browsing.open("Connections")
    await browsing.page.get_by_role("button", name=re.compile("^Check now")).click()


async def change_there(browsing: Browsing, picture: bytes) -> None:
    """Sets another avatar on the sandbox's page of the account, as somebody does who is signed in there."""
    there = await browsing.page.context.new_page()
    await account_page(browsing, there, "instagram")
    changes = there.get_by_role("row").filter(has_text="new picture")
    count = await changes.count()
    await there.get_by_label("New avatar").set_input_files(
        {"name": "new.jpg", "mimeType": "image/jpeg", "buffer": picture}
    )
    await there.get_by_role("button", name="Change avatar").click()
    await expect(changes).to_have_count(count + 1)
    await there.close()


async def shown(browsing: Browsing) -> Picture.Image:
    """Returns the avatar that X shows on its own page of the account."""
    there = await browsing.page.context.new_page()
    avatar = await account_page(browsing, there, "x")
    async with httpx2.AsyncClient() as http:
        answer = await http.get(str(await avatar.evaluate("image => image.currentSrc")))
    await there.close()
    return Picture.open(io.BytesIO(answer.content)).convert("RGB")


async def account_page(browsing: Browsing, there: Page, platform: str) -> Locator:
    """Opens a platform's page of Ada's account and returns its avatar."""
    await there.goto(browsing.development.sandbox_url)
    await there.locator(f"#{platform}").get_by_role("link", name=re.compile("Ada Rivers")).click()
    avatar = there.get_by_role("img", name=re.compile("Avatar of "))
    await expect(avatar).to_be_visible()
    return avatar


def alike(one: Picture.Image, other: Picture.Image) -> bool:
    return distance(perceptual_hash(one), perceptual_hash(other)) <= 10
