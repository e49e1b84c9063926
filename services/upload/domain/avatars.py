"""Rules of the avatar that every site can pull. Pure: no I/O."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from servicekit.errors import InvalidInputError

USUAL_SIZE = 80
"""What sites get that name no size; Gravatar's as well."""
LARGEST_SIZE = 2048

_HANDLE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# Longer than any handle may be; what is longer is nobody's, and not looked for.
_HANDLE_MAX_CHARACTERS = 64
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}")


class NameKind(StrEnum):
    """What somebody is named by in the address of an avatar."""

    HANDLE = "handle"
    SHA256 = "sha256"
    MD5 = "md5"


class StandIn(StrEnum):
    """What is given where there is no avatar. The words are those of Gravatar and Libravatar."""

    NONE = "404"
    SILHOUETTE = "mp"
    BLANK = "blank"
    IDENTICON = "identicon"
    RETRO = "retro"
    MONSTERID = "monsterid"
    WAVATAR = "wavatar"
    ROBOHASH = "robohash"

    @property
    def differs_by_name(self) -> bool:
        """Whether it is drawn from who is asked for, so that people can be told apart by it."""
        return self not in (StandIn.NONE, StandIn.SILHOUETTE, StandIn.BLANK)


@dataclass(frozen=True)
class Avatar:
    """Which addresses give somebody's avatar to everybody, and what they are made from, as other services have told.

    Both are closed until the owner opens them. Versions only grow; what is older than what is known is not taken.
    """

    owner_id: str
    by_handle: bool = False
    by_email: bool = False
    handle: str = ""
    handle_version: int = 0
    email_sha256: str = ""
    email_md5: str = ""
    email_version: int = 0

    @property
    def open_names(self) -> frozenset[str]:
        """The names under which everybody gets the avatar."""
        handle = (self.handle,) if self.by_handle else ()
        hashes = (self.email_sha256, self.email_md5) if self.by_email else ()
        return frozenset(name for name in (*handle, *hashes) if name)

    def with_handle(self, handle: str, version: int) -> Self:
        """Returns the same with a handle that was told; itself where a newer one is known."""
        if self.handle and version <= self.handle_version:
            return self
        return replace(self, handle=tidy_name(handle), handle_version=version)

    def with_email(self, email: str, version: int) -> Self:
        """Returns the same with the hashes of a confirmed address that was told; itself where a newer one is known."""
        if self.email_sha256 and version <= self.email_version:
            return self
        sha256, md5 = email_hashes(email)
        return replace(self, email_sha256=sha256, email_md5=md5, email_version=version)


def email_hashes(email: str) -> tuple[str, str]:
    """Returns SHA-256 and MD5 of an address as sites that pull avatars make them: trimmed, in lower case, as hex."""
    tidied = email.strip().lower().encode()
    # MD5 keeps nothing secret here: it is the name under which older programs ask.
    return hashlib.sha256(tidied).hexdigest(), hashlib.md5(tidied, usedforsecurity=False).hexdigest()


def tidy_name(name: str) -> str:
    """Returns a handle or hash as it is stored and looked up."""
    return name.strip().lower()


def kind_of(name: str) -> NameKind | None:
    """Returns what a tidied name is; None for what can be nobody's. No handle is as long as a hash."""
    if _SHA256.fullmatch(name):
        return NameKind.SHA256
    if _MD5.fullmatch(name):
        return NameKind.MD5
    if len(name) <= _HANDLE_MAX_CHARACTERS and _HANDLE.fullmatch(name):
        return NameKind.HANDLE
    return None


def stand_in_of(word: str) -> StandIn:
    """Returns what stands for an avatar by a word that somebody wrote into an address.

    What is unknown is the silhouette. So is the address of another picture, to which Gravatar would send the browser: an address of
    ours that leads wherever somebody wants is what phishing looks for.
    """
    try:
        return StandIn(word.strip().lower())
    except ValueError:
        return StandIn.SILHOUETTE


def check_size(size: int) -> int:
    """Returns how many pixels are wanted on each side. Raises `InvalidInputError` for more than we draw."""
    if size > LARGEST_SIZE:
        raise InvalidInputError.of_field(
            "size",
            f"An avatar can have at most {LARGEST_SIZE:,} pixels on each side, not {size:,}.",
            reason="AVATAR_TOO_LARGE",
        )
    return size or USUAL_SIZE


def etag_of(content: str, size: int, formats: Sequence[str], *, encoder: str) -> str:
    """Returns what names an answer's bytes, before any of them exist: they follow from these alone."""
    text = "\n".join(("avatar", encoder, content, str(size), *formats))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
