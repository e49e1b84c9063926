"""Waiting for what comes true."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(
    check: Callable[[], Any], *, within_seconds: float = 30, every_seconds: float = 0.1, what: str = ""
) -> Any:
    """Calls `check` (plain or async) until it returns something true, and returns that; fails with its last answer after the deadline."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_seconds
    while True:
        answer = check()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        if loop.time() > deadline:
            raise AssertionError(
                f"{what or 'it'} did not come true within {within_seconds} s; the last answer was {answer!r}"
            )
        await asyncio.sleep(every_seconds)
