"""Accounts: addresses, names and passwords."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from email_validator import EmailNotValidError, validate_email

from servicekit.errors import FieldViolation, InvalidInputError
from servicekit.identity import Role
from servicekit.names import display_name_problem, mixes_scripts

# What a mail server accepts as an address (RFC 5321, section 4.5.3.1.3, less the brackets).
EMAIL_MAX_CHARACTERS = 254
PASSWORD_MIN_CHARACTERS = 10
# Bounds what one hash may read; longer than any phrase that somebody types.
PASSWORD_MAX_BYTES = 128
# NFKC joins at most four typed characters into one that counts, so more than this cannot become short enough.
PASSWORD_MAX_TYPED_CHARACTERS = 4 * PASSWORD_MAX_BYTES


@dataclass(frozen=True)
class User:
    """An account. Its address is confirmed; `email_key` is what two addresses are compared by.

    `password_hash` is None for somebody who signs in with a provider alone. `version` grows with each change of address or name.
    """

    id: str
    email: str
    email_key: str
    display_name: str
    password_hash: str | None = field(repr=False)
    created_at: datetime
    role: Role = Role.USER
    version: int = 1


@dataclass(frozen=True)
class Applicant:
    """Somebody who wants an account: what they asked for, checked."""

    email: str
    email_key: str
    display_name: str


def check_applicant(*, email: str, display_name: str, password_problem: str | None = None) -> Applicant:
    """Returns the request tidied. Raises `InvalidInputError` that names every field refused, not just the first."""
    email, display_name = email.strip(), display_name.strip()
    refuse(
        {
            "email": email_problem(email),
            "password": password_problem,
            "display_name": display_name_problem(display_name),
        }
    )
    return Applicant(email, email_key(email), display_name)


def refuse(problems: Mapping[str, str | None]) -> None:
    """Raises `InvalidInputError` that names each field that has a problem; returns when none has."""
    violations = tuple(FieldViolation(name, problem) for name, problem in problems.items() if problem is not None)
    if violations:
        raise InvalidInputError(" ".join(violation.description for violation in violations), violations=violations)


def email_key(email: str) -> str:
    """Returns the form by which addresses are compared: without regard to case or to how its domain is spelt.

    Raises `ValueError` for what is no address.
    """
    email = email.strip()
    if len(email) > EMAIL_MAX_CHARACTERS:  # before the library reads megabytes of it
        raise EmailNotValidError(f"It is too long: at most {EMAIL_MAX_CHARACTERS} characters are possible.")
    # RFC 2606's `.test` leads nowhere, so an account there harms nobody, and development needs one.
    return validate_email(email, check_deliverability=False, test_environment=True).normalized.lower()


def known_form(email: str) -> str:
    """Returns the form by which an account is looked up; for what is no address "", which no account has."""
    try:
        return email_key(email)
    except EmailNotValidError:
        return ""


def email_problem(email: str) -> str | None:
    """Returns what is wrong with an address, for people; None when nothing is."""
    try:
        read = email_key(email)
    except EmailNotValidError as error:
        return f"This is not an e-mail address that letters reach. {error}"
    disguised = unicodedata.normalize("NFKC", email) != unicodedata.normalize("NFC", email)
    if disguised or any(mixes_scripts(part) for part in re.split("[@.]", read)):
        return "The address mixes letters that look alike but belong to different alphabets. Type it anew."
    return None


def normal_password(password: str) -> str:
    """Returns a password as it is counted and hashed: the same for each way that keyboards compose the same characters.

    One that is far too long is returned as it is, since normalising it would be work for nothing.
    """
    return password if len(password) > PASSWORD_MAX_TYPED_CHARACTERS else unicodedata.normalize("NFKC", password)


def is_too_long(password: str) -> bool:
    """Tells whether a normalised password is longer than any that we accept."""
    return len(password.encode()) > PASSWORD_MAX_BYTES


def password_problem(password: str, *, email: str, common: Collection[str]) -> str | None:
    """Returns why a normalised password is refused, for people; None when it is not. `common` is in lower case."""
    if len(password) < PASSWORD_MIN_CHARACTERS:
        return f"The password has {len(password)} characters; use at least {PASSWORD_MIN_CHARACTERS}."
    if is_too_long(password):
        return f"The password is too long; use at most {PASSWORD_MAX_BYTES} bytes (as many plain letters)."
    if password.lower() == normal_password(email).lower():
        return "The password is the e-mail address, which others know. Choose another one."
    if password.lower() in common:
        return (
            "The password is on the lists that attackers try first. Choose another one; a few unrelated words are good."
        )
    return None
