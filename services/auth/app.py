"""Composition root of the auth service."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from servicekit.app import App
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.grpc_server import GrpcServer
from servicekit.identity import TokenVerifier
from servicekit.ids import Clock, utc_now
from servicekit.outbox import OutboxRelay
from servicekit.periodic import PeriodicTask
from services.auth import store
from services.auth.api import AuthApi
from services.auth.keys import AccessTokens, SigningKeys
from services.auth.passwords import Passwords, common_passwords
from services.auth.settings import AuthSettings
from services.auth.use_cases.sessions import Accounts

MIGRATIONS = Path(__file__).parent / "migrations"
# Soon after its grace a sealed successor is of no use to anybody but a thief.
FORGET_EVERY_SECONDS = 60.0


class OwnIssuer:
    """What this service tells itself about its tokens."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    async def jwks(self) -> str:
        return self._keys.public_jwks()

    async def ended(self, since: datetime | None) -> tuple[Collection[str], datetime]:
        return (), utc_now()


def build(settings: AuthSettings, *, clock: Clock = utc_now) -> App:
    """Builds the service from its settings; nothing connects before it is started."""
    database = Database(settings, schema=settings.service)
    bus = Bus(settings, name=settings.service)
    relay = OutboxRelay(database, bus, store.outbox, store.inbox, clock=clock)
    keys = SigningKeys(settings.signing_keys.get_secret_value())
    passwords = Passwords(settings.hash_cost, threads=settings.hash_threads, max_waiting=settings.hash_max_waiting)
    accounts = Accounts(
        stores=partial(store.Store, database, clock=clock, committed=relay.ring),
        passwords=passwords,
        common_passwords=common_passwords(),
        access_tokens=AccessTokens(keys, settings.token_issuer, timedelta(minutes=settings.access_token_minutes)),
        lifetimes=settings.lifetimes,
        clock=clock,
    )
    forget = PeriodicTask("auth_forget", accounts.forget_what_is_over, every_seconds=FORGET_EVERY_SECONDS)

    grpc = GrpcServer(
        settings,
        service=auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
        register=partial(auth_pb2_grpc.add_AuthServiceServicer_to_server, AuthApi(accounts, keys)),
        verifier=TokenVerifier(OwnIssuer(keys), name=settings.token_issuer),
    )
    return App(
        name=settings.service,
        parts=[bus, database, relay, passwords, forget],
        checks={"database": partial(database.expect_revision, MIGRATIONS), "bus": bus.ping},
        grpc=grpc,
    )
