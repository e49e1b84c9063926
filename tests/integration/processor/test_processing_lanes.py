"""A picture that somebody waits for is made before those that nobody waits for, and no more are taken than can be made."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from processor_client import Running, ask, photo, put_original, results, tell

from servicekit.bus import Bus
from servicekit.object_store import ObjectStore
from servicekit.subjects import RENDER_BULK
from servicekit.topology import JOBS


def until_there(path: Path) -> None:
    """Keeps a worker busy until a file is there."""
    while not path.exists():
        time.sleep(0.01)


async def test_pictures_that_people_wait_for_go_before_all_that_waits(
    processor: Running,
    bus: Bus,
    objects: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Any,
) -> None:
    run, waiting = processor.workers.run, 0

    async def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal waiting
        waiting += 1
        return await run(*arguments, **named)

    release = tmp_path / "release"
    busy = asyncio.create_task(run(until_there, release, timeout_seconds=60))
    monkeypatch.setattr(processor.workers, "run", counted)
    bulk = [await put_original(objects, photo(), tmp_path) for _ in range(4)]
    asked, uploaded = [await put_original(objects, photo(), tmp_path) for _ in range(2)]
    for original in bulk:
        await ask(bus, original, subject=RENDER_BULK)
    await eventually(lambda: waiting == 2)
    # One for the worker and one to overlap with it; the rest stay on the bus for other replicas.
    info = await bus.jetstream.consumer_info(JOBS, "process-bulk")
    assert (info.num_ack_pending, info.num_pending) == (2, 2)
    await ask(bus, asked)
    await tell(bus, uploaded)
    await eventually(lambda: waiting == 4)

    release.touch()
    await busy
    told = await results(bus, *bulk, asked, uploaded, count=6)

    order = [result.image_id for result in told]
    assert set(order[:2]) == {asked.image_id, uploaded.image_id}
    assert set(order[2:]) == {original.image_id for original in bulk}
