from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import httpx2
import pytest
import sqlalchemy as sa
from sync_world import Control, Eventually, Library, World, quick_catalogue

from devstack import Endpoints
from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from sandbox import X_CONSUMER_KEY, X_CONSUMER_SECRET, Sandbox
from sandbox.facebook import FACEBOOK_APP_ID, FACEBOOK_APP_SECRET
from servicekit.app import App
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.grpc_client import Channels
from servicekit.grpc_server import GrpcServer
from servicekit.ids import utc_now
from servicekit.object_store import ObjectStore
from servicekit.pictures.workers import PictureWorkers
from servicekit.remote_keys import remote_verifier
from servicekit.settings import GrpcSettings
from services.sync.app import build, build_worker
from services.sync.settings import SyncSettings
from services.sync.store import Store
from services.sync.store.tables import circuits, connections, holds, places, targets
from services.sync.turn import Worker

PUBLIC_URL = "http://127.0.0.1:8080"
# More than twice as long as the sandbox takes in these tests.
SETTLE_SECONDS = 1


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
async def platforms_sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path_factory.mktemp("sync-sandbox"), port=0) as running:
        yield running


@pytest.fixture(scope="session")
async def library_target(signing_keys: Any) -> AsyncIterator[tuple[Library, str]]:
    """An upload service that knows what the tests put in, and checks tokens as the real one does."""
    library = Library()
    settings = GrpcSettings(grpc_listen="127.0.0.1:0", grpc_stop_grace_seconds=0, auth_target=signing_keys.auth_target)
    channels = Channels(settings)
    server = GrpcServer(
        settings,
        service=upload_pb2.DESCRIPTOR.services_by_name["UploadService"],
        register=partial(upload_pb2_grpc.add_UploadServiceServicer_to_server, library),
        verifier=remote_verifier(settings, channels),
    )
    await server.start()
    yield library, server.address
    await server.stop()
    await channels.stop()


@pytest.fixture(scope="session")
def sync_settings(
    service_settings: Callable[..., SyncSettings], platforms_sandbox: Sandbox, library_target: tuple[Library, str]
) -> Callable[..., SyncSettings]:
    def make(**overrides: Any) -> SyncSettings:
        fixed: dict[str, Any] = {
            "upload_target": library_target[1],
            "public_url": PUBLIC_URL,
            "trusted_hosts": [urlsplit(platforms_sandbox.urls[name]).netloc for name in ("mastodon", "bluesky")],
            # Short, so that a platform that hangs is given up while the test waits.
            "read_timeout_seconds": 2,
            "write_timeout_seconds": 3,
        }
        return service_settings(SyncSettings, **{**fixed, **overrides})

    return make


@pytest.fixture(scope="module")
def adapters_to_sandbox(platforms_sandbox: Sandbox) -> Iterator[None]:
    """Points the adapters to the sandbox, as an operator would."""
    x, bluesky, facebook = (platforms_sandbox.urls[name] for name in ("x", "bluesky", "facebook"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "LINKAROOIE_SYNC_X_CONSUMER_KEY": X_CONSUMER_KEY,
            "LINKAROOIE_SYNC_X_CONSUMER_SECRET": X_CONSUMER_SECRET,
            "LINKAROOIE_SYNC_X_API_BASE_URL": x,
            "LINKAROOIE_SYNC_BLUESKY_ENTRYWAY_URL": bluesky,
            "LINKAROOIE_SYNC_BLUESKY_PLC_URL": f"{bluesky}/plc",
            "LINKAROOIE_SYNC_BLUESKY_APP_VIEW_URL": bluesky,
            "LINKAROOIE_SYNC_FACEBOOK_URL": facebook,
            "LINKAROOIE_SYNC_FACEBOOK_GRAPH_URL": facebook,
            "LINKAROOIE_SYNC_FACEBOOK_APP_ID": FACEBOOK_APP_ID,
            "LINKAROOIE_SYNC_FACEBOOK_APP_SECRET": FACEBOOK_APP_SECRET,
            **{
                f"LINKAROOIE_{name}": value
                for name, value in platforms_sandbox.settings.items()
                if name.startswith("SYNC_INSTAGRAM_")
            },
        }.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module", autouse=True)
def short_waits() -> Iterator[None]:
    """Gives platforms less time than real ones need: the sandbox shows a picture soon (`Control.switch`), and stops when it is told to.

    What is waited for stays the same, and so does the order of things. A file at a time: other tests run in the same process.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.sync.app.load_catalogue", partial(quick_catalogue, settle_seconds=SETTLE_SECONDS))
        patch.setattr("services.sync.domain.target.LEAST_PATIENCE_SECONDS", 2.0)
        patch.setattr("services.sync.domain.retry.UNKNOWN_SETTLE_SECONDS", 3.0)
        patch.setattr("services.sync.turn.MARGIN", timedelta(seconds=1))
        yield


@pytest.fixture(scope="module")
async def sync_app(
    short_waits: None,
    stack: Endpoints,
    sync_settings: Callable[..., SyncSettings],
    adapters_to_sandbox: None,
    run_app: Callable[[App], AbstractAsyncContextManager[App]],
) -> AsyncIterator[App]:
    async with run_app(build(sync_settings())) as running:
        yield running


@pytest.fixture(scope="module")
async def worker(
    short_waits: None, stack: Endpoints, sync_settings: Callable[..., SyncSettings], adapters_to_sandbox: None
) -> AsyncIterator[Worker]:
    """A worker of the tests' own on the same database, beside those of the running service."""
    settings = sync_settings()
    database = Database(settings, schema="sync")
    objects = ObjectStore(settings)
    async with PictureWorkers(1) as pictures:
        made = build_worker(settings, stores=partial(Store, database), objects=objects, workers=pictures, clock=utc_now)
        yield made
        for adapter in made.platforms.adapters.values():
            await adapter.api.close()
    await objects.stop()
    await database.stop()


async def forget_earlier_tests(worker: Worker) -> None:
    """Makes the platforms' servers as good as new, and has nobody work on what earlier tests left.

    What was done to a server is held against it for minutes, and what fails for several accounts at once is held against it as well.
    """
    async with worker.stores() as store:
        for table in (circuits, holds):
            await store.session.execute(sa.delete(table))
        await store.commit()
    # What somebody works on at this moment is theirs: nobody waits for anybody.
    for column in (places.c.look_at, connections.c.probe_at, targets.c.ring_at):
        name = column.table.name
        free = f"SELECT ctid FROM {name} WHERE {column.name} IS NOT NULL FOR UPDATE SKIP LOCKED"  # our own names
        async with worker.stores() as store:
            await store.session.execute(sa.text(f"UPDATE {name} SET {column.name} = NULL WHERE ctid IN ({free})"))
            await store.commit()


@pytest.fixture
async def world(
    sync_app: App,
    platforms_sandbox: Sandbox,
    library_target: tuple[Library, str],
    bus: Bus,
    eventually: Eventually,
    http: httpx2.AsyncClient,
    issue_token: Callable[[str], str],
    worker: Worker,
    tmp_path: Path,
) -> AsyncIterator[World]:
    """The running service, with the sandbox on its first day."""
    assert sync_app.grpc is not None
    control = Control(http, platforms_sandbox)
    await control.reset()
    await forget_earlier_tests(worker)
    objects = worker.objects
    async with grpc.aio.insecure_channel(sync_app.grpc.address) as channel:
        yield World(control, library_target[0], bus, objects, tmp_path, eventually, http, channel, issue_token, worker)
    await control.reset()
