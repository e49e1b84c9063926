"""Composition root of the upload service."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from catalog import load_catalogue
from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit import topology
from servicekit.app import App, Part
from servicekit.bus import Bus
from servicekit.consumers import Consumer
from servicekit.database import Database
from servicekit.grpc_client import Channels
from servicekit.grpc_server import GrpcServer
from servicekit.ids import Clock, utc_now
from servicekit.object_store import ObjectStore
from servicekit.outbound import Outbound
from servicekit.outbox import OutboxRelay
from servicekit.periodic import PeriodicTask
from servicekit.remote_keys import remote_verifier
from services.upload import store
from services.upload.api import UploadApi
from services.upload.clean_up import CleanUp
from services.upload.consumers import handlers
from services.upload.domain.quota import Quota
from services.upload.settings import UploadSettings
from services.upload.sweeper import Sweeper
from services.upload.use_cases.avatar_files import AvatarFiles
from services.upload.use_cases.avatars import Avatars
from services.upload.use_cases.defaults import Choosing
from services.upload.use_cases.direct_uploads import DirectUploads
from services.upload.use_cases.edits import Editing
from services.upload.use_cases.imports import Imports
from services.upload.use_cases.intake import Intake
from services.upload.use_cases.library import Library
from services.upload.use_cases.purging import Purging
from services.upload.use_cases.recipes import Recipes
from services.upload.use_cases.results import Results

MIGRATIONS = Path(__file__).parent / "migrations"


def build(settings: UploadSettings, *, clock: Clock = utc_now) -> App:
    """Builds the service from its settings; nothing connects before it is started."""
    catalogue = load_catalogue()
    database = Database(settings, schema=settings.service)
    bus = Bus(settings, name=settings.service)
    objects = ObjectStore(settings)
    channels = Channels(settings)
    relay = OutboxRelay(database, bus, store.outbox, store.inbox, clock=clock)
    stores = partial(store.Store, database, clock=clock, committed=relay.ring)
    quota = Quota(settings.quota_mb * 1_000_000, restore_days=settings.restore_days)
    intake = Intake(stores=stores, objects=objects, limits=settings.picture_limits, quota=quota, clock=clock)
    web = _Web(settings)
    imports = Imports(stores, intake, web.outbound, timeout_seconds=settings.import_timeout_seconds)
    address_life = timedelta(minutes=settings.url_minutes)
    direct = DirectUploads(stores, objects, intake, quota, address_life=address_life, clock=clock)
    library = Library(stores=stores, quota=quota, restorable=timedelta(days=settings.restore_days), clock=clock)
    slots = frozenset(slot.key for slot in catalogue.slots() if slot.wants_picture)
    editing = Editing(stores=stores, slots=slots, clock=clock)
    platforms = {
        platform.id: frozenset(kind for kind, slot in platform.slots.items() if slot.wants_picture)
        for platform in catalogue.platforms.values()
    }
    choosing = Choosing(stores=stores, platforms=platforms, clock=clock)
    results = Results(stores=stores, clock=clock)
    recipes = Recipes(stores=stores)
    avatars = Avatars(stores=stores)
    avatar_files = AvatarFiles(stores=stores, objects=objects)
    api = UploadApi(
        avatars=avatars,
        avatar_files=avatar_files,
        intake=intake,
        library=library,
        purging=Purging(stores=stores, clock=clock),
        editing=editing,
        choosing=choosing,
        direct=direct,
        imports=imports,
    )
    sweeper = Sweeper(
        stores,
        patience=timedelta(minutes=settings.render_patience_minutes),
        restorable=timedelta(days=settings.restore_days),
        clock=clock,
    )
    clean_up = CleanUp(stores, objects, clock)
    consumer = Consumer(
        bus,
        topology.UPLOAD,
        handlers(results, recipes, avatars, choosing),
        ack_wait_seconds=settings.consumer_ack_wait_seconds,
        clock=clock,
    )
    grpc = GrpcServer(
        settings,
        service=upload_pb2.DESCRIPTOR.services_by_name["UploadService"],
        register=partial(upload_pb2_grpc.add_UploadServiceServicer_to_server, api),
        verifier=remote_verifier(settings, channels),
    )
    return App(
        name=settings.service,
        parts=[
            bus,
            database,
            objects,
            channels,
            web,
            relay,
            consumer,
            PeriodicTask("upload_overdue", sweeper.ask_again, every_seconds=settings.sweep_seconds),
            PeriodicTask("upload_outdated", sweeper.refresh, every_seconds=settings.sweep_seconds),
            PeriodicTask("upload_purge", sweeper.purge, every_seconds=settings.sweep_seconds),
            PeriodicTask("upload_expiry", direct.expire, every_seconds=settings.sweep_seconds),
            PeriodicTask("upload_clean_up", clean_up.remove_unreferenced, every_seconds=settings.clean_up_hours * 3600),
        ],
        checks={"database": partial(database.expect_revision, MIGRATIONS), "bus": bus.ping, "consumer": consumer.ping},
        grpc=grpc,
    )


class _Web(Part):
    """The way out to the hosts that pictures are fetched from; its connections end with the app."""

    def __init__(self, settings: UploadSettings) -> None:
        self.outbound = Outbound(trusted_hosts=settings.trusted_hosts)

    async def start(self) -> None:
        """Does nothing: connections are opened when they are needed."""

    async def stop(self) -> None:
        await self.outbound.close()
