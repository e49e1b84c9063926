"""What the page of a picture shows: every format that goes in, the part that each platform gets, and the ways on when a picture fails."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from browsing import ANYWHERE, Browsing
from door import sign_up
from PIL import Image as Picture
from playwright.async_api import Locator, Page, Route, expect
from skimage import data
from system import photograph

HEIC = Path(__file__).parents[1] / "unit" / "pictures" / "files" / "corners.heic"


def encoded(picture: Picture.Image, format: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, format)
    return file.getvalue()


def portrait_at_the_right() -> Picture.Image:
    """A woman's face at the right of a wide picture: its middle shows nobody."""
    canvas = Picture.new("RGB", (1536, 512), "#36454f")
    canvas.paste(Picture.fromarray(data.astronaut()), (1024, 0))
    return canvas


# Browsers cannot show it.
TIFF = encoded(Picture.effect_noise((400, 300), 90), "TIFF")


def broken_in_the_middle() -> bytes:
    """A PNG whose header is right and whose pixels are not."""
    content = bytearray(encoded(Picture.effect_noise((400, 300), 90), "PNG"))
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    return bytes(content)


async def choose(page: Page, label: str, *files: tuple[str, str, bytes]) -> None:
    """Picks files as a person does in the system's dialog."""
    chosen: list[Any] = [{"name": name, "mimeType": kind, "buffer": content} for name, kind, content in files]
    await page.get_by_label(label, exact=True).set_input_files(chosen)


def pictures(page: Page) -> Locator:
    return page.get_by_role("list", name="Pictures").get_by_role("link")


@asynccontextmanager
async def held(page: Page, address: str) -> AsyncIterator[None]:
    """Keeps requests to an address from going on within the block."""
    go_on = asyncio.Event()

    async def wait(route: Route) -> None:
        await go_on.wait()
        await route.continue_()

    await page.route(address, wait)
    try:
        yield
    finally:
        go_on.set()


async def is_loaded(image: Locator) -> bool:
    return bool(await image.evaluate("image => image.decode().then(() => image.naturalWidth > 0)"))


async def test_every_format_goes_in_and_the_page_shows_what_is_made_of_it(browsing: Browsing) -> None:
    page = browsing.page
    await sign_up(browsing)
    await browsing.open("Library")
    small = Picture.fromarray(np.asarray(data.chelsea())).resize((300, 200))

    async with held(page, "**/v1/images"):
        await choose(page, "Choose pictures", ("phone.HEIC", "", HEIC.read_bytes()), ("scan.tiff", "image/tiff", TIFF))
        uploads = page.get_by_role("list", name="Uploads").get_by_role("listitem")
        await expect(uploads.filter(has_text="phone.HEIC").get_by_text("HEIC", exact=True)).to_be_visible()
        await expect(uploads.filter(has_text="scan.tiff").get_by_text("TIFF", exact=True)).to_be_visible()
        await expect(uploads.locator("img:visible")).to_have_count(0)
        await browsing.look("library-sending")
    await choose(
        page,
        "Choose pictures",
        ("portrait.webp", "image/webp", encoded(portrait_at_the_right(), "WEBP")),
        ("small.avif", "image/avif", encoded(small, "AVIF")),
    )

    await expect(pictures(page)).to_have_count(4)
    for name in ("portrait", "small", "phone", "scan"):
        tile = pictures(page).filter(has_text=name)
        await expect(tile.locator("picture img")).to_be_visible()
        assert await is_loaded(tile.locator("picture img"))
    await browsing.look("library-formats")
    await see_the_part_that_is_shown(browsing)
    await see_that_a_small_picture_was_enlarged(browsing)


async def see_the_part_that_is_shown(browsing: Browsing) -> None:
    page = browsing.page
    await pictures(page).filter(has_text="portrait").click()
    await expect(page.get_by_role("heading", name="What is shown of it")).to_be_visible()
    stage, words = page.get_by_role("figure").locator("img"), page.get_by_role("figure")
    assert await is_loaded(stage)
    async with held(page, "**/media/**"):
        await page.reload()
        await expect(stage).to_have_css("background-image", re.compile('^url."data:image/png'))
        place = await stage.bounding_box()
    assert await is_loaded(stage)
    await expect(stage).to_have_css("background-image", "none")
    assert await stage.bounding_box() == place
    await see_that_a_lost_thumbnail_breaks_nothing(browsing)
    for platform in ("X", "Mastodon"):
        await page.get_by_role("radio", name=platform, exact=True).click()
        await expect(words).to_contain_text(f"{platform}: Framed around the face.")
        await expect(words).to_contain_text(re.compile(r"Cut off: \d\d % at the left"))
    await expect(words).to_contain_text("One face was found.")
    await expect(page.get_by_role("listitem").filter(has_text="Download for X")).to_contain_text(
        "Framed around the face"
    )
    await browsing.look("picture-framed")
    await page.get_by_role("radio", name="Banner").click()
    await expect(words).to_contain_text(re.compile("All of the picture|Framed around"))
    await browsing.look("picture-framed-banner")


async def see_that_a_lost_thumbnail_breaks_nothing(browsing: Browsing) -> None:
    page, gone = browsing.page, re.compile("/media/.*thumbnail")
    browsing.expected.add((404, ANYWHERE))

    async def refuse(route: Route) -> None:
        await route.fulfill(status=404)

    await page.route(gone, refuse)
    await page.reload()
    await expect(page.get_by_role("figure")).to_contain_text("Framed around the face.")
    await expect(page.get_by_role("figure").locator("img")).to_have_count(0)
    await page.unroute(gone, refuse)
    await page.reload()
    await expect(page.get_by_role("figure").locator("img")).to_be_visible()


async def see_that_a_small_picture_was_enlarged(browsing: Browsing) -> None:
    page = browsing.page
    await browsing.open("Library")
    await pictures(page).filter(has_text="small").click()
    card = page.get_by_role("listitem").filter(has_text="Download for X")
    await expect(card.get_by_text("so it was enlarged")).to_be_visible()
    await browsing.look("picture-enlarged")


async def test_a_picture_that_fails_says_why_and_can_be_tried_again_or_replaced(browsing: Browsing) -> None:
    page = browsing.page
    await sign_up(browsing)
    await browsing.open("Library")
    await choose(page, "Choose pictures", ("torn.png", "image/png", broken_in_the_middle()))
    await pictures(page).filter(has_text="torn").click()
    reason = page.get_by_role("alert")
    await expect(reason).to_contain_text("damaged")
    await browsing.look("picture-failed")

    async with page.expect_response("**/retry") as answered:
        await page.get_by_role("button", name="Try again").click()
    assert (await (await answered.value).json())["state"] == "processing"
    await expect(page.get_by_text("Cannot be used").first).to_be_visible()
    await expect(reason).to_contain_text("damaged")

    browsing.expected.add((400, "/v1/images"))
    await page.get_by_label("Description").fill("A pagoda")
    await page.get_by_role("button", name="Save description").click()
    await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    await choose(page, "Replace", ("notes.txt", "text/plain", b"hardly a picture"))
    await expect(reason.filter(has_text="JPEG")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("torn")

    await choose(page, "Replace", ("china.jpg", "image/jpeg", photograph("china.jpg")))
    await expect(page.get_by_role("heading", level=1)).to_have_text("china")
    await expect(page.get_by_role("status").filter(has_text="Ready")).to_be_attached()
    await expect(page.get_by_label("Description")).to_have_value("A pagoda")
    await browsing.open("Library")
    await expect(pictures(page)).to_have_count(1)
    await expect(pictures(page)).to_contain_text("china")
