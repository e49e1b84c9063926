"""Pictures that cannot be made, workers that die and stores that are away: people learn why, and the operator can try again."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any, get_args

import pytest
from processor_client import Running, ask, darkroom, dead_letters, job, photo, put_original, recipe, results, tell

from linkarooie.events.v1 import events_pb2 as events
from servicekit import consumers
from servicekit.bus import Bus
from servicekit.consumers import PoisonedMessageError
from servicekit.dead_letters import DeadLetters
from servicekit.errors import UnavailableError
from servicekit.object_store import ObjectStore
from servicekit.pictures.worker import Reason
from servicekit.pictures.workers import PictureWorkerError, PictureWorkers
from services.processor.use_cases.variants import WORKER_ATTEMPTS


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed comes again without the wait."""
    monkeypatch.setattr(consumers, "retry_delay_seconds", lambda _attempt: 0.05)


class Failing:
    """Takes the place of the workers' `run`: the first jobs end as told, in a real worker."""

    def __init__(self, processor: Running, function: Any, *arguments: Any, times: int, timeout_seconds: float = 30):
        self._run = processor.workers.run
        self._failure = (function, *arguments)
        self._timeout_seconds = timeout_seconds
        self.left = times
        self.calls = 0

    async def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if self.left:
            self.left -= 1
            return await self._run(*self._failure, **{**named, "timeout_seconds": self._timeout_seconds})
        return await self._run(*arguments, **named)


async def test_a_broken_original_is_told_with_its_reason_and_laid_aside(
    processor: Running, bus: Bus, objects: ObjectStore, tmp_path: Path, eventually: Any
) -> None:
    content = photo()
    original = await put_original(objects, content[: len(content) // 2], tmp_path)
    await tell(bus, original)

    [failed] = await results(bus, original)
    [letter] = await eventually(lambda: dead_letters(bus, original))

    assert isinstance(failed, events.VariantsFailed)
    assert (failed.reason, failed.attempt) == ("BROKEN", 1)
    assert failed.message
    assert letter.reason.startswith("BROKEN: ")
    assert (letter.consumer, letter.subject) == ("processor", "evt.image.uploaded.v1")


async def test_a_worker_that_dies_at_work_is_replaced_and_the_picture_made(
    processor: Running, bus: Bus, objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing(processor, os.abort, times=WORKER_ATTEMPTS - 1)
    monkeypatch.setattr(processor.workers, "run", failing)
    original = await put_original(objects, photo(), tmp_path)
    await tell(bus, original)

    [ready] = await results(bus, original)

    assert isinstance(ready, events.VariantsReady)
    assert failing.calls == WORKER_ATTEMPTS
    assert await dead_letters(bus, original) == []


async def test_a_picture_that_takes_too_long_every_time_is_given_up_and_ready_after_a_replay(
    processor: Running,
    bus: Bus,
    objects: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Any,
) -> None:
    failing = Failing(processor, time.sleep, 60.0, times=WORKER_ATTEMPTS, timeout_seconds=0.02)
    monkeypatch.setattr(processor.workers, "run", failing)
    original = await put_original(objects, photo(), tmp_path)
    await ask(bus, original, attempt=2)

    [failed] = await results(bus, original)
    [letter] = await eventually(lambda: dead_letters(bus, original))

    assert (failed.reason, failed.attempt) == ("PROCESSING_TIMEOUT", 2)
    assert "longer than 60 seconds" in failed.message
    assert letter.reason == "PROCESSING_TIMEOUT: the job did not end within 0.02 s"
    assert failing.calls == WORKER_ATTEMPTS

    await DeadLetters(bus).replay(letter)
    _, ready = await results(bus, original, count=2)

    assert isinstance(ready, events.VariantsReady)
    assert ready.attempt == 2
    assert await dead_letters(bus, original) == []


async def test_a_picture_is_not_given_up_because_no_worker_comes_up(
    processor: Running, bus: Bus, objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, failures = processor.workers.run, 0

    async def not_at_first(*arguments: Any, **named: Any) -> Any:
        nonlocal failures
        if failures < WORKER_ATTEMPTS + 1:
            failures += 1
            raise PictureWorkerError("NOT_STARTED", "the machine is on its knees")
        return await run(*arguments, **named)

    monkeypatch.setattr(processor.workers, "run", not_at_first)
    original = await put_original(objects, photo(), tmp_path)
    await tell(bus, original)

    [ready] = await results(bus, original)

    assert isinstance(ready, events.VariantsReady)


async def test_every_end_of_a_worker_that_a_picture_can_cause_is_put_in_words(
    bus: Bus, objects: ObjectStore, workers: PictureWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = darkroom(bus, objects, workers, [recipe("small", 40)])
    original = await put_original(objects, photo(), tmp_path)
    reasons = [reason for reason in get_args(Reason) if reason != "NOT_STARTED"]

    for attempt, reason in enumerate(reasons, start=1):

        async def end(*_: Any, reason: Reason = reason, **__: Any) -> None:
            raise PictureWorkerError(reason, "as it goes")

        monkeypatch.setattr(workers, "run", end)
        with pytest.raises(PoisonedMessageError, match=f"PROCESSING_{reason}: as it goes"):
            await room.make_variants(job(original, attempt=attempt), delivery=WORKER_ATTEMPTS)

    told = await results(bus, original, count=len(reasons))
    assert [failed.reason for failed in told] == [f"PROCESSING_{reason}" for reason in reasons]
    for failed in told:
        assert "could not be processed in 3 attempts: " in failed.message
        assert failed.message.endswith("upload that.")


async def test_a_picture_whose_file_is_gone_is_told_so(
    processor: Running, bus: Bus, objects: ObjectStore, tmp_path: Path, eventually: Any
) -> None:
    original = await put_original(objects, photo(), tmp_path)
    original.object_key += "-gone"
    await tell(bus, original)

    [failed] = await results(bus, original)
    [letter] = await eventually(lambda: dead_letters(bus, original))

    assert failed.reason == "ORIGINAL_MISSING"
    assert letter.reason == f"ORIGINAL_MISSING: there is no object {original.object_key}"


@pytest.mark.parametrize("call", ["get_file", "put_file"])
async def test_a_store_that_is_away_for_a_while_costs_nothing_but_time(
    processor: Running,
    bus: Bus,
    objects: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    original = await put_original(objects, photo(), tmp_path)
    works, failures = getattr(processor.objects, call), 0

    async def away_at_first(*arguments: Any, **named: Any) -> Any:
        nonlocal failures
        # More often than a picture may kill its worker: the store is not the picture's fault.
        if failures < WORKER_ATTEMPTS + 1:
            failures += 1
            raise UnavailableError("the store is away")
        return await works(*arguments, **named)

    monkeypatch.setattr(processor.objects, call, away_at_first)
    await tell(bus, original)

    [ready] = await results(bus, original)

    assert isinstance(ready, events.VariantsReady)


async def test_nothing_is_left_on_the_disk_of_what_failed(
    processor: Running, bus: Bus, objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    (tmp_path / "desks").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "desks"))
    content = photo()
    original = await put_original(objects, content[: len(content) // 3], tmp_path)
    await tell(bus, original)

    await results(bus, original)

    assert await asyncio.to_thread(os.listdir, tmp_path / "desks") == []
