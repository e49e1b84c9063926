"""Who goes next: jobs that a person waits for before work that nobody waits for."""

import asyncio
from collections import deque
from enum import StrEnum


class Lane(StrEnum):
    """Who waits for a job."""

    # A person does.
    INTERACTIVE = "interactive"
    # Nobody does: new recipes for all pictures, a retry, a look at what a platform shows.
    BULK = "bulk"


class Turns:
    """Hands out `count` turns, first come first served within a lane.

    A waiting interactive job takes the next free turn before any waiting bulk job. Bulk jobs never hold all turns while
    there is more than one, so that a person waits for a bulk job only where a single turn leaves no choice.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"there are {count} workers; at least one is needed")
        self.count = count
        self._held = dict.fromkeys(Lane, 0)
        self._waiting: dict[Lane, deque[asyncio.Future[None]]] = {lane: deque() for lane in Lane}

    def room(self, lane: Lane) -> int:
        """Tells how many turns the jobs of a lane can hold at once."""
        return max(1, self.count - 1) if lane is Lane.BULK else self.count

    def waiting(self, lane: Lane) -> int:
        """Tells how many jobs of a lane wait."""
        return sum(not turn.done() for turn in self._waiting[lane])

    async def take(self, lane: Lane) -> None:
        """Waits for a turn. Cancelling gives up the place, or hands on a turn that came in the same moment."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting[lane].append(turn)
        self._hand_out()
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give_back(lane)
            else:
                turn.cancel()
            raise

    def give_back(self, lane: Lane) -> None:
        """Ends a turn; the next one in line gets it."""
        self._held[lane] -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        for lane in (Lane.INTERACTIVE, Lane.BULK):
            line = self._waiting[lane]
            while line and sum(self._held.values()) < self.count and self._held[lane] < self.room(lane):
                turn = line.popleft()
                # Cancelled while it waited.
                if not turn.done():
                    self._held[lane] += 1
                    turn.set_result(None)
