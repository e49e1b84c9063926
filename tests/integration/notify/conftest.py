"""The notify service, running, and people for it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from notify_people import Person
from notify_post import ForwardClock, MailServer, RunWith

from devstack import Endpoints
from linkarooie.notify.v1 import notify_pb2, notify_pb2_grpc
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.grpc_client import open_channel
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id
from servicekit.settings import GrpcSettings
from services.notify.app import build
from services.notify.settings import NotifySettings

SERVICE = notify_pb2.DESCRIPTOR.services_by_name["NotifyService"]


@pytest.fixture
async def notify(service_settings: Callable[..., Any], run_app: Any) -> AsyncIterator[Any]:
    """A stub for the running service."""
    async with (
        run_app(build(service_settings(NotifySettings))) as app,
        open_channel(app.grpc.address, SERVICE, GrpcSettings()) as channel,
    ):
        yield notify_pb2_grpc.NotifyServiceStub(channel)


@pytest.fixture
def new_person(bus: Bus, stack: Endpoints, issue_token: Callable[[str], str]) -> Callable[[], Person]:
    def make() -> Person:
        user_id = new_id()
        caller = Caller(user_id, "session", issue_token(user_id))
        return Person(user_id, f"ann.{user_id}@example.org", bus, stack.mail_url, caller)

    return make


@pytest.fixture
def ann(new_person: Callable[[], Person]) -> Iterator[Person]:
    """Somebody new, signed in for the test."""
    person = new_person()
    with acting_for(person.caller):
        yield person


@pytest.fixture
def run_notify(service_settings: Callable[..., Any], run_app: Any) -> RunWith:
    @asynccontextmanager
    async def run(server: MailServer, **overrides: str) -> AsyncIterator[ForwardClock]:
        clock = ForwardClock()
        settings = service_settings(
            NotifySettings, smtp_port=server.port, smtp_from="hello@linkarooie.test", **overrides
        )
        async with run_app(build(settings, clock=clock)):
            yield clock

    return run


@pytest.fixture
async def database(service_settings: Callable[..., Any]) -> AsyncIterator[Database]:
    opened = Database(service_settings(NotifySettings), schema="notify")
    yield opened
    await opened.stop()
