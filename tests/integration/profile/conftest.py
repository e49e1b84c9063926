from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from profile_client import Client

from linkarooie.profile.v1 import profile_pb2, profile_pb2_grpc
from servicekit.app import App
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.grpc_client import open_channel
from servicekit.settings import GrpcSettings
from services.profile.app import build
from services.profile.settings import ProfileSettings


@pytest.fixture
async def profiles(
    service_settings: Callable[..., Any],
    run_app: Callable[[App], AbstractAsyncContextManager[App]],
    bus: Bus,
    issue_token: Callable[[str], str],
    eventually: Callable[..., Any],
) -> AsyncIterator[Client]:
    """A client of the running service that can also register accounts."""
    async with run_app(build(service_settings(ProfileSettings))) as app:
        assert app.grpc is not None
        service = profile_pb2.DESCRIPTOR.services_by_name["ProfileService"]
        async with open_channel(app.grpc.address, service, GrpcSettings()) as channel:
            yield Client(profile_pb2_grpc.ProfileServiceStub(channel), bus, issue_token, eventually)


@pytest.fixture
async def database(service_settings: Callable[..., Any]) -> AsyncIterator[Database]:
    """The service's schema, to look at what is stored."""
    opened = Database(service_settings(ProfileSettings), schema="profile")
    yield opened
    await opened.stop()
