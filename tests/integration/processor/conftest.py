"""One processor for a file of tests, with one worker."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from processor_client import Running, photo, put_original

from linkarooie.events.v1 import events_pb2 as events
from servicekit.app import App
from servicekit.bus import Bus
from servicekit.object_store import ObjectStore
from servicekit.pictures.workers import PictureWorkers
from servicekit.subjects import PROCESS_JOBS
from servicekit.topology import JOBS
from services.processor.app import build
from services.processor.originals import Originals
from services.processor.settings import ProcessorSettings

Part = TypeVar("Part")


def part(app: App, kind: type[Part]) -> Part:
    return next(found for found in app.parts if isinstance(found, kind))


@pytest.fixture(scope="module")
async def processor(service_settings: Callable[..., Any], run_app: Any) -> AsyncIterator[Running]:
    """The running service."""
    settings = service_settings(ProcessorSettings, picture_workers=1)
    bus = Bus(settings, name="test")
    await bus.start()
    # What other files asked for is not ours to make.
    await bus.jetstream.purge_stream(JOBS, subject=PROCESS_JOBS)
    await bus.stop()
    app = build(settings)
    async with run_app(app):
        assert app.grpc is not None
        yield Running(app.grpc.address, part(app, PictureWorkers), part(app, ObjectStore), part(app, Originals))


@pytest.fixture
async def objects(service_settings: Callable[..., Any]) -> AsyncIterator[ObjectStore]:
    store = ObjectStore(service_settings(ProcessorSettings))
    yield store
    await store.stop()


@pytest.fixture(scope="module")
async def workers() -> AsyncIterator[PictureWorkers]:
    """A worker of the test's own."""
    async with PictureWorkers(1) as running:
        yield running


@pytest.fixture
def rendered(workers: PictureWorkers, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The keys of each rendering that was asked of the workers."""
    calls: list[list[str]] = []
    run = workers.run

    async def noted(function: Any, source: Path, edit: Any, specs: Any, *rest: Any, **named: Any) -> Any:
        calls.append([spec.key for spec in specs])
        return await run(function, source, edit, specs, *rest, **named)

    monkeypatch.setattr(workers, "run", noted)
    return calls


@pytest.fixture
async def original(objects: ObjectStore, tmp_path: Path) -> events.ImageUploaded:
    return await put_original(objects, photo(), tmp_path)
