"""Accounts as people use them, in a real browser: letters, ways to sign in, sessions, keys, and the staff's page."""

import re
from typing import Any

import httpx2
from browsing import ANYWHERE, Browsing
from door import ask_for_account, confirm_address, log_in, new_address, sign_up
from playwright.async_api import Page, Route, expect
from system import PASSWORD, eventually

from linkarooie.development import DEMO, DEMO_ADMIN

ANOTHER_PASSWORD = "every picture in one place"


async def test_an_account_comes_into_being_with_its_letter(browsing: Browsing) -> None:
    page, email = browsing.page, new_address()
    await page.goto(f"{browsing.development.url}/register")
    await expect(page.get_by_role("heading", name="Sign up")).to_be_visible()
    await browsing.look("sign-up")
    await ask_for_account(browsing, email)
    await browsing.look("check-your-mail")
    await page.get_by_role("link", name="Log in").click()
    browsing.expected.add((401, "/v1/auth/login"))
    await log_in(browsing, email)
    await expect(page.get_by_role("alert")).to_contain_text("open the link in the letter that we sent you first")

    letter = await browsing.development.mail.link(email, "Confirm your address")
    await page.goto(letter)
    await expect(page.get_by_role("button", name="Confirm my address")).to_be_visible()
    # The token is nothing for the history, nor for a picture of the screen.
    assert page.url == f"{browsing.development.url}/confirm-email"
    await browsing.look("confirm-address")
    await confirm_address(browsing, email)
    await log_in(browsing, email)
    await expect(page.get_by_role("heading", name="Welcome, Ada Rivers")).to_be_visible()

    browsing.expected.add((409, "/v1/auth/email/verify"))
    await page.goto(letter)
    await page.get_by_role("button", name="Confirm my address").click()
    await expect(page.get_by_role("link", name="Sign up again")).to_be_visible()
    await browsing.look("confirm-address-again")


async def test_a_forgotten_password_is_set_anew_and_the_sessions_of_before_are_over(
    browsing: Browsing, elsewhere: Browsing
) -> None:
    email = await sign_up(browsing)
    browsing.expected.add((401, ANYWHERE))
    page = elsewhere.page
    await page.goto(f"{elsewhere.development.url}/login")
    await page.get_by_role("link", name="Forgot your password?").click()
    await expect(page.get_by_role("heading", name="Forgot your password?")).to_be_visible()
    await page.get_by_label("E-mail").fill(email)
    await elsewhere.look("forgot-password")
    await page.get_by_role("button", name="Send the letter").click()
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()

    letter = await elsewhere.development.mail.link(email, "password")
    await page.goto(letter)
    # One that everybody guesses leaves the link as it was.
    elsewhere.expected |= {(400, "/v1/auth/password/reset"), (422, "/v1/auth/password/reset")}
    await page.get_by_label("New password", exact=True).fill("1234567890")
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await elsewhere.look("reset-password")
    await page.get_by_label("New password", exact=True).fill(ANOTHER_PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("heading", name="Password changed")).to_be_visible()
    await elsewhere.look("password-changed")

    # The page that stood open elsewhere notices by itself.
    await expect(browsing.page.get_by_role("heading", name="Log in")).to_be_visible()
    elsewhere.expected.add((401, "/v1/auth/login"))
    await page.get_by_role("link", name="Log in").click()
    await log_in(elsewhere, email)
    await expect(page.get_by_role("alert")).to_be_visible()
    await log_in(elsewhere, email, ANOTHER_PASSWORD)
    await expect(page.get_by_role("heading", name="Welcome, Ada Rivers")).to_be_visible()

    elsewhere.expected.add((409, "/v1/auth/password/reset"))
    await page.goto(letter)
    await page.get_by_label("New password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("heading", name="This link is over")).to_be_visible()
    await expect(page.get_by_role("link", name="Ask for a new letter")).to_be_visible()
    await elsewhere.look("reset-link-over")


async def test_a_provider_is_linked_used_to_sign_in_and_unlinked(browsing: Browsing) -> None:
    page = browsing.page
    email = await sign_up(browsing)
    await to_settings(browsing, "Sign-in methods")
    await page.get_by_role("button", name="Link GitHub").click()
    await allow(page, "Ada Rivers")
    await expect(page.get_by_role("status").filter(has_text="You can log in with GitHub")).to_be_visible()
    await browsing.look("sign-in-methods")

    await browsing.choose_of_account_menu("Log out")
    await page.get_by_role("link", name="Continue with GitHub").click()
    await allow(page, "Ada Rivers")
    await expect(page.get_by_role("heading", name="Welcome, Ada Rivers")).to_be_visible()

    await to_settings(browsing, "Sign-in methods")
    # The same account there opens the same account here.
    await expect(page.get_by_text(f"With {email}")).to_be_visible()
    await page.get_by_role("button", name="Unlink GitHub").click()
    await browsing.look("unlink")
    await page.get_by_role("dialog").get_by_role("button", name="Unlink").click()
    await expect(page.get_by_role("button", name="Unlink GitHub")).to_have_count(0)
    await expect(page.get_by_role("button", name="Link GitHub")).to_be_visible()


async def test_an_account_that_a_provider_opened_keeps_its_only_way_in(browsing: Browsing) -> None:
    page = browsing.page
    await page.goto(f"{browsing.development.url}/login")
    # GitHub vouches for the address, so the account is there at once.
    await page.get_by_role("link", name="Continue with GitHub").click()
    await allow(page, "Grace Meadow")
    await expect(page.get_by_role("heading", name=re.compile("Welcome, Grace"))).to_be_visible()
    await to_settings(browsing, "Sign-in methods")
    await expect(page.get_by_text("This is your only way in")).to_be_visible()
    await expect(page.get_by_role("button", name="Unlink GitHub")).to_have_count(0)
    await browsing.look("only-way-in")
    await page.get_by_role("navigation", name="Settings").get_by_role("link", name="Account").click()
    await expect(page.get_by_role("button", name="Set a password")).to_be_visible()
    await browsing.look("account-without-password")


async def test_who_comes_from_a_provider_without_an_address_confirms_one_by_letter(browsing: Browsing) -> None:
    page, email = browsing.page, new_address()
    await page.goto(f"{browsing.development.url}/login")
    await page.get_by_role("link", name="Continue with Facebook").click()
    await allow(page, "Grace Meadow")
    await expect(page.get_by_role("heading", name="Almost there")).to_be_visible()
    await page.get_by_label("E-mail").fill(email)
    await browsing.look("complete-sign-up")
    await page.get_by_role("button", name="Sign up").click()
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    await confirm_address(browsing, email)
    await page.get_by_role("link", name="Continue with Facebook").click()
    await allow(page, "Grace Meadow")
    await expect(page.get_by_role("heading", name=re.compile("Welcome, Grace"))).to_be_visible()


async def test_a_way_back_that_was_used_says_so_and_offers_to_start_again(browsing: Browsing) -> None:
    page = browsing.page
    await page.goto(f"{browsing.development.url}/login")
    await page.get_by_role("link", name="Continue with Google").click()
    async with page.expect_request(re.compile(r"/v1/auth/oauth/google/callback")) as way_back:
        await allow(page, "Ada Rivers")
    await expect(page.get_by_role("heading", name="Welcome, Ada Rivers")).to_be_visible()

    await page.goto((await way_back.value).url)
    await expect(page.get_by_role("alert")).to_contain_text("This sign-in link was already used")
    await browsing.look("sign-in-link-used")
    await page.get_by_role("link", name="Start again with Google").click()
    await expect(page.get_by_role("button", name="Deny")).to_be_visible()
    await page.get_by_role("button", name="Deny").click()
    await expect(page.get_by_role("alert")).to_contain_text("You did not allow it at Google")


async def test_a_key_is_made_used_by_a_program_and_revoked(browsing: Browsing) -> None:
    page = browsing.page
    await sign_up(browsing)
    await to_settings(browsing, "API keys")
    await expect(page.get_by_role("heading", name="No API keys yet")).to_be_visible()
    await browsing.look("api-keys-none")
    await page.get_by_role("button", name="Make a key").click()
    await page.get_by_label("Name", exact=True).fill("Backup script")
    await page.get_by_role("checkbox", name="images:read").check()
    await browsing.look("api-key-new")
    await let_sign_in_be_long_ago(browsing, "/v1/me/api-keys")
    await page.get_by_role("button", name="Make the key").click()
    await confirm_that_it_is_you(browsing)
    # What waited for the confirmation went on by itself.
    key = await page.get_by_label("API key", exact=True).input_value()
    assert re.fullmatch(r"lnk_[0-9A-Za-z]{36}", key)
    await browsing.look("api-key-made")
    await page.get_by_role("button", name="I have saved it").click()
    assert key not in await page.content()

    async with httpx2.AsyncClient(base_url=browsing.development.url) as program:
        program.headers["authorization"] = f"Bearer {key}"
        assert (await program.get("/v1/images")).status_code == 200
        assert (await program.get("/v1/connections")).status_code == 403
        await page.reload()
        row = page.get_by_role("listitem", name="Backup script")
        await expect(row).to_contain_text("Last used")
        await browsing.look("api-keys")
        await row.get_by_role("button", name="Revoke Backup script").click()
        await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        await expect(row).to_have_count(0)

        async def refused() -> bool:
            return (await program.get("/v1/images")).status_code == 401

        await eventually(refused, what="the revoked key is refused")


async def test_a_session_is_ended_from_another_device(browsing: Browsing, elsewhere: Browsing) -> None:
    email = await sign_up(browsing)
    elsewhere.expected.add((401, ANYWHERE))
    await elsewhere.page.goto(elsewhere.development.url)
    await log_in(elsewhere, email)
    await expect(elsewhere.page.get_by_role("heading", name="Welcome, Ada Rivers")).to_be_visible()

    page = browsing.page
    await to_settings(browsing, "Sessions")
    await expect(page.get_by_text("This device")).to_have_count(1)
    await browsing.look("sessions")
    await page.get_by_role("button", name="End the session on Chrome on Linux").click()
    await expect(page.get_by_text("You are logged in nowhere else.")).to_be_visible()
    # The page that stands open there is left without anybody touching it.
    await expect(elsewhere.page.get_by_role("heading", name="Log in")).to_be_visible()

    await log_in(elsewhere, email)
    await expect(elsewhere.page.get_by_role("heading", name="Welcome, Ada Rivers")).to_be_visible()
    await page.reload()
    await page.get_by_role("button", name="End all others").click()
    await page.get_by_role("dialog").get_by_role("button", name="End all others").click()
    await expect(elsewhere.page.get_by_role("heading", name="Log in")).to_be_visible()

    await to_settings(browsing, "Security activity")
    activity = page.get_by_role("list", name="Activity")
    await expect(activity).to_contain_text("All other sessions were ended")
    await expect(activity).to_contain_text("The session on Chrome on Linux was ended")
    await expect(activity).to_contain_text("Signed in from Chrome on Linux")
    await browsing.look("security-activity")


async def test_name_address_and_password_are_changed(browsing: Browsing) -> None:
    page, mail = browsing.page, browsing.development.mail
    await sign_up(browsing)
    await to_settings(browsing, "Account")
    await browsing.look("account")
    await page.get_by_label("Your name").fill("Ada Brooks")
    await page.get_by_role("button", name="Save the name").click()
    await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()

    browsing.expected |= {(400, "/v1/me/password"), (422, "/v1/me/password")}
    await page.get_by_label("Present password").fill("something else entirely")
    await page.get_by_label("New password").fill(ANOTHER_PASSWORD)
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Present password").fill(PASSWORD)
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_role("status").filter(has_text="The password is changed")).to_be_visible()

    email = new_address()
    await page.get_by_label("New address").fill(email)
    await page.get_by_role("button", name="Change the address").click()
    await expect(page.get_by_role("status").filter(has_text=f"a letter to {email}")).to_be_visible()

    await page.goto(await mail.link(email, "address"))
    await page.get_by_role("button", name="Confirm my address").click()
    await page.get_by_role("link", name="Go to your account").click()
    await expect(page.get_by_text(f"Our letters go to {email}")).to_be_visible()
    await browsing.choose_of_account_menu("Log out")
    await log_in(browsing, email, ANOTHER_PASSWORD)
    await expect(page.get_by_role("heading", name="Welcome, Ada Brooks")).to_be_visible()


async def test_staff_look_up_who_asks_for_help_and_others_find_nothing_there(
    browsing: Browsing, elsewhere: Browsing
) -> None:
    email = await sign_up(elsewhere)
    elsewhere.expected.add((401, ANYWHERE))
    await elsewhere.page.goto(f"{elsewhere.development.url}/admin/accounts")
    await expect(elsewhere.page.get_by_role("heading", name="Nothing here")).to_be_visible()

    page = browsing.page
    await page.goto(browsing.development.url)
    await log_in(browsing, DEMO_ADMIN.email, DEMO_ADMIN.password)
    await browsing.choose_of_account_menu("Accounts")
    browsing.expected.add((404, "/v1/admin/accounts"))
    await page.get_by_label("E-mail address or account id").fill(new_address())
    await page.get_by_role("button", name="Look up").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("E-mail address or account id").fill(email)
    await page.get_by_role("button", name="Look up").click()
    await expect(page.get_by_role("heading", name="Ada Rivers")).to_be_visible()
    await page.get_by_role("button", name="Show what happened").click()
    await expect(page.get_by_role("list", name="Activity")).to_contain_text("The account was made")
    await browsing.look("accounts")
    await page.get_by_label("Role of this account").select_option("support")
    await page.get_by_role("button", name="Give this role").click()
    await page.get_by_role("dialog").get_by_role("button", name="Give this role").click()
    await expect(page.get_by_role("status").filter(has_text="Now Support")).to_be_visible()

    # Their owner has to sign in again, and then finds the page.
    await expect(elsewhere.page.get_by_role("heading", name="Log in")).to_be_visible()
    await log_in(elsewhere, email)
    await expect(elsewhere.page.get_by_role("heading", name="Accounts")).to_be_visible()
    await elsewhere.page.goto(f"{elsewhere.development.url}/settings/security")
    await expect(elsewhere.page.get_by_role("list", name="Activity")).to_contain_text("The account was looked at")


async def test_another_name_of_this_machine_is_explained_at_the_door(browsing: Browsing) -> None:
    page = browsing.page
    port = browsing.development.ports.gateway
    await page.goto(f"http://localhost:{port}/login")
    await expect(page.get_by_role("alert")).to_contain_text("Signing in cannot work at this address.")
    await browsing.look("log-in-at-wrong-address")
    await page.get_by_role("link", name=browsing.development.url).click()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_browser_that_does_not_keep_the_sign_in_is_told_so_and_led_nowhere(browsing: Browsing) -> None:
    page = browsing.page

    async def lose_cookies(route: Route) -> None:
        answer = await route.fetch()
        await page.context.clear_cookies()
        await route.fulfill(status=answer.status, content_type="application/json", body=await answer.body())

    await page.goto(f"{browsing.development.url}/login")
    await page.route("**/v1/auth/login", lose_cookies)
    await log_in(browsing, DEMO.email, DEMO.password)
    await expect(page.get_by_role("alert")).to_contain_text("this browser did not keep it")
    await expect(page.get_by_role("alert")).to_contain_text("LINKAROOIE_PUBLIC_URL")
    await browsing.look("log-in-not-kept")
    assert page.url == f"{browsing.development.url}/login"


async def to_settings(browsing: Browsing, name: str) -> None:
    """Opens a page of the settings."""
    await browsing.choose_of_account_menu("Settings")
    page = browsing.page
    await page.get_by_role("navigation", name="Settings").get_by_role("link", name=name).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)


async def allow(page: Page, person: str) -> None:
    """Chooses an account on a provider's page, and allows."""
    await page.get_by_text(person).click()
    await page.get_by_role("button", name="Allow").click()


async def let_sign_in_be_long_ago(browsing: Browsing, path: str) -> None:
    """Has the next change there refused as the server refuses it a quarter of an hour after signing in."""
    refusal: dict[str, Any] = {
        "type": "about:blank",
        "title": "Sign in again",
        "status": 403,
        "detail": "Confirm that it is you: sign in again, then repeat this.",
        "reason": "SIGN_IN_AGAIN",
    }

    async def refuse_once(route: Route) -> None:
        if route.request.method in ("GET", "HEAD"):
            await route.fallback()
            return
        await route.fulfill(status=403, content_type="application/problem+json", json=refusal)
        await browsing.page.unroute(address)

    address = f"{browsing.development.url}{path}"
    browsing.expected.add((403, path))
    await browsing.page.route(address, refuse_once)


async def confirm_that_it_is_you(browsing: Browsing) -> None:
    """Answers the question that comes up."""
    dialog = browsing.page.get_by_role("dialog", name="Confirm that it’s you")
    await browsing.look("confirm-its-you")
    await dialog.get_by_label(re.compile("^Password of ")).fill(PASSWORD)
    await dialog.get_by_role("button", name="Confirm").click()
    await expect(dialog).to_have_count(0)
