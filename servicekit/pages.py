"""Cursor pages over the keys of items (UUIDv7, as a rule), newest first or oldest first alike."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from servicekit.errors import InvalidInputError
from servicekit.ids import is_id


class HasId(Protocol):
    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=HasId)


@dataclass(frozen=True)
class PageRequest:
    """Which page: at most `size` items after the item `after` (None: from the start)."""

    size: int
    after: str | None

    @classmethod
    def parse(
        cls,
        page_size: int,
        page_token: str,
        *,
        default: int,
        maximum: int = 100,
        is_key: Callable[[str], bool] = is_id,
    ) -> "PageRequest":
        """Reads the two fields of a list request. A size too large is cut to the maximum, 0 means the default.

        `is_key` tells what an item of the list can have as its id, where those are no UUIDs.

        Raises `InvalidInputError` for a token that we did not make.
        """
        if not page_token:
            return cls(min(page_size or default, maximum), None)
        try:
            after = base64.urlsafe_b64decode(page_token + "=" * (-len(page_token) % 4)).decode("ascii")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            after = ""
        if not is_key(after):
            raise InvalidInputError.of_field(
                "page_token", "The page token is not one that this list handed out. Start again without it."
            )
        return cls(min(page_size or default, maximum), after)


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items and where to go on; an empty token says that there are no more."""

    items: Sequence[Item]
    next_page_token: str


def page_of(request: PageRequest, items: Sequence[Item]) -> Page[Item]:
    """Cuts a page out of what a query found when it asked for one item more than the page's size."""
    if len(items) <= request.size:
        return Page(items, "")
    kept = items[: request.size]
    return Page(kept, base64.urlsafe_b64encode(kept[-1].id.encode("ascii")).decode("ascii").rstrip("="))
