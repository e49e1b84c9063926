"""Composition root of the auth service."""

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
from servicekit.vault import Vault
from services.auth import store
from services.auth.api import AuthApi
from services.auth.keys import AccessTokens, SigningKeys
from services.auth.passwords import Passwords, common_passwords
from services.auth.providers import build_providers
from services.auth.settings import AuthSettings
from services.auth.use_cases.account import OwnAccount
from services.auth.use_cases.api_keys import ApiKeys
from services.auth.use_cases.confirmation import Confirmation
from services.auth.use_cases.email_change import EmailChange
from services.auth.use_cases.forgetting import Forgetting
from services.auth.use_cases.identities import Identities
from services.auth.use_cases.letters import Letters
from services.auth.use_cases.passwords import NewPasswords
from services.auth.use_cases.registration import Registration
from services.auth.use_cases.sessions import Sessions
from services.auth.use_cases.sign_in import SignIn
from services.auth.use_cases.signing_keys import Endings, KeyCare, OwnIssuer
from services.auth.use_cases.social import SocialSignIn
from services.auth.use_cases.staff import Staff

MIGRATIONS = Path(__file__).parent / "migrations"
# Soon after its grace a sealed successor is of no use to anybody but a thief.
FORGET_EVERY_SECONDS = 60.0
# How soon a replica follows a command that changes the signing keys.
READ_KEYS_EVERY_SECONDS = 10.0


def build(settings: AuthSettings, *, clock: Clock = utc_now) -> App:
    """Builds the service from its settings; nothing connects before it is started."""
    database = Database(settings, schema=settings.service)
    bus = Bus(settings, name=settings.service)
    relay = OutboxRelay(database, bus, store.outbox, store.inbox, clock=clock)
    stores = partial(store.Store, database, clock=clock, committed=relay.ring)
    vault = Vault(settings.vault_keys, setting="LINKAROOIE_AUTH_VAULT_KEYS")
    keys = SigningKeys(vault, clock=clock)
    key_care = KeyCare(stores, vault, keys, settings.token_lifetime, clock)
    endings = Endings(stores, settings.token_lifetime, clock)
    access_tokens = AccessTokens(keys, settings.token_issuer, settings.token_lifetime)
    api_keys = ApiKeys(stores, access_tokens, clock)
    providers = build_providers(settings, clock=clock)
    identities = Identities(stores, providers, clock)
    staff = Staff(stores, provider_label=providers.label_of, clock=clock)
    passwords = Passwords(settings.hash_cost, threads=settings.hash_threads, max_waiting=settings.hash_max_waiting)
    common = common_passwords()
    letters = Letters(Vault(settings.letter_keys, setting="LINKAROOIE_LETTER_KEYS"), clock)
    sessions = Sessions(stores, access_tokens, settings.lifetimes, clock)
    sign_in = SignIn(stores, passwords, sessions, clock)
    registration = Registration(stores, letters, passwords, common, clock)
    social = SocialSignIn(stores, providers, identities, registration, sessions, vault, settings.public_url, clock)
    email_change = EmailChange(stores, letters, clock)
    forgetting = Forgetting(stores, settings.lifetimes, clock)
    forget = PeriodicTask("auth_forget", forgetting.forget_what_is_over, every_seconds=FORGET_EVERY_SECONDS)
    read_keys = PeriodicTask("auth_signing_keys", key_care.load, every_seconds=READ_KEYS_EVERY_SECONDS)

    grpc = GrpcServer(
        settings,
        service=auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
        register=partial(
            auth_pb2_grpc.add_AuthServiceServicer_to_server,
            AuthApi(
                registration=registration,
                confirmation=Confirmation(stores, letters, registration, email_change),
                sign_in=sign_in,
                sessions=sessions,
                new_passwords=NewPasswords(stores, letters, passwords, common, clock),
                email_change=email_change,
                own_account=OwnAccount(stores, clock),
                keys=keys,
                api_keys=api_keys,
                endings=endings,
                staff=staff,
                social=social,
                identities=identities,
            ),
        ),
        verifier=TokenVerifier(OwnIssuer(keys, endings), name=settings.token_issuer),
    )
    return App(
        name=settings.service,
        parts=[bus, database, relay, passwords, providers, forget, read_keys],
        checks={
            "database": partial(database.expect_revision, MIGRATIONS),
            "bus": bus.ping,
            "signing_keys": key_care.expect_loaded,
        },
        grpc=grpc,
    )
