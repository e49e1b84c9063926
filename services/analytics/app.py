"""Composition root of the analytics service."""

from functools import partial
from pathlib import Path

from linkarooie.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from servicekit import topology
from servicekit.app import App
from servicekit.bus import Bus
from servicekit.consumers import Consumer
from servicekit.database import Database
from servicekit.grpc_client import Channels
from servicekit.grpc_server import GrpcServer
from servicekit.ids import Clock, utc_now
from servicekit.periodic import PeriodicTask
from servicekit.remote_keys import remote_verifier
from services.analytics.api import AnalyticsApi
from services.analytics.consumers import handlers
from services.analytics.settings import AnalyticsSettings
from services.analytics.store import Store
from services.analytics.use_cases import Figures

MIGRATIONS = Path(__file__).parent / "migrations"
# The migration makes the first partitions. Often enough that events which find none, because the service had not
# run for months, come in with their next attempt; a round that has nothing to do is one query.
PARTITIONS_EVERY_SECONDS = 60.0


def build(settings: AnalyticsSettings, *, clock: Clock = utc_now) -> App:
    """Builds the service from its settings; nothing connects before it is started."""
    database = Database(settings, schema=settings.service)
    bus = Bus(settings, name=settings.service)
    channels = Channels(settings)
    figures = Figures(stores=partial(Store, database, clock=clock), clock=clock)
    consumer = Consumer(
        bus, topology.ANALYTICS, handlers(figures), ack_wait_seconds=settings.consumer_ack_wait_seconds, clock=clock
    )
    grpc = GrpcServer(
        settings,
        service=analytics_pb2.DESCRIPTOR.services_by_name["AnalyticsService"],
        register=partial(analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server, AnalyticsApi(figures)),
        verifier=remote_verifier(settings, channels),
    )
    partitions = PeriodicTask("partitions", figures.make_partitions, every_seconds=PARTITIONS_EVERY_SECONDS)
    return App(
        name=settings.service,
        parts=[bus, database, channels, partitions, consumer],
        checks={"database": partial(database.expect_revision, MIGRATIONS), "bus": bus.ping, "consumer": consumer.ping},
        grpc=grpc,
    )
