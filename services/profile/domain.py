"""Rules of profiles. Pure: no I/O."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

HANDLE_MIN_CHARACTERS = 3
HANDLE_MAX_CHARACTERS = 30
BIO_MAX_CHARACTERS = 500
# The numbers tried have one digit more each time, so this many tries fail only if nearly every name is taken.
HANDLE_ATTEMPTS = 10

_HANDLE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# What the page of a handle could be taken for, and our own addresses.
RESERVED_HANDLES = frozenset(
    """about abuse account accounts admin administrator analytics anonymous api app assets auth avatar avatars banner banners billing blog
    bot bots campaign campaigns connect connection connections contact dashboard default defaults demo dev developer developers docs
    download email everyone explore export faq favicon feed healthz help home host hostmaster image images import index info
    instance instances invite legal linkarooie linkarooie-team login logout mail mailer-daemon me media metrics moderator moderators
    news no-reply nobody noreply notice notices null oauth official openapi owner platforms policy postmaster press pricing privacy
    profile profiles readyz register report robots root search security self service settings share shop signin
    signout signup sitemap staff static status store support sync syncs system team terms test undefined unknown
    unsubscribe upload uploads user username users variants webhook webhooks webmaster well-known www""".split()  # noqa: SIM905  # a list of words is read as one
)
# Letters that Unicode does not take apart into a plain one and a mark.
_SPELT_OUT = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "ħ": "h",
        "ı": "i",
        "'": "",
        "’": "",
    }
)


class Visibility(StrEnum):
    """Who may see a profile's page."""

    PUBLIC = "public"
    PRIVATE = "private"


@dataclass(frozen=True)
class Profile:
    """How somebody wants to be seen. Private until they say otherwise. `version` grows with every change."""

    user_id: str
    handle: str
    display_name: str
    updated_at: datetime
    bio: str = ""
    visibility: Visibility = Visibility.PRIVATE
    version: int = 1

    @property
    def etag(self) -> str:
        return str(self.version)


def handle_problem(handle: str) -> str | None:
    """Returns what is wrong with a handle, for people; None when nothing is."""
    if not HANDLE_MIN_CHARACTERS <= len(handle) <= HANDLE_MAX_CHARACTERS:
        return (
            f"The handle has {len(handle)} characters; {HANDLE_MIN_CHARACTERS} to {HANDLE_MAX_CHARACTERS} are possible."
        )
    if not _HANDLE.fullmatch(handle):
        return "A handle consists of the letters a to z, digits, and single hyphens between them."
    if handle in RESERVED_HANDLES:
        return "This handle is reserved. Choose another one."
    return None


def bio_problem(bio: str) -> str | None:
    """Returns what is wrong with a trimmed text, for people; None when nothing is. Line breaks are fine."""
    if len(bio) > BIO_MAX_CHARACTERS:
        return f"The text has {len(bio)} characters; at most {BIO_MAX_CHARACTERS} are possible. Shorten it."
    if any(unicodedata.category(character) == "Cc" for character in bio.replace("\n", "")):
        return "The text holds a character that cannot be shown. Remove it."
    return None


def tidy_handle(handle: str) -> str:
    """Returns a handle as it is stored and looked up."""
    return handle.strip().lower()


def tidy_text(text: str) -> str:
    """Returns a text trimmed, with one kind of line break."""
    return text.replace("\r\n", "\n").strip()


def proposed_handles(display_name: str, draw: Callable[[int], int]) -> Iterator[str]:
    """Yields handles made from a name: the name itself where that is one, then with numbers, of ever more digits.

    `draw(n)` draws a number below `n`. People who are called the same hardly ever try the same number.
    """
    base = _plain(display_name)
    for digits in range(HANDLE_ATTEMPTS):
        suffix = f"-{draw(10**digits)}" if digits else ""
        proposed = base[: HANDLE_MAX_CHARACTERS - len(suffix)].rstrip("-") + suffix
        if handle_problem(proposed) is None:
            yield proposed


def _plain(name: str) -> str:
    """Writes a name with a to z, digits and hyphens; `user` where nothing is left of it."""
    decomposed = unicodedata.normalize("NFKD", name.lower().translate(_SPELT_OUT))
    without_marks = "".join(character for character in decomposed if not unicodedata.combining(character))
    return re.sub(r"[^a-z0-9]+", "-", without_marks).strip("-") or "user"
