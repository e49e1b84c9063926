"""The upload service on real Postgres, NATS and S3, and people who call it."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from library_client import LibraryClient, Rendered

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.grpc_client import Channels
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id
from servicekit.settings import GrpcSettings
from services.upload.app import build
from services.upload.settings import UploadSettings

SERVICE = upload_pb2.DESCRIPTOR.services_by_name["UploadService"]


@pytest.fixture(scope="module")
async def upload(service_settings: Callable[..., Any], run_app: Any) -> AsyncIterator[Any]:
    """A stub for the running service."""
    app = build(service_settings(UploadSettings))
    async with run_app(app):
        channels = Channels(GrpcSettings())
        assert app.grpc is not None
        yield upload_pb2_grpc.UploadServiceStub(channels.to(app.grpc.address, SERVICE))
        await channels.stop()


@pytest.fixture
def owner(issue_token: Callable[[str], str]) -> Iterator[str]:
    """Somebody new, signed in for the test."""
    user_id = new_id()
    with acting_for(Caller(user_id, "session", issue_token(user_id))):
        yield user_id


@pytest.fixture
def stranger(issue_token: Callable[[str], str]) -> Caller:
    user_id = new_id()
    return Caller(user_id, "session", issue_token(user_id))


@pytest.fixture
async def database(service_settings: Callable[..., Any]) -> AsyncIterator[Database]:
    """The service's own tables."""
    opened = Database(service_settings(UploadSettings), schema="upload")
    yield opened
    await opened.stop()


@pytest.fixture
def library(upload: Any) -> LibraryClient:
    return LibraryClient(upload)


@pytest.fixture
def rendered(bus: Bus, upload: Any, eventually: Callable[..., Any], owner: str) -> Rendered:
    """The processor, as far as a test wants to hear of it."""
    return Rendered(bus, upload, eventually, owner)
