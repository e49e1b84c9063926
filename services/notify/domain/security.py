"""The letters of signing in: those it cannot do without, and those by which an owner notices that somebody else is at work.

Both go to the address that they were asked for. Nobody can switch them off: whoever got into an account would do that first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.notify.domain.letter import LetterRow, LetterText
from services.notify.domain.news import News, NoticeLevel

# Pages of the web client.
ACCOUNT_PAGE = "/settings"
SIGN_IN_PAGE = "/settings/sign-in"
SESSIONS_PAGE = "/settings/sessions"
API_KEYS_PAGE = "/settings/api-keys"
ACTIVITY_PAGE = "/settings/security"
FORGOT_PASSWORD_PAGE = "/forgot-password"  # noqa: S105  # a path
# Mail programs turn such words into links by themselves.
LINK = re.compile(r"://|www\.|@|\.[^\W\d_]{2,}", re.IGNORECASE)


class AccountLetter(StrEnum):
    """The letters that signing in asks for, by the contract's words."""

    CONFIRM_REGISTRATION = "confirm_registration"
    ALREADY_REGISTERED = "already_registered"
    RESET_PASSWORD = "reset_password"  # noqa: S105  # a word
    NO_ACCOUNT = "no_account"
    CONFIRM_EMAIL_CHANGE = "confirm_email_change"


class SecurityAction(StrEnum):
    """What happens to an account that its owner should hear of, by the contract's words."""

    SIGNED_IN_NEW_DEVICE = "signed_in_new_device"
    TOKEN_REUSED = "token_reused"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    EMAIL_CHANGED = "email_changed"
    IDENTITY_LINKED = "identity_linked"
    IDENTITY_REMOVED = "identity_removed"
    API_KEY_CREATED = "api_key_created"
    ROLE_CHANGED = "role_changed"


@dataclass(frozen=True)
class Origin:
    """When something was done, and from where. Device and network address may be empty."""

    at: datetime
    device: str = ""
    address: str = ""

    @property
    def shown_device(self) -> str:
        """Returns the device, unless whoever named it so wanted a link in our letter."""
        return "" if LINK.search(self.device) else self.device

    @property
    def place(self) -> str:
        """Returns device and address as they stand in a sentence: "from Firefox on Linux (192.0.2.1)"; "" for neither."""
        if not self.shown_device:
            return f"from {self.address}" if self.address else ""
        return f"from {self.shown_device} ({self.address})" if self.address else f"from {self.shown_device}"


@dataclass(frozen=True)
class Words:
    """What one letter says. `{detail}` stands for what the event says besides."""

    subject: str
    said: str
    if_not_you: str
    path: str
    label: str
    asks_for_action: bool = False


WITH_TOKEN = frozenset(
    {AccountLetter.CONFIRM_REGISTRATION, AccountLetter.RESET_PASSWORD, AccountLetter.CONFIRM_EMAIL_CHANGE}
)
# The name in those is the addressee's own. In the others somebody may have chosen it, to have us deliver what it says.
GREETED_BY_NAME = frozenset({AccountLetter.ALREADY_REGISTERED, AccountLetter.RESET_PASSWORD})

ACCOUNT_LETTERS: Mapping[AccountLetter, Words] = {
    AccountLetter.CONFIRM_REGISTRATION: Words(
        "Confirm your address",
        "You are one step away from your Linkarooie account: confirm that this address is yours.",
        "If it was not you, ignore this letter: nothing happens, and no account is made.",
        "/confirm-email",
        "Confirm my address",
    ),
    AccountLetter.ALREADY_REGISTERED: Words(
        "You have an account already",
        "Somebody wanted to use this address for a Linkarooie account, but it belongs to one already: yours. If it was you, "
        "log in. If you no longer know your password, choose “Forgot password?” there.",
        "If it was not you, ignore this letter: nothing happens.",
        "/login",
        "Log in",
    ),
    AccountLetter.RESET_PASSWORD: Words(
        "Set a new password",
        "Somebody asked to set a new password for your account. Until you do, the old one stays as it is; as soon as you "
        "have, you are logged out everywhere and log in with the new one.",
        "If it was not you, ignore this letter: nothing happens.",
        "/reset-password",
        "Set a new password",
    ),
    AccountLetter.NO_ACCOUNT: Words(
        "No account has this address",
        "Somebody asked to set a new password for this address, but no Linkarooie account has it. If it was you, perhaps you "
        "signed up with another address: try that one. Or make an account with this one.",
        "If it was not you, ignore this letter: nothing happens.",
        "/register",
        "Make an account",
    ),
    AccountLetter.CONFIRM_EMAIL_CHANGE: Words(
        "Confirm your new address",
        "Confirm that this address is yours, and it becomes the address of your Linkarooie account. Until then the old one "
        "stays.",
        "If it was not you, ignore this letter: nothing happens.",
        "/confirm-email",
        "Confirm my new address",
    ),
}

SECURITY_LETTERS: Mapping[SecurityAction, Words] = {
    SecurityAction.SIGNED_IN_NEW_DEVICE: Words(
        "New sign-in to your account",
        "Somebody signed in to your account with {detail}, on a device that was not seen there before.",
        "If it was you, there is nothing to do. If not, end that session in your settings and change your password.",
        SESSIONS_PAGE,
        "Look at your sessions",
        asks_for_action=True,
    ),
    SecurityAction.TOKEN_REUSED: Words(
        "A session was ended to protect your account",
        "One of your sessions was used in two places at once, as happens when somebody has copied it. It was ended: whoever "
        "used it has to log in again.",
        "Log in and look at your sessions. End those that you do not know, and change your password.",
        SESSIONS_PAGE,
        "Look at your sessions",
        asks_for_action=True,
    ),
    SecurityAction.PASSWORD_RESET: Words(
        "Your password was reset",
        "A new password was set for your account, through a letter to this address. All sessions were ended.",
        "If it was not you, somebody else can read your letters: secure your mailbox first, then set another password.",
        FORGOT_PASSWORD_PAGE,
        "Set another password",
    ),
    SecurityAction.PASSWORD_CHANGED: Words(
        "Your password was changed",
        "Somebody who was signed in to your account changed its password.",
        "If it was not you, set another password now: that ends all sessions, too.",
        FORGOT_PASSWORD_PAGE,
        "Set another password",
    ),
    SecurityAction.EMAIL_CHANGED: Words(
        "Your address was changed",
        "The address of your account is now {detail}. From now on, letters go there.",
        "If it was not you, open your settings at once, change the address back and set another password. If you "
        "cannot log in any more, write to the people who run this Linkarooie.",
        ACCOUNT_PAGE,
        "Open your settings",
    ),
    SecurityAction.IDENTITY_LINKED: Words(
        "{detail} can sign in to your account",
        "A {detail} account was linked: whoever has it can sign in to your Linkarooie account.",
        "If it was not you, remove it in your settings and change your password.",
        SIGN_IN_PAGE,
        "Look at your ways to sign in",
    ),
    SecurityAction.IDENTITY_REMOVED: Words(
        "{detail} can no longer sign in to your account",
        "The {detail} account that was linked to your Linkarooie account was removed, and no longer signs in to it.",
        "If it was not you, link it again and change your password.",
        SIGN_IN_PAGE,
        "Look at your ways to sign in",
    ),
    SecurityAction.API_KEY_CREATED: Words(
        "A new API key: {detail}",
        "The API key “{detail}” was made. A program that has it can act for you, as far as the key allows.",
        "If it was not you, revoke the key in your settings and change your password.",
        API_KEYS_PAGE,
        "Look at your API keys",
    ),
    SecurityAction.ROLE_CHANGED: Words(
        "Your account has a new role: {detail}",
        "The people who run this Linkarooie gave your account the role “{detail}”. Log in again to use it.",
        "If you did not expect that, ask them.",
        ACTIVITY_PAGE,
        "See what happened",
    ),
}


def account_letter(
    kind: AccountLetter, asked: Origin, *, token: str = "", expires_at: datetime | None = None
) -> LetterText:
    """Returns a letter that signing in asked for; `token` and its end are of those `WITH_TOKEN`."""
    words = ACCOUNT_LETTERS[kind]
    asked_for = f"This letter was asked for on {', '.join(filter(None, (_date(asked.at), asked.place)))}."
    validity: tuple[str, ...] = ()
    if expires_at is not None:
        validity = (f"The link works once, and for {_span(expires_at - asked.at)}: until {_date(expires_at)}.",)
    return LetterText(
        words.subject,
        (words.said, *validity),
        f"{words.path}#token={token}" if token else words.path,
        words.label,
        closing=(f"{asked_for} {words.if_not_you}",),
        footer="You get this letter because somebody gave this address there.",
        secret_until=expires_at,
    )


def security_noted(activity_id: str, action: SecurityAction, done: Origin, *, detail: str) -> News:
    """Tells of something that happened to an account, in the app and by letter."""
    words = SECURITY_LETTERS[action]
    if action is SecurityAction.SIGNED_IN_NEW_DEVICE and detail == "password":
        detail = "your password"
    subject, said = words.subject.format(detail=detail), words.said.format(detail=detail)
    where = f" That was {done.place}." if done.place else ""
    return News(
        f"account.{action}",
        activity_id,
        1,
        NoticeLevel.ACTION_NEEDED if words.asks_for_action else NoticeLevel.INFO,
        subject,
        f"{said}{where}",
        ACTIVITY_PAGE,
        "See your security activity",
        LetterText(
            subject,
            (said, words.if_not_you),
            words.path,
            words.label,
            rows=_rows(done),
            footer="This letter is about the safety of your account there, so it cannot be switched off.",
        ),
    )


def _rows(origin: Origin) -> tuple[LetterRow, ...]:
    facts = {"When": _date(origin.at), "Device": origin.shown_device, "Network address": origin.address}
    return tuple(LetterRow(label, value) for label, value in facts.items() if value)


def _date(at: datetime) -> str:
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{round(minutes / 60)} hours"
