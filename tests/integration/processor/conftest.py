"""One processor for a file of tests, with one worker."""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import pytest
from processor_client import Running

from servicekit.app import App
from servicekit.bus import Bus
from servicekit.object_store import ObjectStore
from servicekit.pictures.workers import PictureWorkers
from servicekit.subjects import PROCESS_JOBS
from servicekit.topology import JOBS
from services.processor.app import build
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
        yield Running(app.grpc.address, part(app, PictureWorkers), part(app, ObjectStore))


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
