import os

import pytest

from servicekit.pictures.workers import PictureWorkers
from services.processor.pipeline import warm_up as module
from services.processor.pipeline.model import Look, RenderResult, RenditionFailure
from services.processor.pipeline.warm_up import warm_up


async def test_a_worker_can_be_warmed_up_within_its_limits():
    async with PictureWorkers(1, prepare=warm_up) as workers:
        assert await workers.run(os.getpid, timeout_seconds=60) != os.getpid()


def test_what_cannot_be_rendered_is_told(monkeypatch):
    failed = RenderResult((), (RenditionFailure("warm-up.0", "BYTE_LIMIT_UNREACHABLE", "too large"),), Look())
    monkeypatch.setattr(module, "render", lambda *arguments: failed)
    with pytest.raises(RuntimeError, match="too large"):
        warm_up()
