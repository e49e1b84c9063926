"""Looking after an account: what happens there unasked, pictures from before, and leaving with them."""

import io
import re

import httpx2
from browsing import ANYWHERE, Browsing
from connecting import connect
from door import sign_up
from PIL import Image as Picture
from playwright.async_api import Locator, expect
from system import photograph

from servicekit.pictures.perceptual import distance, perceptual_hash

# An account that no other walk counts the changes of.
PERSON, ACCOUNT = "Grace Meadow", "grace"


async def test_an_account_is_looked_after_put_right_and_left_as_it_was(browsing: Browsing) -> None:
    page = browsing.page
    await sign_up(browsing)
    await connect(browsing, "mastodon", PERSON)
    before = await shown(browsing)
    await open_account(browsing)
    await choose_how_it_is_kept_right(browsing)

    await bring_a_picture(browsing)
    assert not alike(before, await shown(browsing))
    await open_account(browsing)
    await expect(page.get_by_text("Days begin as in Berlin")).to_be_visible()
    await expect(found(browsing).filter(has_text="Before Linkarooie")).to_have_count(1)
    await expect(found(browsing).filter(has_text="Shown now")).to_have_count(1)
    await browsing.look("connection")
    await put_back(browsing, found(browsing).filter(has_text="Before Linkarooie"))
    assert alike(before, await shown(browsing))

    # Putting back can be put back.
    await open_account(browsing)
    await put_back(browsing, found(browsing).filter(has_not_text="Before Linkarooie"))
    assert not alike(before, await shown(browsing))

    await open_account(browsing)
    await page.get_by_role("button", name=re.compile("^Disconnect")).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("radio", name=re.compile("before Linkarooie came")).check()
    await browsing.look("disconnect")
    # Once it is gone, so is what its page asks for.
    browsing.expected.add((404, ANYWHERE))
    await dialog.get_by_role("button", name="Disconnect").click()
    await expect(page.get_by_role("heading", name="It is disconnected")).to_be_visible()
    assert alike(before, await shown(browsing))
    await browsing.open("Connections")
    await expect(page.get_by_role("heading", name="Connect an account")).to_be_visible()


async def choose_how_it_is_kept_right(browsing: Browsing) -> None:
    """Each choice counts at once, and is there when the page is opened again."""
    page = browsing.page
    every = page.get_by_role("radiogroup", name="Look again")
    avatar = page.get_by_role("radiogroup", name="When the avatar differs")
    await expect(every.get_by_role("radio", name="Never")).to_be_checked()
    await every.get_by_role("radio", name="Weekly").click()
    await avatar.get_by_role("radio", name="Leave it").click()
    await page.get_by_role("switch", name="Follow my defaults").click()
    await expect(page.get_by_text("It begins with the first picture")).to_be_visible()
    await page.reload()
    await expect(every.get_by_role("radio", name="Weekly")).to_be_checked()
    await expect(avatar.get_by_role("radio", name="Leave it")).to_be_checked()
    await expect(page.get_by_role("switch", name="Follow my defaults")).to_be_checked()
    # What is brought there by hand in this walk stays as it is brought.
    await page.get_by_role("switch", name="Follow my defaults").click()


async def open_account(browsing: Browsing) -> None:
    await browsing.open("Connections")
    await browsing.page.get_by_role("region", name="Your accounts").get_by_role("link").first.click()
    await expect(browsing.page.get_by_role("heading", name="Keep it right")).to_be_visible()


def found(browsing: Browsing) -> Locator:
    """Returns the avatars that were found there so far."""
    return browsing.page.get_by_role("list", name="Avatars").get_by_role("listitem")


async def put_back(browsing: Browsing, wanted: Locator) -> None:
    """Puts the oldest of these avatars back, and sees that it arrives."""
    page = browsing.page
    await wanted.last.get_by_role("button", name=re.compile("^Put back")).click()
    await page.get_by_role("dialog").get_by_role("button", name="Put back").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Earlier picture put back")
    await expect(page.get_by_role("listitem", name=re.compile(", Mastodon$"))).to_contain_text("Verified")


async def bring_a_picture(browsing: Browsing) -> None:
    page = browsing.page
    await browsing.open("Library")
    await page.get_by_label("Choose pictures").set_input_files(
        {"name": "china.jpg", "mimeType": "image/jpeg", "buffer": photograph("china.jpg")}
    )
    await page.get_by_role("link", name=re.compile("china")).click()
    await expect(page.get_by_role("status").filter(has_text="Ready")).to_be_attached()
    await page.get_by_role("button", name=re.compile("^Sync")).click()
    await expect(page.get_by_role("heading", name="Avatar sync")).to_be_visible()
    await expect(page.get_by_role("listitem", name=re.compile(", Mastodon$"))).to_contain_text("Verified")


async def shown(browsing: Browsing) -> Picture.Image:
    """Returns the avatar that the platform shows now."""
    async with httpx2.AsyncClient() as http:
        account = await http.get(f"{browsing.development.sandbox_url}/api/mastodon/accounts/{ACCOUNT}")
        answer = await http.get(account.json()["avatar"]["url"])
    return Picture.open(io.BytesIO(answer.content)).convert("RGB")


def alike(one: Picture.Image, other: Picture.Image) -> bool:
    return distance(perceptual_hash(one), perceptual_hash(other)) <= 10
