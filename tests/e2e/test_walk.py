"""A person's way from signing up to a picture that is verified everywhere, in a real browser, with a real photograph."""

import io
import re
import uuid
from typing import Any

import httpx2
from browsing import Browsing
from connecting import NAMES, connect
from door import ask_for_account, confirm_address, log_in
from PIL import Image as Picture
from playwright.async_api import Locator, Page, expect
from system import PLATFORMS, photograph

from servicekit.pictures.perceptual import distance, perceptual_hash

FAILING = "mastodon"
EMAIL = f"{uuid.uuid4().hex}@example.org"


async def test_one_picture_goes_in_and_every_platform_shows_it(browsing: Browsing) -> None:
    await sign_up_log_out_and_in(browsing)
    await upload_and_see_it_become_ready(browsing)
    for platform in PLATFORMS:
        await connect(browsing, platform)
    await browsing.open("Connections")
    await expect(browsing.page.get_by_role("img", name=re.compile("Banner of "))).to_have_count(len(PLATFORMS))
    await browsing.look("connections")
    await sync_while_one_platform_fails(browsing)
    await see_it_on_the_platforms_own_pages(browsing)
    await be_told(browsing)
    await read_the_figures(browsing)
    for name, title in (("Home", "Welcome, Ada Rivers"), ("Library", "Library"), ("Syncs", "Syncs")):
        await browsing.open(name, title)
        await browsing.look(name.lower())
    await browsing.choose_of_account_menu("Profile")
    await expect(browsing.page.get_by_role("heading", level=1)).to_have_text("Profile")
    await browsing.look("profile")


async def sign_up_log_out_and_in(browsing: Browsing) -> None:
    page = browsing.page
    await page.goto(browsing.development.url)
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await browsing.look("log-in")
    await page.get_by_role("link", name="Sign up").click()
    await ask_for_account(browsing, EMAIL)
    await confirm_address(browsing, EMAIL)
    await log_in(browsing, EMAIL)
    await expect(page.get_by_role("heading", name="Welcome, Ada Rivers")).to_be_visible()
    await browsing.look("first-steps")

    await browsing.choose_of_account_menu("Log out")
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    # The session is over, not only its page.
    await page.goto(f"{browsing.development.url}/library")
    await log_in(browsing, EMAIL)
    await expect(page.get_by_role("heading", name="Library")).to_be_visible()


async def upload_and_see_it_become_ready(browsing: Browsing) -> None:
    page = browsing.page
    await page.get_by_label("Choose pictures").set_input_files(
        {"name": "china.jpg", "mimeType": "image/jpeg", "buffer": photograph("china.jpg")}
    )
    await page.get_by_role("link", name=re.compile("china")).click()
    await mark(page)
    await expect(page.get_by_role("status").filter(has_text="Ready")).to_be_attached()
    await expect(page.get_by_role("radio", name="Avatar")).to_be_checked()
    assert await is_same_page(page)


async def sync_while_one_platform_fails(browsing: Browsing) -> None:
    page = browsing.page
    await switch(browsing, FAILING, fail="500")
    await browsing.open("Library")
    await page.get_by_role("link", name=re.compile("china")).click()
    await page.get_by_role("button", name="Dry run").click()
    await expect(page.get_by_role("status").filter(has_text="3 will change")).to_be_visible()
    await browsing.look("picture")
    await page.get_by_role("button", name="Sync 3 accounts").click()
    await expect(page.get_by_role("heading", name="Avatar sync")).to_be_visible()
    await mark(page)
    for platform in PLATFORMS:
        if platform != FAILING:
            await expect(row(page, platform)).to_contain_text("Verified")
    await expect(row(page, FAILING)).to_contain_text("does not answer as it should. We try again by ourselves.")
    await expect(row(page, FAILING)).not_to_contain_text("Verified")
    await browsing.look("sync-with-failure")
    await switch(browsing, FAILING)
    await expect(row(page, FAILING)).to_contain_text("Verified")
    await expect(page.get_by_role("status").filter(has_text="3 verified")).to_be_visible()
    assert await is_same_page(page)
    await browsing.look("sync")


async def see_it_on_the_platforms_own_pages(browsing: Browsing) -> None:
    """Each platform's page of the account shows our picture, after one change."""
    ours = {variant["key"]: variant for variant in await variants(browsing)}
    for platform in PLATFORMS:
        account = await read(f"{browsing.development.sandbox_url}/api/{platform}/accounts/ada")
        assert account["avatar"]["changes"] == 1
        assert account["banner"]["changes"] == 0
        there = await browsing.page.context.new_page()
        await there.goto(f"{await platform_url(browsing, platform)}/@ada")
        shown = there.get_by_role("img", name=re.compile("Avatar of "))
        await expect(shown).to_be_visible()
        await expect(there.get_by_role("row").filter(has_text="new picture")).to_have_count(1)
        seen = await fetched(str(await shown.evaluate("image => image.currentSrc")))
        sent = await fetched(browsing.development.url + ours[f"{platform}.avatar"]["url"])
        assert distance(perceptual_hash(seen), perceptual_hash(sent)) <= 10
        await there.close()


async def be_told(browsing: Browsing) -> None:
    """By a notice and by e-mail."""
    page = browsing.page
    await page.get_by_role("link", name=re.compile(r"Notices, \d+ unread")).click()
    notice = page.get_by_role("heading", name=re.compile("on 3 platforms"))
    await expect(notice).to_be_visible()
    await browsing.look("notices")
    await page.get_by_role("button", name="Mark all as read").click()
    await expect(page.get_by_role("link", name="Notices", exact=True)).to_be_visible()

    arrived = await browsing.development.mail.letter(EMAIL, "3 platforms")
    for name in NAMES.values():
        assert name in arrived["text"]
    assert browsing.development.url in arrived["text"]


async def read_the_figures(browsing: Browsing) -> None:
    page = browsing.page
    await browsing.open("Analytics")
    figures = page.get_by_role("region", name="Figures by platform").get_by_role("row")
    for name in NAMES.values():
        await expect(figures.filter(has_text=name).get_by_role("cell").first).to_have_text("1")
    await browsing.look("analytics")


def row(page: Page, platform: str) -> Locator:
    """Returns the row of a sync for a platform."""
    return page.get_by_role("listitem", name=re.compile(f", {NAMES[platform]}$"))


async def mark(page: Page) -> None:
    """Leaves a mark that a reload would take away."""
    await page.evaluate("window.notReloaded = true")


async def is_same_page(page: Page) -> bool:
    return bool(await page.evaluate("window.notReloaded === true"))


async def switch(browsing: Browsing, platform: str, **switches: Any) -> None:
    async with httpx2.AsyncClient() as http:
        answer = await http.put(f"{browsing.development.sandbox_url}/api/{platform}/switches", json=switches)
    assert answer.status_code == 200, answer.text


async def read(url: str) -> Any:
    async with httpx2.AsyncClient() as http:
        return (await http.get(url)).json()


async def fetched(url: str) -> Picture.Image:
    async with httpx2.AsyncClient() as http:
        return Picture.open(io.BytesIO((await http.get(url)).content)).convert("RGB")


async def platform_url(browsing: Browsing, platform: str) -> str:
    platforms = (await read(f"{browsing.development.sandbox_url}/api"))["platforms"]
    [url] = [str(one["url"]) for one in platforms if one["id"] == platform]
    return url


async def variants(browsing: Browsing) -> list[dict[str, Any]]:
    """Asks the API as the page does, with the browser's own session."""
    request = browsing.page.context.request
    [image] = (await (await request.get(f"{browsing.development.url}/v1/images")).json())["items"]
    found: list[dict[str, Any]] = (
        await (await request.get(f"{browsing.development.url}/v1/images/{image['id']}/variants")).json()
    )["items"]
    return found
