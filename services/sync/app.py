"""Composition root of the sync service."""

import asyncio
import secrets
from functools import partial
from pathlib import Path

from catalog import Catalogue, load_catalogue
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit import topology
from servicekit.app import App, Part
from servicekit.bus import Bus
from servicekit.consumers import Consumer
from servicekit.database import Database, OpenStore
from servicekit.grpc_client import Channels
from servicekit.grpc_server import GrpcServer
from servicekit.ids import Clock, utc_now
from servicekit.object_store import ObjectStore
from servicekit.outbox import OutboxRelay
from servicekit.periodic import PeriodicTask
from servicekit.pictures.model import PictureLimits
from servicekit.pictures.workers import PictureWorkers
from servicekit.remote_keys import remote_verifier
from servicekit.vault import Vault
from services.sync import store
from services.sync.api import SyncApi
from services.sync.consumers import handlers
from services.sync.library import Library
from services.sync.looks import Looker
from services.sync.places import Platforms
from services.sync.platforms.base import Adapter, AdapterContext, Registrations, Unavailable, find_builders
from services.sync.probes import Probes
from services.sync.reconciler import Reconciler
from services.sync.registrations import SealedRegistrations
from services.sync.settings import SyncSettings
from services.sync.sweeper import Sweeper
from services.sync.tokens import Tokens
from services.sync.turn import Worker
from services.sync.use_cases.connections import Connections
from services.sync.use_cases.following import Following
from services.sync.use_cases.leaving import Leaving
from services.sync.use_cases.pictures import Pictures
from services.sync.use_cases.renditions import Renditions
from services.sync.use_cases.roll_backs import RollBacks
from services.sync.use_cases.schedules import Schedules
from services.sync.use_cases.syncs import Syncs

MIGRATIONS = Path(__file__).parent / "migrations"

# Places that are to be looked at come up when somebody connects, and that person watches.
LOOK_AROUND_SECONDS = 1.0
PROBE_SECONDS = 5.0
LEAVE_SECONDS = 1.0
COUNT_SECONDS = 15.0
PURGE_SECONDS = 600.0
# What platforms show is taken as it is: anything that can be decoded, however small.
SHOWN_PICTURES = PictureLimits(min_side=1)


def build(settings: SyncSettings, *, clock: Clock = utc_now) -> App:
    """Builds the service from its settings; nothing connects before it is started."""
    database = Database(settings, schema=settings.service)
    bus = Bus(settings, name=settings.service)
    objects = ObjectStore(settings)
    channels = Channels(settings)
    workers = PictureWorkers(settings.picture_workers)
    relay = OutboxRelay(database, bus, store.outbox, store.inbox, clock=clock)
    stores = partial(store.Store, database, clock=clock, committed=relay.ring)
    queue = asyncio.Semaphore(settings.database_pool_size)
    queued = partial(store.QueuedStore, database, queue, clock=clock, committed=relay.ring)
    worker = build_worker(settings, stores=queued, objects=objects, workers=workers, clock=clock)
    platforms, tokens, looker = worker.platforms, worker.tokens, worker.looker
    sweeper = Sweeper(stores, platforms, tokens, looker, clock)
    probes = Probes(stores, platforms, tokens, clock)
    reconciler = Reconciler(worker)
    upload = channels.to(settings.upload_target, upload_pb2.DESCRIPTOR.services_by_name["UploadService"])
    connections = Connections(
        stores, platforms, tokens, looker, tokens.vault, clock, _secret, partial(_callback_url, settings)
    )
    library = Library(upload_pb2_grpc.UploadServiceStub(upload))
    syncs = Syncs(stores, platforms, library, clock)
    roll_backs = RollBacks(stores, platforms, clock)
    leaving = Leaving(stores, platforms, connections, roll_backs.before_leaving, clock)
    api = SyncApi(
        connections=connections,
        leaving=leaving,
        syncs=syncs,
        pictures=Pictures(stores, objects, platforms, library),
        platforms=platforms,
        roll_backs=roll_backs,
        schedules=Schedules(stores, platforms, clock),
    )
    consumer = partial(Consumer, bus, ack_wait_seconds=settings.consumer_ack_wait_seconds, clock=clock)
    consumers = [
        consumer(topology.SYNC, handlers(Renditions(stores, clock), Following(stores, platforms, clock))),
        *(
            consumer(
                topology.sync_jobs_of(platform),
                {events.TargetDue: reconciler.answer_doorbell},
                message=events.TargetDue,
            )
            for platform in platforms.adapters
        ),
    ]
    return App(
        name=settings.service,
        parts=[
            bus,
            database,
            objects,
            channels,
            workers,
            _Adapters(platforms),
            relay,
            *consumers,
            PeriodicTask("sync_doorbells", sweeper.ring_for_due, every_seconds=settings.sweep_seconds),
            PeriodicTask("sync_deferred", sweeper.ring_for_deferred, every_seconds=settings.sweep_seconds),
            PeriodicTask("sync_looks", sweeper.look_around, every_seconds=LOOK_AROUND_SECONDS),
            PeriodicTask("sync_probes", probes.probe_due, every_seconds=PROBE_SECONDS),
            PeriodicTask("sync_leaving", leaving.finish_due, every_seconds=LEAVE_SECONDS),
            PeriodicTask("sync_counts", sweeper.count, every_seconds=COUNT_SECONDS),
            PeriodicTask("sync_purge", sweeper.purge, every_seconds=PURGE_SECONDS),
        ],
        checks={
            "database": partial(database.expect_revision, MIGRATIONS),
            "bus": bus.ping,
            **{f"consumer {number}": heard.ping for number, heard in enumerate(consumers)},
        },
        grpc=GrpcServer(
            settings,
            service=sync_pb2.DESCRIPTOR.services_by_name["SyncService"],
            register=partial(sync_pb2_grpc.add_SyncServiceServicer_to_server, api),
            verifier=remote_verifier(settings, channels),
        ),
    )


def build_worker(
    settings: SyncSettings,
    *,
    stores: OpenStore[store.Store],
    objects: ObjectStore,
    workers: PictureWorkers,
    clock: Clock,
) -> Worker:
    """Builds all that brings pictures to platforms, with an adapter for each that this installation has the settings for."""
    vault = Vault(settings.vault_keys, setting="LINKAROOIE_SYNC_VAULT_KEYS")
    platforms = _platforms(settings, load_catalogue(), SealedRegistrations(stores, vault, clock), clock)
    return Worker(
        stores,
        objects,
        platforms,
        Tokens(stores, vault, clock),
        Looker(stores, objects, workers, SHOWN_PICTURES, clock),
        clock,
        read_timeout_seconds=settings.read_timeout_seconds,
        write_timeout_seconds=settings.write_timeout_seconds,
    )


def _platforms(settings: SyncSettings, catalogue: Catalogue, registrations: Registrations, clock: Clock) -> Platforms:
    """Builds every adapter that this installation has the settings for."""
    adapters: dict[str, Adapter] = {}
    unavailable: dict[str, Unavailable] = {}
    for platform, build_adapter in find_builders().items():
        context = AdapterContext(
            platform=catalogue.platforms[platform],
            public_url=settings.public_url,
            callback_url=_callback_url(settings, platform),
            trusted_hosts=settings.trusted_hosts,
            read_timeout_seconds=settings.read_timeout_seconds,
            write_timeout_seconds=settings.write_timeout_seconds,
            registrations=registrations,
            clock=clock,
            secret=_secret,
        )
        built = build_adapter(context)
        if isinstance(built, Adapter):
            adapters[platform] = built
        else:
            unavailable[platform] = built
    return Platforms(catalogue, adapters, unavailable)


def _callback_url(settings: SyncSettings, platform: str) -> str:
    return f"{settings.public_url}/v1/connections/callback/{platform}"


def _secret() -> str:
    """Makes a secret of 256 bits that can stand in a URL."""
    return secrets.token_urlsafe(32)


class _Adapters(Part):
    """Closes the adapters' connections with the app."""

    def __init__(self, platforms: Platforms) -> None:
        self._platforms = platforms

    async def start(self) -> None:
        """Does nothing: connections are opened when they are needed."""

    async def stop(self) -> None:
        for adapter in self._platforms.adapters.values():
            await adapter.api.close()
