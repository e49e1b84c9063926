"""One installation for all fault tests; each test leaves it healthy."""

from collections.abc import AsyncIterator

import pytest
from system import Installation, Person, installed


@pytest.fixture(scope="session")
async def installation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    async with installed(tmp_path_factory.mktemp("chaos"), "auth", "upload", "processor", "gateway") as running:
        yield running


@pytest.fixture
async def person(installation: Installation) -> AsyncIterator[Person]:
    """Somebody new, signed in."""
    async with installation.person() as somebody:
        yield somebody
