"""The library as a person keeps it, and which of its pictures goes where."""

import asyncio
import re

from browsing import ANYWHERE, Browsing
from connecting import NAMES, connect
from door import sign_up
from playwright.async_api import Locator, Page, Route, expect
from system import photograph

FIRST, SECOND = "mastodon", "x"


def pictures(page: Page) -> Locator:
    return page.get_by_role("list", name="Pictures", exact=True).get_by_role("link")


def title(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


async def choose(page: Page, name: str, content: bytes) -> None:
    await page.get_by_label("Choose pictures").set_input_files(
        {"name": name, "mimeType": "image/jpeg", "buffer": content}
    )


async def test_pictures_are_found_renamed_deleted_and_brought_back(browsing: Browsing) -> None:
    page = browsing.page
    await sign_up(browsing)
    await browsing.open("Library")
    await choose(page, "china.jpg", photograph("china.jpg"))
    await choose(page, "flower.jpg", photograph("flower.jpg"))
    await expect(pictures(page)).to_have_count(2)

    await search_and_filter(browsing)
    await be_asked_before_a_file_goes_in_twice(browsing)
    await be_refused_what_is_not_on_the_web(browsing)
    await delete_and_bring_back(browsing)
    await delete_for_good(browsing)


async def search_and_filter(browsing: Browsing) -> None:
    page, words = browsing.page, browsing.page.get_by_role("searchbox", name="Search pictures")
    await words.press_sequentially("flow")
    await expect(pictures(page)).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"/library\?q=flow$"))
    await page.reload()
    await expect(words).to_have_value("flow")
    await expect(pictures(page)).to_contain_text("flower")
    await words.fill("zebra")
    await expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    await browsing.look("library-nothing-found")
    await page.get_by_role("button", name="Show all pictures").click()
    await expect(pictures(page)).to_have_count(2)
    await page.get_by_role("radio", name="Avatars").click()
    await expect(page).to_have_url(re.compile(r"/library\?show=avatar$"))
    await expect(pictures(page)).to_have_count(0)
    await page.get_by_role("radio", name="All").click()
    await expect(pictures(page)).to_have_count(2)


async def be_asked_before_a_file_goes_in_twice(browsing: Browsing) -> None:
    page = browsing.page
    await choose(page, "again.jpg", photograph("china.jpg"))
    await expect(page.get_by_text("you have this picture already, as “china”")).to_be_visible()
    await browsing.look("library-known")
    await page.get_by_role("link", name="Open it").click()
    await expect(title(page)).to_have_text("china")
    await browsing.open("Library")
    await expect(page.get_by_text("you have this picture already")).to_have_count(0)
    await expect(pictures(page)).to_have_count(2)


async def be_refused_what_is_not_on_the_web(browsing: Browsing) -> None:
    page = browsing.page
    browsing.expected.add((400, "/v1/images/import"))
    await page.get_by_role("button", name="From the web").click()
    await page.get_by_label("Address of the picture").fill("https://10.0.0.1/me.png")
    await page.get_by_role("button", name="Fetch it").click()
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    await page.get_by_role("button", name="Cancel").click()


async def delete_and_bring_back(browsing: Browsing) -> None:
    page = browsing.page
    await pictures(page).filter(has_text="china").click()
    await page.get_by_role("button", name="Rename").click()
    await page.keyboard.type("Temple")
    await page.keyboard.press("Enter")
    await expect(title(page)).to_have_text("Temple")
    await page.get_by_role("button", name="Use as avatar everywhere").click()
    await expect(page.get_by_text("Your avatar everywhere")).to_be_visible()

    await delete(page)
    await expect(title(page)).to_have_text("Library")
    await expect(page.get_by_role("status").filter(has_text="“Temple” is deleted.")).to_be_visible()
    await expect(pictures(page)).to_have_count(1)
    # Back from the heading, which has the focus: past the way to dismiss it.
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("button", name="Undo")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(title(page)).to_have_text("Temple")
    await expect(page.get_by_text("Your avatar everywhere")).to_be_visible()

    await delete(page)
    await page.get_by_role("link", name="Deleted pictures").click()
    await browsing.look("library-deleted")
    await page.get_by_role("button", name="Restore Temple").click()
    await expect(page.get_by_role("heading", name="Nothing deleted")).to_be_visible()
    await browsing.open("Library")
    await expect(pictures(page)).to_have_count(2)
    await expect(pictures(page).filter(has_text="Temple")).to_contain_text("Avatar")


async def delete_for_good(browsing: Browsing) -> None:
    """One by one and all at once, while another window of the same browser hears of it."""
    page, elsewhere = browsing.page, await browsing.page.context.new_page()
    # A page that still shows the picture may ask for it once more.
    browsing.expected.add((404, ANYWHERE))
    await elsewhere.goto(f"{browsing.development.url}/library")
    await expect(pictures(elsewhere)).to_have_count(2)
    await pictures(page).filter(has_text="flower").click()
    await delete(page, "It is in use nowhere.")
    await expect(pictures(elsewhere)).to_have_count(1)
    await pictures(elsewhere).click()
    await expect(title(elsewhere)).to_have_text("Temple")

    await page.get_by_role("link", name="Deleted pictures").click()
    await page.get_by_role("button", name="Delete flower for good").click()
    await expect(page.get_by_role("dialog")).to_contain_text(re.compile(r"cannot be undone.*\d kB of room come back"))
    await page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    await expect(page.get_by_role("status").filter(has_text="“flower” is gone for good.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Nothing deleted")).to_be_visible()

    await browsing.open("Library")
    await pictures(page).filter(has_text="Temple").click()
    await delete(page)
    await expect(title(elsewhere)).to_have_text("This picture is deleted")
    await page.get_by_role("link", name="Deleted pictures").click()
    await page.get_by_role("button", name="Empty").click()
    await expect(page.get_by_role("dialog")).to_contain_text("One picture is gone for good then.")
    await browsing.look("library-empty-deleted")
    await page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    await expect(page.get_by_role("heading", name="Nothing deleted")).to_be_visible()
    await elsewhere.close()


async def delete(page: Page, consequence: str = "It is no longer a default") -> None:
    await page.get_by_role("button", name="Delete picture").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(consequence)
    await dialog.get_by_role("button", name="Delete", exact=True).click()


async def test_each_account_gets_the_picture_that_is_chosen_for_it(browsing: Browsing) -> None:
    page = browsing.page
    await sign_up(browsing)
    for platform in (FIRST, SECOND):
        await connect(browsing, platform, "Grace Meadow")
    await take_in_what_an_account_shows(browsing)
    await choose(page, "flower.jpg", photograph("flower.jpg"))
    await page.get_by_role("radio", name="Ready").click()
    await expect(pictures(page)).to_have_count(2)

    await browsing.open("Defaults")
    await pick(page, "Choose the avatar everywhere", "flower")
    await expect(page.get_by_role("button", name="Change the avatar everywhere")).to_be_visible()
    await pick(page, f"Choose another avatar on {NAMES[SECOND]}", "avatar")
    await expect(page.get_by_text("Custom (1)")).to_be_visible()
    await browsing.look("defaults")
    await be_told_of_a_change_elsewhere(browsing)

    await page.get_by_role("button", name="Bring these everywhere").click()
    await expect(title(page)).to_have_text("Syncs")
    await expect(page.get_by_role("list", name="Syncs").get_by_role("link")).to_have_count(2)
    await open_the_avatar_to_everybody(browsing)


async def take_in_what_an_account_shows(browsing: Browsing) -> None:
    page = browsing.page
    await browsing.open("Library")
    await page.get_by_role("button", name="From a connected account").click()
    take = page.get_by_role("button", name=re.compile(f"^Take in the avatar of .*, {NAMES[FIRST]}$"))
    await take.click()
    await expect(page.get_by_role("link", name="In your library")).to_be_visible()
    await browsing.look("library-from-account")
    await page.get_by_role("button", name="Close").click()
    await expect(pictures(page)).to_have_count(1)


async def pick(page: Page, button: str, name: str) -> None:
    await page.get_by_role("button", name=button).click()
    await page.get_by_role("dialog").get_by_role("button", name=name).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def be_told_of_a_change_elsewhere(browsing: Browsing) -> None:
    """In another window of the same browser something else is chosen: this one hears of it, and until it has does not overwrite it."""
    page, elsewhere = browsing.page, await browsing.page.context.new_page()
    browsing.expected.add((412, "/v1/defaults"))
    await elsewhere.goto(f"{browsing.development.url}/defaults")
    await pick(elsewhere, "Choose the banner everywhere", "flower")
    await expect(page.get_by_role("button", name="Change the banner everywhere")).to_be_visible()

    read = asyncio.Event()

    async def late(route: Route) -> None:
        if route.request.method == "GET":
            await read.wait()
        await route.continue_()

    await page.route("**/v1/defaults", late)
    await elsewhere.get_by_role("button", name="No banner everywhere").click()
    await expect(elsewhere.get_by_role("button", name="Choose the banner everywhere")).to_be_visible()
    await pick(elsewhere, "Choose the banner everywhere", "avatar")
    await elsewhere.close()
    await page.get_by_role("button", name="Reset to default").click()
    read.set()
    await expect(page.get_by_role("alert")).to_contain_text("changed elsewhere")
    await expect(page.get_by_role("button", name="Change the banner everywhere")).to_be_visible()
    await expect(page.get_by_text("Custom (1)")).to_be_visible()
    await page.get_by_role("button", name="No banner everywhere").click()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(page.get_by_role("button", name="Choose the banner everywhere")).to_be_focused()


async def open_the_avatar_to_everybody(browsing: Browsing) -> None:
    page = browsing.page
    await browsing.choose_of_account_menu("Settings")
    await page.get_by_role("link", name="Avatar address").click()
    await page.get_by_role("switch", name="Whoever knows my handle").click()
    example = page.get_by_role("img", name="What the address gives now")
    await expect(example).to_be_visible()
    assert await example.evaluate("image => image.decode().then(() => image.naturalWidth)") == 192
    await page.get_by_role("switch", name="Whoever knows my e-mail address").click()
    await expect(page.get_by_label("Address by e-mail")).to_have_value(re.compile(r"/avatar/[0-9a-f]{64}$"))
    await expect(page.get_by_text("no default avatar")).to_have_count(0)
    await browsing.look("avatar-address")
