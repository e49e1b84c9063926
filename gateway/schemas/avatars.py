"""Addresses that give an avatar to everybody."""

from gateway.schemas.common import Answer, Question
from linkarooie.upload.v1 import upload_pb2


class AvatarSettingsChange(Question):
    """Opens or closes the addresses."""

    by_handle: bool
    """`/avatar/<handle>` gives it."""
    by_email: bool
    """`/avatar/<hash of the e-mail address>` gives it, as sites know it from Gravatar and Libravatar."""


class AvatarSettings(Answer):
    """Which addresses give the caller's avatar to everybody: the picture that is the default avatar for everywhere."""

    by_handle: bool
    by_email: bool
    handle: str | None
    """Null until the profile is made, seconds after the account."""
    email_sha256: str | None
    """Of the confirmed address in lower case, as hex; null until it is known, seconds after the account."""
    email_md5: str | None
    """The same for older programs."""
    has_avatar: bool
    """Whether a default avatar is chosen, and ready; else the addresses give what stands for one."""

    @classmethod
    def of(cls, settings: upload_pb2.AvatarSettings) -> "AvatarSettings":
        return cls(
            by_handle=settings.by_handle,
            by_email=settings.by_email,
            handle=settings.handle or None,
            email_sha256=settings.email_sha256 or None,
            email_md5=settings.email_md5 or None,
            has_avatar=settings.has_avatar,
        )
