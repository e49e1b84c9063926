"""What one server of a platform states about itself: it may be stricter than the catalogue, never looser."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

# Servers are updated and their limits changed now and then; a person who hears of it connects again, which asks anew.
TERMS_KEPT_FOR = timedelta(days=1)
# After a server did not tell: what was known of it goes on counting meanwhile.
ASKED_AGAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class SlotTerms:
    """What a server takes in one slot. None where it says nothing; `alt_text_max` 0 means that it takes no description."""

    mode: Literal["read_only", "none"] | None = None
    max_bytes: int | None = None
    formats: tuple[str, ...] | None = None
    alt_text_max: int | None = None


@dataclass(frozen=True)
class ServerTerms:
    """A server's terms by slot. `software` is for people; `ways` is the adapter's own note on how this server is spoken to."""

    software: str = ""
    slots: Mapping[str, SlotTerms] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownServer:
    """What is kept of a server: its terms, None if it never told them in a way that we understand."""

    terms: ServerTerms | None
    read_again_at: datetime
