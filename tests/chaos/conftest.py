"""One installation for all fault tests; each test leaves it healthy."""

from collections.abc import AsyncIterator

import pytest
from system import PLATFORMS, Installation, Person, installed


@pytest.fixture(scope="session")
async def installation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    services = ("auth", "upload", "processor", "sync", "notify", "gateway")
    async with installed(tmp_path_factory.mktemp("chaos"), *services) as running:
        yield running


@pytest.fixture
async def person(installation: Installation) -> AsyncIterator[Person]:
    """Somebody new, signed in."""
    async with installation.person() as somebody:
        yield somebody


@pytest.fixture(autouse=True)
async def healthy_afterwards(installation: Installation) -> AsyncIterator[None]:
    """Brings back what a test, or its failure, left ended or ill."""
    yield
    await installation.stack.start_postgres()
    await installation.stack.start_nats()
    await installation.stack.start_object_store()
    for platform in PLATFORMS:
        await installation.switch(platform)
    await installation.start(*(name for name, process in installation.processes.items() if not process.runs))
