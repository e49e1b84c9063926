from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from auth_client import AuthStub, RunAuth
from system.accounts import CHEAP_HASHES

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from servicekit.app import App
from servicekit.database import Database
from servicekit.grpc_client import open_channel
from servicekit.settings import GrpcSettings
from services.auth.app import build
from services.auth.settings import AuthSettings


@pytest.fixture(scope="session")
def auth_settings(service_settings: Callable[..., Any]) -> Callable[..., AuthSettings]:
    def make(**overrides: Any) -> AuthSettings:
        settings: AuthSettings = service_settings(AuthSettings, **{**CHEAP_HASHES, **overrides})
        return settings

    return make


@pytest.fixture(scope="session")
def run_auth(
    auth_settings: Callable[..., AuthSettings], run_app: Callable[[App], AbstractAsyncContextManager[App]]
) -> RunAuth:
    """Runs the service with the settings given and hands out a client for it."""

    @asynccontextmanager
    async def run(**overrides: Any) -> AsyncIterator[AuthStub]:
        async with run_app(build(auth_settings(**overrides))) as app:
            assert app.grpc is not None
            service = auth_pb2.DESCRIPTOR.services_by_name["AuthService"]
            async with open_channel(app.grpc.address, service, GrpcSettings()) as channel:
                yield auth_pb2_grpc.AuthServiceStub(channel)

    return run


@pytest.fixture
async def auth(run_auth: RunAuth) -> AsyncIterator[AuthStub]:
    async with run_auth() as client:
        yield client


@pytest.fixture
async def database(auth_settings: Callable[..., AuthSettings]) -> AsyncIterator[Database]:
    """The service's schema, to look at what is stored."""
    opened = Database(auth_settings(), schema="auth")
    yield opened
    await opened.stop()
