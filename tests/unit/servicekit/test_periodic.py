import asyncio
import contextlib

from servicekit.periodic import PeriodicTask


async def test_a_round_that_loses_its_cancellation_does_not_keep_the_process_from_stopping() -> None:
    began, rounds = asyncio.Event(), 0

    async def lose_it() -> None:
        nonlocal rounds
        rounds += 1
        began.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)

    task = PeriodicTask("test", lose_it, every_seconds=0.001)
    await task.start()
    await began.wait()
    await task.stop()

    assert rounds == 1


async def test_a_round_that_raises_does_not_end_the_work() -> None:
    again, rounds = asyncio.Event(), 0

    async def fail_once() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise ValueError("the first time")
        again.set()

    task = PeriodicTask("test", fail_once, every_seconds=0.001)
    await task.start()
    await again.wait()
    await task.stop()

    assert rounds >= 2
