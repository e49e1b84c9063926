import asyncio
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.pictures.lanes import Lane, Turns

ACTS = st.one_of(
    st.tuples(st.just("come"), st.sampled_from(Lane)),
    st.tuples(st.sampled_from(["finish", "give up", "give up as the turn comes"]), st.integers(0, 20)),
)


@dataclass
class Queue:
    """Jobs that come, wait, hold a turn and go, and the order in which they got it."""

    turns: Turns
    waiting: list[tuple[int, Lane, asyncio.Task[None]]] = field(default_factory=list)
    holding: list[Lane] = field(default_factory=list)
    granted: dict[Lane, list[int]] = field(default_factory=lambda: {lane: [] for lane in Lane})
    came: int = 0

    async def settle(self):
        for _ in range(3):
            await asyncio.sleep(0)
        for entry in list(self.waiting):
            number, lane, task = entry
            if task.done():
                self.waiting.remove(entry)
                if not task.cancelled():
                    self.holding.append(lane)
                    self.granted[lane].append(number)

    async def act(self, kind, value):
        if kind == "come":
            self.waiting.append((self.came, value, asyncio.create_task(self.turns.take(value))))
            self.came += 1
        elif kind == "finish" and self.holding:
            self.turns.give_back(self.holding.pop(value % len(self.holding)))
        elif kind == "give up" and self.waiting:
            self.waiting[value % len(self.waiting)][2].cancel()
        elif kind == "give up as the turn comes" and self.waiting and self.holding:
            # The turn is handed out and its job cancelled before it can see it.
            self.turns.give_back(self.holding.pop(value % len(self.holding)))
            for _, _, task in self.waiting[: 1 + value % 2]:
                task.cancel()
        await self.settle()

    def count(self, lane):
        return self.holding.count(lane), sum(waits is lane for _, waits, _ in self.waiting)


@given(st.integers(1, 4), st.lists(ACTS, max_size=40))
def test_turns_are_never_lost_and_people_go_first(count, acts):
    async def main():
        queue = Queue(Turns(count))
        for act in acts:
            await queue.act(*act)
            held, people_wait = queue.count(Lane.INTERACTIVE)
            held_by_bulk, bulk_waits = queue.count(Lane.BULK)
            free = count - held - held_by_bulk
            assert free >= 0
            assert held_by_bulk <= max(1, count - 1)
            assert not (free and people_wait)
            assert not (free and bulk_waits and held_by_bulk < max(1, count - 1))
            assert (queue.turns.waiting(Lane.INTERACTIVE), queue.turns.waiting(Lane.BULK)) == (people_wait, bulk_waits)
        # Whoever still waits gets a turn when the others end.
        while queue.holding:
            await queue.act("finish", 0)
        assert not queue.waiting
        for order in queue.granted.values():
            assert order == sorted(order)

    asyncio.run(main())


@given(st.integers(1, 4), st.lists(st.sampled_from(Lane), min_size=1, max_size=30))
def test_who_waits_is_served_in_the_order_of_the_lanes(count, lanes):
    """With all turns held by people, what comes in meanwhile goes: all people, as they came, then all bulk work."""

    async def main():
        turns, order = Turns(count), []

        async def job(number, lane):
            await turns.take(lane)
            order.append((lane is Lane.BULK, number))
            turns.give_back(lane)

        for _ in range(count):
            await turns.take(Lane.INTERACTIVE)
        jobs = [asyncio.create_task(job(*item)) for item in enumerate(lanes)]
        await asyncio.sleep(0)
        turns.give_back(Lane.INTERACTIVE)
        await asyncio.gather(*jobs)
        assert order == sorted(order)
        assert len(order) == len(lanes)

    asyncio.run(main())


def test_a_single_turn_goes_to_bulk_work_only_when_nobody_waits():
    async def main():
        turns, order = Turns(1), deque()

        async def job(lane):
            await turns.take(lane)
            order.append(lane)
            turns.give_back(lane)

        await turns.take(Lane.BULK)
        jobs = [asyncio.create_task(job(lane)) for lane in (Lane.BULK, Lane.INTERACTIVE, Lane.BULK, Lane.INTERACTIVE)]
        await asyncio.sleep(0)
        turns.give_back(Lane.BULK)
        await asyncio.gather(*jobs)
        assert list(order) == [Lane.INTERACTIVE, Lane.INTERACTIVE, Lane.BULK, Lane.BULK]

    asyncio.run(main())


@pytest.mark.parametrize("count", [0, -1])
def test_there_is_at_least_one_turn(count):
    with pytest.raises(ValueError, match="at least one"):
        Turns(count)
