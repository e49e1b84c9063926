"""Profiles."""

from typing import Literal

from pydantic import Field

from gateway.schemas.common import Answer, Question, Time
from linkarooie.profile.v1 import profile_pb2
from servicekit.protobuf import moment

Visibility = Literal["public", "private"]


class Profile(Answer):
    """How somebody wants to be seen."""

    handle: str
    display_name: str
    bio: str
    visibility: Visibility
    updated_at: Time

    @classmethod
    def of(cls, profile: profile_pb2.Profile) -> "Profile":
        return cls(
            handle=profile.handle,
            display_name=profile.display_name,
            bio=profile.bio,
            visibility="public" if profile.visibility == profile_pb2.VISIBILITY_PUBLIC else "private",
            updated_at=moment(profile.update_time),
        )


class ProfileChange(Question):
    """Changes the fields that it holds; those that are absent or null stay as they are."""

    handle: str | None = Field(default=None, max_length=200)
    """3 to 30 of a-z, 0-9 and single hyphens between."""
    display_name: str | None = Field(default=None, max_length=400)
    """1 to 100 characters."""
    bio: str | None = Field(default=None, max_length=2000)
    """Plain text, at most 500 characters."""
    visibility: Visibility | None = None
