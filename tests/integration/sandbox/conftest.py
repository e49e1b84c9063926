from collections.abc import AsyncIterator

import httpx2
import pytest
from sandbox_clients import Clock, Control

from sandbox import Sandbox


@pytest.fixture(scope="session")
def shared_clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
async def shared_sandbox(tmp_path_factory: pytest.TempPathFactory, shared_clock: Clock) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path_factory.mktemp("sandbox"), port=0, clock=shared_clock) as running:
        yield running


@pytest.fixture
def clock(shared_clock: Clock) -> Clock:
    shared_clock.ahead = 0
    return shared_clock


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=10) as client:
        yield client


@pytest.fixture
async def sandbox(shared_sandbox: Sandbox, clock: Clock, http: httpx2.AsyncClient) -> Sandbox:
    """The sandbox on its first day, at the real time."""
    answer = await http.post(shared_sandbox.urls["index"] + "/api/reset")
    assert answer.status_code == 200
    return shared_sandbox


@pytest.fixture
def control(sandbox: Sandbox, http: httpx2.AsyncClient) -> Control:
    return Control(http, sandbox.urls["index"])
