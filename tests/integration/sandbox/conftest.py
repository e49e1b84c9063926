from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from sandbox_clients import Clock, Control

from sandbox import Sandbox


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(tmp_path: Path, clock: Clock) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path, port=0, clock=clock) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=10) as client:
        yield client


@pytest.fixture
def control(sandbox: Sandbox, http: httpx2.AsyncClient) -> Control:
    return Control(http, sandbox.urls["index"])
