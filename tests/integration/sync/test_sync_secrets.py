"""What platforms entrust to us is nowhere but sealed: not in logs, events, traces, rows or errors, whatever happens on the way."""

import asyncio
import io
import json
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import grpc
import pytest
import sqlalchemy as sa
import structlog
from nats.aio.msg import Msg
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sync_world import PLATFORMS, Library, Person, World

from linkarooie.sync.v1 import sync_pb2
from sandbox import X_CONSUMER_SECRET, Sandbox
from sandbox.facebook import FACEBOOK_APP_SECRET
from servicekit.telemetry import TALKATIVE
from services.sync.domain.outcomes import PlatformError
from services.sync.settings import SyncSettings
from services.sync.store import metadata
from services.sync.store.tables import connect_attempts
from services.sync.use_cases.connections import KEPT_FIELD

# Shorter ones are parts of public addresses, such as those of pictures.
SECRET_MIN_BYTES = 16
GIVEN: set[str] = {X_CONSUMER_SECRET, FACEBOOK_APP_SECRET}
# How platforms say that access has ended, where it is not by this status alone.
ENDED = {"facebook": "463"}


def make_token(size: int) -> str:
    """Makes what the sandbox hands out, and remembers it."""
    token = secrets.token_hex(size)
    if size >= SECRET_MIN_BYTES:
        GIVEN.add(token)
    return token


@pytest.fixture(scope="session")
async def platforms_sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path_factory.mktemp("secrets-sandbox"), port=0, token=make_token) as running:
        yield running


@pytest.fixture(scope="session")
def sync_settings(
    service_settings: Callable[..., SyncSettings], platforms_sandbox: Sandbox, library_target: tuple[Library, str]
) -> Callable[..., SyncSettings]:
    return lambda: service_settings(
        SyncSettings,
        upload_target=library_target[1],
        trusted_hosts=[urlsplit(platforms_sandbox.urls[name]).netloc for name in ("mastodon", "bluesky")],
        read_timeout_seconds=2,
        write_timeout_seconds=3,
    )


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """All that is logged, as loudly as the product can be set, and without its last resort of hiding fields by their names."""
    written = io.StringIO()
    before = structlog.get_config()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.ExceptionRenderer(),
            structlog.processors.JSONRenderer(default=repr),
        ],
        logger_factory=structlog.WriteLoggerFactory(written),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=False,
    )
    handler, root = logging.StreamHandler(written), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", *TALKATIVE)}
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    yield written
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    root.removeHandler(handler)
    structlog.configure(**before)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


@dataclass
class Run:
    """A person who lives through all that can happen, and what was heard of it."""

    world: World
    person: Person
    errors: list[str] = field(default_factory=list)

    async def tried(self, method: str, request: Any) -> Any:
        """Calls, whether it works or not, and keeps what is said of a failure."""
        try:
            return await self.person.call(method, request)
        except grpc.aio.AioRpcError as error:
            self.errors.append(f"{error!r} {error.details()} {error.trailing_metadata()} {error.debug_error_string()}")

    async def consents(self, platform: str, connection_id: str = "") -> sync_pb2.FinishConnectionRequest:
        """Walks through the platform's consent page; returns what the browser brings back."""
        begin = sync_pb2.BeginConnectionRequest(
            platform=platform, instance=self.world.instance(platform), connection_id=connection_id
        )
        url = (await self.person.call("BeginConnection", begin)).authorize_url
        await self.note_kept()
        parameters = await self.world.consent(url)
        for name, value in [*parse_qsl(urlsplit(url).query), *parameters.items()]:
            if name in ("code", "state", "oauth_token", "oauth_verifier"):
                GIVEN.add(value)
        return sync_pb2.FinishConnectionRequest(platform=platform, parameters=parameters)

    async def connected(self, platform: str) -> sync_pb2.Connection:
        """Connects, after attempts that fail in every way."""
        for trouble in ({"fail": "500", "only": "auth"}, {"fail": ENDED.get(platform, "401"), "only": "read"}):
            finish = await self.consents(platform)
            await self.world.control.switch(platform, **trouble)
            await self.tried("FinishConnection", finish)
            await self.world.control.switch(platform)
        finish = await self.consents(platform)
        for name in ("code", "oauth_verifier"):
            if name in finish.parameters:
                finish.parameters[name] = finish.parameters[name][::-1]
        await self.tried("FinishConnection", finish)
        finish = await self.consents(platform)
        connection = (await self.person.call("FinishConnection", finish)).connection
        # Whoever presses "back" comes once more.
        await self.tried("FinishConnection", finish)
        await self.note_access(connection.id)
        return connection  # type: ignore[no-any-return]

    async def live(self, platform: str) -> sync_pb2.Connection:
        """Lives through all of it on a platform: connects, syncs, is refused in every way, loses the access, connects again, leaves."""
        connection = await self.connected(platform)
        check = sync_pb2.CheckConnectionRequest(id=connection.id)
        image = await self.person.upload(61)
        await self.person.reaches(await self.person.sync(image, connection.id), "VERIFIED")
        await self.renewed(connection)
        for trouble in (ENDED.get(platform, "401"), "403_scope", "429", "500", "drop"):
            await self.world.control.switch(platform, fail=trouble, times=6, retry_after_seconds=0)
            await self.tried("CheckConnection", check)
            await self.person.sync(await self.person.upload(62), connection.id)
            await self.tried("CheckConnection", check)
        await self.world.control.switch(platform, revoke_tokens=True)
        await self.tried("CheckConnection", check)
        await self.tried("FinishConnection", await self.consents(platform, connection.id))
        await self.note_access(connection.id)
        await self.tried("DeleteConnection", sync_pb2.DeleteConnectionRequest(id=connection.id))
        return connection

    async def note_kept(self) -> None:
        """Remembers what is kept, sealed, of beginnings: verifiers and keys."""
        async with self.world.inside.stores() as store:
            query = sa.select(connect_attempts).where(connect_attempts.c.owner_id == self.person.id)
            for row in (await store.session.execute(query)).all():
                if row.sealed and not row.state_hash.startswith("choice/"):
                    kept = self.world.inside.tokens.vault.open(
                        row.sealed, user=self.person.id, thing=row.id, field=KEPT_FIELD
                    )
                    note_secrets(kept)

    async def note_access(self, connection_id: str) -> None:
        note_secrets(dict((await self.world.session(connection_id)).credentials))

    async def renewed(self, connection: sync_pb2.Connection) -> None:
        inside = self.world.inside
        async with inside.stores() as store:
            known = await store.connection(connection.id)
        assert known is not None
        try:
            await inside.tokens.renewed(known, inside.platforms.adapters[connection.platform])
        except PlatformError as error:
            self.errors.append(str(error))
        await self.note_access(connection.id)


def note_secrets(kept: dict[str, str]) -> None:
    for name, value in kept.items():
        if name == "key":
            GIVEN.add(json.loads(value)["d"])
        elif name in ("verifier", "access_token", "refresh_token", "token", "secret", "client_secret"):
            GIVEN.add(value)


async def rows(world: World) -> str:
    """Returns all that the service has stored, without what is sealed."""
    found: list[str] = []
    async with world.inside.stores() as store:
        for table in metadata.sorted_tables:
            columns = [column for column in table.columns if column.name != "sealed"]
            for row in await store.session.execute(sa.select(*columns)):
                found += (value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in row)
    return "\n".join(found)


async def test_nothing_that_was_entrusted_to_us_is_written_anywhere(
    world: World, logs: io.StringIO, spans: InMemorySpanExporter
) -> None:
    on_the_bus: list[str] = []

    async def hear(message: Msg) -> None:
        on_the_bus.append(f"{message.subject} {message.headers} {message.data.decode('latin-1')}")

    # All that goes over the bus, streams included.
    subscription = await world.bus.client.subscribe(">", cb=hear)
    run = Run(world, world.person())

    connections = await asyncio.gather(*(run.live(platform) for platform in PLATFORMS))
    await subscription.unsubscribe()

    places = {
        "logs": logs.getvalue(),
        "bus": "\n".join(on_the_bus),
        "traces": "\n".join(span.to_json() for span in spans.get_finished_spans()),
        "rows": await rows(world),
        "errors": "\n".join(run.errors),
    }
    assert all(places.values())
    # What may be known is found, so what must not be would be.
    assert all(connection.id in places[name] for connection in connections for name in ("bus", "rows"))
    assert "platform_problem" in places["logs"]
    assert len(GIVEN) > 40
    leaks = [
        (name, text[max(0, text.find(one) - 80) : text.find(one) + 20])
        for name, text in places.items()
        for one in GIVEN
        if one in text
    ]
    assert leaks == []
