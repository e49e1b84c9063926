"""Signing up and signing in."""

from typing import Annotated, Literal, cast

from pydantic import AfterValidator, Field

from gateway.schemas.common import Answer, Question, Time, word
from gateway.security import is_own_path
from linkarooie.auth.v1 import auth_pb2
from servicekit.protobuf import moment

Role = Literal["user", "support", "admin"]

Email = Annotated[str, Field(max_length=254)]
Password = Annotated[str, Field(max_length=512, json_schema_extra={"format": "password"})]
DisplayName = Annotated[str, Field(max_length=400)]


def _own_path(path: str) -> str:
    if not is_own_path(path):
        raise ValueError("This must be a path of this site, such as /settings")
    return path


ReturnTo = Annotated[str, Field(max_length=500), AfterValidator(_own_path)]
"""Where a browser goes on, within this site."""


class Registration(Question):
    """Asks for an account."""

    email: Email
    """The address to sign in with."""
    password: Password
    """At least 10 characters, at most 128 bytes."""
    display_name: DisplayName
    """1 to 100 characters."""


class Credentials(Question):
    """Signs in."""

    email: Email
    password: Password


class RefreshToken(Question):
    """Names a session outside of a browser, where no cookie does."""

    refresh_token: str = Field(min_length=1, max_length=1024)


class LetterToken(Question):
    """Opens the link of a letter."""

    token: str = Field(min_length=1, max_length=200)
    """What stands behind `#token=` in the link."""


class ForgottenPassword(Question):
    """Asks for a letter with which a new password can be set."""

    email: Email


class PasswordReset(Question):
    """Sets a new password."""

    token: str = Field(min_length=1, max_length=200)
    """What stands behind `#token=` in the letter's link."""
    password: Password
    """At least 10 characters, at most 128 bytes."""


class SocialSignUp(Question):
    """Tells what a provider did not."""

    email: Email
    """The address for the account; a letter goes there first."""
    display_name: DisplayName
    """1 to 100 characters."""


class User(Answer):
    """An account."""

    id: str
    email: str
    display_name: str
    created_at: Time
    role: Role
    has_password: bool
    """Whether there is a password to sign in with."""

    @classmethod
    def of(cls, user: auth_pb2.User) -> "User":
        return cls(
            id=user.id,
            email=user.email,
            display_name=user.display_name,
            created_at=moment(user.create_time),
            role=cast("Role", word(auth_pb2.Role, user.role)),
            has_password=user.has_password,
        )


class AccessToken(Answer):
    """What `Authorization: Bearer …` takes. In a browser the cookies of the same answer do its work."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    """Seconds."""
    refresh_token: str | None
    """The next refresh token, where the last one came in the body; null where cookies carry it."""


class LetterSent(Answer):
    """Says that a letter is on its way where there is somebody to write to, and nothing more."""


class SignInProvider(Answer):
    """Somewhere else that people can sign in with."""

    id: str
    """Such as `google`."""
    label: str
    """For people, such as `Google`."""


class SignInProviderList(Answer):
    """All of them, in the order to show them."""

    items: list[SignInProvider]
    next_page_token: str
    """Always empty: there are too few to page."""
    public_url: str
    """Where this installation believes to be. A browser that is elsewhere cannot keep a sign-in."""
