"""Remembers which picture each account has shown in each slot, when, and how often it changed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sandbox.kit.store import Store

Slot = Literal["avatar", "banner"]
SLOTS: tuple[Slot, ...] = ("avatar", "banner")


@dataclass(frozen=True)
class Change:
    """A picture put into a slot, or taken out of it (`token` is None).

    `token` is what the platform's picture address is built from. `visible_at` is later than `at` where the platform
    works on pictures after it has answered.
    """

    seq: int
    account: str
    slot: Slot
    at: float
    visible_at: float
    initial: bool
    token: str | None


_COLUMNS = "seq, account, slot, at, visible_at, initial, token"


class Gallery:
    """The history of pictures of one platform's accounts."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    def place(
        self, account: str, slot: Slot, token: str | None, *, delay_seconds: float = 0, initial: bool = False
    ) -> None:
        """Records a change that people see after `delay_seconds`."""
        now = self._clock()
        self._store.connection.execute(
            "INSERT INTO changes (platform, account, slot, at, visible_at, initial, token)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._store.platform, account, slot, now, now + delay_seconds, initial, token),
        )

    def shown(self, account: str, slot: Slot) -> Change | None:
        """Returns the change whose picture is seen now; None where nothing was ever placed."""
        return self._one(
            "account = ? AND slot = ? AND visible_at <= ? ORDER BY seq DESC", (account, slot, self._clock())
        )

    def latest(self, account: str, slot: Slot) -> Change | None:
        """Returns the last change, seen or not yet."""
        return self._one("account = ? AND slot = ? ORDER BY seq DESC", (account, slot))

    def find(self, slot: Slot, token: str) -> Change | None:
        """Returns the change that a picture address stands for."""
        return self._one("slot = ? AND token = ? ORDER BY seq DESC", (slot, token))

    def history(self, account: str) -> list[Change]:
        """Returns all changes after the initial pictures, oldest first."""
        rows = self._store.connection.execute(
            f"SELECT {_COLUMNS} FROM changes WHERE platform = ? AND account = ? AND NOT initial ORDER BY seq",  # noqa: S608 - constant columns
            (self._store.platform, account),
        )
        return [_change(row) for row in rows]

    def _one(self, condition: str, values: tuple[str | float, ...]) -> Change | None:
        row = self._store.connection.execute(
            f"SELECT {_COLUMNS} FROM changes WHERE platform = ? AND {condition} LIMIT 1",  # noqa: S608 - constant conditions
            (self._store.platform, *values),
        ).fetchone()
        return None if row is None else _change(row)


def _change(row: tuple[int, str, Slot, float, float, int, str | None]) -> Change:
    seq, account, slot, at, visible_at, initial, token = row
    return Change(seq, account, slot, at, visible_at, bool(initial), token)
