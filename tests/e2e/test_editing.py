"""Editing a picture in the browser: by mouse, by keys and by touch, with what every place gets beside it."""

import io
import re
from typing import Any

from browsing import ANYWHERE, Browsing
from door import sign_up
from PIL import Image as Picture
from playwright.async_api import Locator, Page, Route, expect
from skimage import data


def cup_beside_astronaut() -> bytes:
    """A cup at the left and a face at the right, 600 × 400 pixels."""
    canvas = Picture.new("RGB", (600, 400), "#36454f")
    canvas.paste(Picture.fromarray(data.coffee()).crop((100, 0, 500, 400)), (0, 0))
    canvas.paste(Picture.fromarray(data.astronaut()).resize((200, 200)), (400, 40))
    file = io.BytesIO()
    canvas.save(file, "PNG")
    return file.getvalue()


async def open_editor(browsing: Browsing) -> str:
    """Adds a picture, goes to the page where it is edited, and returns the address of the picture's page."""
    page = browsing.page
    await sign_up(browsing)
    await browsing.open("Library")
    await page.get_by_label("Choose pictures", exact=True).set_input_files(
        [{"name": "both.png", "mimeType": "image/png", "buffer": cup_beside_astronaut()}]
    )
    await page.get_by_role("list", name="Pictures").get_by_role("link").click()
    await expect(page.get_by_role("heading", name="What is shown of it")).to_be_visible()
    address = page.url
    await page.get_by_role("link", name="Edit", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Edit both")
    await expect(crop_frame(page)).to_be_visible()
    return address


def crop_frame(page: Page) -> Locator:
    return page.get_by_role("slider", name="Crop")


async def says(control: Locator, words: str) -> None:
    await expect(control).to_have_attribute("aria-valuetext", words)


async def drag(page: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    x, y = start
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + by[0] / 2, y + by[1] / 2)
    await page.mouse.move(x + by[0], y + by[1])
    await page.mouse.up()


async def kept_edits(page: Page) -> dict[str, Any]:
    """What the server keeps of the picture whose page is open."""
    kept: dict[str, Any] = await page.evaluate(
        "fetch(`/v1/images/${location.pathname.split('/')[2]}/edits`).then((answer) => answer.json())"
    )
    return kept


async def preview(page: Page, place: str) -> Locator:
    """The preview of a place, which is made once it is in view."""
    await page.get_by_role("listitem", name=place).scroll_into_view_if_needed()
    shown = page.get_by_role("img", name=f"Preview of {place}")
    await expect(shown).to_be_visible()
    assert await shown.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    return shown


async def test_an_edit_is_made_tried_saved_and_undone(browsing: Browsing) -> None:
    page = browsing.page
    address = await open_editor(browsing)
    crop = crop_frame(page)
    await says(crop, "All of the picture")
    await preview(page, "X avatar")
    await browsing.look("editor")
    await page.set_viewport_size({"width": 1280, "height": 900})

    # Half of the way across from the upper left corner, where the face is.
    box = await crop.bounding_box()
    assert box is not None
    await drag(page, (box["x"], box["y"]), (box["width"] / 2, 0))
    await says(crop, "300 by 400 pixels, 300 from the left, 0 from the top")
    await page.get_by_role("button", name="Turn right").click()
    await says(crop, "400 by 300 pixels, 0 from the left, 300 from the top")
    await page.get_by_role("button", name="Mirror").click()
    await page.keyboard.press("Control+z")
    await page.keyboard.press("Control+z")
    await says(crop, "300 by 400 pixels, 300 from the left, 0 from the top")
    await page.keyboard.press("Control+Shift+z")

    await page.get_by_role("button", name="Override for X avatar").click()
    await expect(page.get_by_text("You are editing X avatar alone.")).to_be_visible()
    await page.get_by_role("button", name="Reset", exact=True).click()
    await expect(page.get_by_text("Custom (1)")).to_be_visible()
    await browsing.look("editor-of-one-place")
    await page.get_by_role("button", name="Save", exact=True).click()

    await expect(page).to_have_url(address)
    kept = await kept_edits(page)
    assert (kept["number"], kept["base"]["quarter_turns"], [*kept["overrides"]]) == (2, 1, ["x.avatar"])
    await expect(page.get_by_role("heading", name="What is shown of it")).to_be_visible()
    await browsing.look("picture-edited")
    await page.get_by_role("button", name="Undo", exact=True).click()
    await expect(page.get_by_role("button", name="Undo", exact=True)).to_have_count(0)
    kept = await kept_edits(page)
    assert (kept["number"], kept["base"]["quarter_turns"], kept["overrides"]) == (3, 0, {})

    await page.get_by_role("link", name="Edit", exact=True).click()
    await page.get_by_role("button", name="Bring this back (revision 2)").click()
    await expect(page).to_have_url(address)
    assert (await kept_edits(page))["base"]["quarter_turns"] == 1


async def test_all_of_it_can_be_done_by_keys(browsing: Browsing) -> None:
    page = browsing.page
    await open_editor(browsing)
    crop = crop_frame(page)
    await crop.focus()
    for _ in range(50):
        await page.keyboard.press("Shift+ArrowLeft")
    await page.keyboard.press("ArrowRight")
    await says(crop, "300 by 400 pixels, 6 from the left, 0 from the top")
    await page.get_by_text("Exact figures").press("Enter")
    await page.get_by_label("Width", exact=True).fill("3")
    await page.get_by_label("Width", exact=True).press("Enter")
    # The least that is cut out.
    await says(crop, "16 by 400 pixels, 6 from the left, 0 from the top")
    focus = page.get_by_role("slider", name="Focus point")
    await page.get_by_role("radio", name="Crop").press("ArrowRight")
    await page.keyboard.press("Enter")
    await says(focus, "Not set: found by Linkarooie")
    await focus.press("Shift+ArrowDown")
    await says(focus, "2 % from the left, 55 % from the top")
    await focus.press("Delete")
    await says(focus, "Not set: found by Linkarooie")


async def test_nothing_is_lost_unasked(browsing: Browsing) -> None:
    page = browsing.page
    address = await open_editor(browsing)
    await page.get_by_role("button", name="Turn left").click()

    await page.get_by_role("link", name="Home", exact=True).click()
    await expect(page.get_by_role("dialog", name="Leave without saving?")).to_be_visible()
    await page.get_by_role("button", name="Keep", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Edit both")
    await browsing.choose_of_account_menu("Log out")
    await expect(page.get_by_role("dialog", name="Leave without saving?")).to_be_visible()
    await page.get_by_role("button", name="Keep", exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)

    elsewhere = """fetch(`/v1/images/${location.pathname.split('/')[2]}/edits`,
        {method: 'PUT', headers: {'content-type': 'application/json'}, body: '{"base": {"mirrored": true}}'})
        .then((answer) => answer.status)"""
    assert await page.evaluate(elsewhere) == 200
    browsing.expected.add((412, f"/v1/images/{address.rsplit('/', 1)[1]}/edits"))
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("This picture was changed elsewhere")).to_be_visible()
    await page.get_by_role("button", name="Show theirs").click()
    await expect(page.get_by_role("button", name="Mirror")).to_have_attribute("aria-pressed", "true")
    # What was mine is a step away.
    await page.get_by_role("button", name="Undo", exact=True).click()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page).to_have_url(address)
    kept = await kept_edits(page)
    assert (kept["number"], kept["base"]["quarter_turns"], kept["base"]["mirrored"]) == (3, 3, False)

    await page.goto(f"{address}/edit")
    await page.get_by_role("button", name="Mirror").click()
    await browsing.choose_of_account_menu("Log out")
    await page.get_by_role("button", name="Leave", exact=True).click()
    await expect(page).to_have_url(re.compile(r"/login$"))


async def test_a_preview_that_fails_says_why_and_can_be_tried_again(browsing: Browsing) -> None:
    page = browsing.page
    await open_editor(browsing)
    x = page.get_by_role("listitem", name="X avatar")
    await preview(page, "X avatar")

    async def refuse(route: Route) -> None:
        words = {"detail": "The picture engine is busy.", "reason": "BUSY"}
        await route.fulfill(status=409, json=words, content_type="application/problem+json")

    browsing.expected.add((409, ANYWHERE))
    await page.route("**/preview", refuse)
    await page.get_by_role("button", name="Mirror").click()
    await expect(x.get_by_text("The picture engine is busy.")).to_be_visible()
    await page.unroute("**/preview")
    await x.get_by_role("button", name="Try again").click()
    await preview(page, "X avatar")

    await page.route("**/preview", refuse)
    await page.get_by_role("button", name="Undo", exact=True).click()
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("The picture engine is busy.")
