import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from auth_client import AuthStub, RunAuth
from social_world import PUBLIC_URL, OpenIdServer

from sandbox import Sandbox
from servicekit.database import Database
from services.auth import store

ROOT = Path(__file__).resolve().parents[4]
SERVER = Path(__file__).resolve().parents[1] / "openid_provider"


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node, with the provider's packages installed."""
    command = [sys.executable, str(ROOT / "tools" / "node.py"), str(SERVER)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="session")
async def openid_server(node: str, http: httpx2.AsyncClient) -> AsyncIterator[OpenIdServer]:
    """A certified OpenID provider on this machine."""
    server = await OpenIdServer.start(node, str(SERVER), http)
    yield server
    await server.stop()


@pytest.fixture(scope="session")
def social_settings(openid_server: OpenIdServer) -> dict[str, Any]:
    """What makes the auth service offer the certified provider."""
    return {"public_url": PUBLIC_URL, "openid_providers": openid_server.settings}


@pytest.fixture
async def auth(run_auth: RunAuth, social_settings: dict[str, Any]) -> AsyncIterator[AuthStub]:
    """The auth service with the certified provider."""
    async with run_auth(**social_settings) as client:
        yield client


@pytest.fixture(scope="session")
async def sign_in_sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path_factory.mktemp("social-sandbox"), port=0) as running:
        yield running


@pytest.fixture
async def sandbox_settings(sign_in_sandbox: Sandbox, database: Database) -> dict[str, Any]:
    """What makes the auth service offer the sandbox's providers, whose people have no account here yet, and no switch set."""
    async with httpx2.AsyncClient() as client:
        assert (await client.post(f"{sign_in_sandbox.urls['index']}/api/reset")).status_code == 200
    async with database.sessions() as session:
        theirs = store.tables.users.c.email_key.like("%@sandbox.test")
        await session.execute(sa.delete(store.tables.identities))
        await session.execute(sa.delete(store.tables.users).where(theirs))
        await session.commit()
    own = {
        name.removeprefix("AUTH_").lower(): value
        for name, value in sign_in_sandbox.settings.items()
        if name.startswith("AUTH_")
    }
    return {"public_url": PUBLIC_URL, **own}


@pytest.fixture
async def sandbox_auth(run_auth: RunAuth, sandbox_settings: dict[str, Any]) -> AsyncIterator[AuthStub]:
    """The auth service with the sandbox's providers."""
    async with run_auth(**sandbox_settings) as client:
        yield client


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine where nobody answers, and nobody else begins to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
