"""Composition root of the profile service."""

from functools import partial
from pathlib import Path
from secrets import randbelow

from linkarooie.profile.v1 import profile_pb2, profile_pb2_grpc
from servicekit import topology
from servicekit.app import App
from servicekit.bus import Bus
from servicekit.consumers import Consumer
from servicekit.database import Database
from servicekit.grpc_client import Channels
from servicekit.grpc_server import GrpcServer
from servicekit.ids import Clock, utc_now
from servicekit.outbox import OutboxRelay
from servicekit.remote_keys import remote_verifier
from services.profile import store
from services.profile.api import ProfileApi
from services.profile.consumers import handlers
from services.profile.settings import ProfileSettings
from services.profile.use_cases import Profiles

MIGRATIONS = Path(__file__).parent / "migrations"


def build(settings: ProfileSettings, *, clock: Clock = utc_now) -> App:
    """Builds the service from its settings; nothing connects before it is started."""
    database = Database(settings, schema=settings.service)
    bus = Bus(settings, name=settings.service)
    channels = Channels(settings)
    relay = OutboxRelay(database, bus, store.outbox, store.inbox, clock=clock)
    profiles = Profiles(
        stores=partial(store.Store, database, clock=clock, committed=relay.ring), clock=clock, draw=randbelow
    )
    consumer = Consumer(
        bus, topology.PROFILE, handlers(profiles), ack_wait_seconds=settings.consumer_ack_wait_seconds, clock=clock
    )
    grpc = GrpcServer(
        settings,
        service=profile_pb2.DESCRIPTOR.services_by_name["ProfileService"],
        register=partial(profile_pb2_grpc.add_ProfileServiceServicer_to_server, ProfileApi(profiles)),
        verifier=remote_verifier(settings, channels),
    )
    return App(
        name=settings.service,
        parts=[bus, database, channels, relay, consumer],
        checks={"database": partial(database.expect_revision, MIGRATIONS), "bus": bus.ping, "consumer": consumer.ping},
        grpc=grpc,
    )
