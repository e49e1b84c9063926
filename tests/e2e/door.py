"""The way in, as people go it: the pages before one is signed in, and the letters."""

import uuid

from browsing import Browsing
from playwright.async_api import expect
from system import PASSWORD


def new_address() -> str:
    """Returns an e-mail address that nobody has."""
    return f"{uuid.uuid4().hex}@example.org"


async def sign_up(browsing: Browsing) -> str:
    """Makes an account through the pages and the letter, signs in, and returns its address."""
    email = new_address()
    await browsing.page.goto(f"{browsing.development.url}/register")
    await ask_for_account(browsing, email)
    await confirm_address(browsing, email)
    await log_in(browsing, email)
    await expect(browsing.page.get_by_role("heading", name="Welcome, Ada Rivers")).to_be_visible()
    return email


async def ask_for_account(browsing: Browsing, email: str) -> None:
    """Fills in the page to sign up."""
    page = browsing.page
    await page.get_by_label("Your name").fill("Ada Rivers")
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign up").click()
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    await expect(page.get_by_text(f"We have sent a letter to {email}")).to_be_visible()


async def confirm_address(browsing: Browsing, email: str) -> None:
    """Opens the letter's link, confirms, and goes on to log in."""
    page = browsing.page
    await page.goto(await browsing.development.mail.link(email, "Confirm your address"))
    await page.get_by_role("button", name="Confirm my address").click()
    await expect(page.get_by_role("heading", name="Address confirmed")).to_be_visible()
    await page.get_by_role("link", name="Log in").click()
    await expect(page.get_by_label("E-mail")).to_have_value(email)


async def log_in(browsing: Browsing, email: str, password: str = PASSWORD) -> None:
    """Fills in the page to log in."""
    page = browsing.page
    # The page before it may have fields of the same names.
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Log in").click()
