"""Composition root of the notify service."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from catalog import load_catalogue
from linkarooie.notify.v1 import notify_pb2, notify_pb2_grpc
from servicekit import topology
from servicekit.app import App
from servicekit.bus import Bus
from servicekit.consumers import Consumer
from servicekit.database import Database
from servicekit.grpc_client import Channels
from servicekit.grpc_server import GrpcServer
from servicekit.ids import Clock, utc_now
from servicekit.outbox import OutboxRelay
from servicekit.periodic import PeriodicTask
from servicekit.remote_keys import remote_verifier
from servicekit.vault import Vault
from services.notify import store
from services.notify.api import NotifyApi
from services.notify.consumers import handlers
from services.notify.letters import Typesetter
from services.notify.live import LivePages
from services.notify.post import Post
from services.notify.sender import LetterSender
from services.notify.settings import NotifySettings
from services.notify.use_cases import Notifier

MIGRATIONS = Path(__file__).parent / "migrations"
# Long enough to answer "I never got that letter"; letters hold personal data.
LETTERS_KEPT_FOR = timedelta(days=30)


def build(settings: NotifySettings, *, clock: Clock = utc_now) -> App:
    """Builds the service from its settings; nothing connects before it is started."""
    database = Database(settings, schema=settings.service)
    bus = Bus(settings, name=settings.service)
    channels = Channels(settings)
    relay = OutboxRelay(database, bus, store.outbox, store.inbox, clock=clock)
    stores = partial(store.Store, database, clock=clock, committed=relay.ring)
    sender = LetterSender(stores, Post(settings), clock=clock)
    notifier = Notifier(
        stores=stores,
        typesetter=Typesetter(settings.public_url),
        pages=LivePages(bus),
        ring_post=sender.ring,
        clock=clock,
    )
    letter_vault = Vault(settings.letter_keys, setting="LINKAROOIE_LETTER_KEYS")
    names = {name: platform.name for name, platform in load_catalogue().platforms.items()}
    consumer = Consumer(
        bus,
        topology.NOTIFY,
        handlers(notifier, names, letter_vault),
        ack_wait_seconds=settings.consumer_ack_wait_seconds,
        clock=clock,
    )

    async def forget_old_letters() -> None:
        async with stores() as unit:
            await unit.forget_letters(before=clock() - LETTERS_KEPT_FOR)
            await unit.commit()

    grpc = GrpcServer(
        settings,
        service=notify_pb2.DESCRIPTOR.services_by_name["NotifyService"],
        register=partial(notify_pb2_grpc.add_NotifyServiceServicer_to_server, NotifyApi(notifier)),
        verifier=remote_verifier(settings, channels),
    )
    return App(
        name=settings.service,
        parts=[
            bus,
            database,
            channels,
            relay,
            sender,
            PeriodicTask("forget_letters", forget_old_letters, every_seconds=3600),
            consumer,
        ],
        checks={"database": partial(database.expect_revision, MIGRATIONS), "bus": bus.ping, "consumer": consumer.ping},
        grpc=grpc,
    )
