"""Accounts and sessions."""

from typing import Literal

from pydantic import Field

from gateway.schemas.common import Answer, Question, Time
from linkarooie.auth.v1 import auth_pb2
from servicekit.protobuf import moment


class Registration(Question):
    """Asks for an account."""

    email: str = Field(max_length=254)
    """The address to sign in with."""
    password: str = Field(max_length=512, json_schema_extra={"format": "password"})
    """At least 10 characters, at most 128 bytes."""
    display_name: str = Field(max_length=400)
    """1 to 100 characters."""


class Credentials(Question):
    """Signs in."""

    email: str = Field(max_length=254)
    password: str = Field(max_length=512, json_schema_extra={"format": "password"})


class RefreshToken(Question):
    """Names a session outside of a browser, where no cookie does."""

    refresh_token: str = Field(min_length=1, max_length=1024)


class User(Answer):
    """An account."""

    id: str
    email: str
    display_name: str
    created_at: Time

    @classmethod
    def of(cls, user: auth_pb2.User) -> "User":
        return cls(id=user.id, email=user.email, display_name=user.display_name, created_at=moment(user.create_time))


class AccessToken(Answer):
    """What `Authorization: Bearer …` takes. In a browser the cookies of the same answer do its work."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    """Seconds."""
    refresh_token: str | None
    """The next refresh token, where the last one came in the body; null where cookies carry it."""
