"""Accounts for tests: made on the database, or confirmed with the link that the letter has."""

import base64
import uuid
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from google.protobuf.message import Message

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import Database
from servicekit.identity import Role
from servicekit.subjects import subject_of
from servicekit.vault import Vault
from services.auth import store
from services.auth.domain.account import User
from services.auth.operator import operator_of
from services.auth.settings import AuthSettings
from system.waiting import eventually

# The least that the settings allow: what is tested is not the cost of guessing.
CHEAP_HASHES = {"argon2_memory_kib": 19456, "argon2_time_cost": 2, "argon2_parallelism": 1}
# Sealing keys of the services that a test runs in its own process.
TEST_KEYS = {name: "test:" + base64.b64encode(bytes(range(32))).decode() for name in ("vault_keys", "letter_keys")}
PASSWORD = "one picture everywhere"


def auth_settings_of(environment: Mapping[str, str]) -> AuthSettings:
    """Returns the settings of the auth service that runs with an environment, as far as its database is concerned."""
    return AuthSettings(
        database_url=environment["LINKAROOIE_AUTH_DATABASE_URL"],
        nats_url=environment["LINKAROOIE_NATS_URL"],
        vault_keys=environment["LINKAROOIE_AUTH_VAULT_KEYS"],
        letter_keys=environment["LINKAROOIE_LETTER_KEYS"],
        **CHEAP_HASHES,
    )


async def make_account(
    settings: AuthSettings,
    *,
    email: str | None = None,
    password: str = PASSWORD,
    display_name: str = "Ada Rivers",
    role: Role = Role.USER,
) -> User:
    """Makes an account that needs no letter, as the operator does."""
    address = email or f"{uuid.uuid4().hex}@example.org"
    async with operator_of(settings) as operator:
        return await operator.registration.create_confirmed(
            email=address, password=password, display_name=display_name, role=role
        )


async def letters_to(settings: AuthSettings, email: str) -> list[events.AccountLetterRequested]:
    """Returns the letters that were asked for to an address within the last minutes, oldest first."""
    letters = [
        events.AccountLetterRequested.FromString(raw) for raw in await _told(settings, events.AccountLetterRequested)
    ]
    return [letter for letter in letters if letter.email.lower() == email.strip().lower()]


async def notes_about(settings: AuthSettings, user_id: str) -> list[events.AccountSecurityNoted]:
    """Returns what the owner of an account was told of within the last minutes, oldest first."""
    notes = [events.AccountSecurityNoted.FromString(raw) for raw in await _told(settings, events.AccountSecurityNoted)]
    return [note for note in notes if note.user_id == user_id]


async def _told(settings: AuthSettings, kind: type[Message]) -> Sequence[bytes]:
    table = store.outbox
    query = sa.select(table.c.payload).where(table.c.subject == subject_of(kind))
    database = Database(settings, schema=settings.service)
    try:
        async with database.sessions() as session:
            return (await session.execute(query.order_by(table.c.created_at, table.c.id))).scalars().all()
    finally:
        await database.stop()


def token_of(settings: AuthSettings, letter: events.AccountLetterRequested) -> str:
    """Opens the token of a letter's link, as the notify service does."""
    vault = Vault(settings.letter_keys, setting="LINKAROOIE_LETTER_KEYS")
    return vault.open(letter.sealed_token, user=letter.letter_id, thing="letter", field="token")["token"]


async def newest_token(settings: AuthSettings, email: str) -> str:
    """Returns the token of the newest letter with a link to an address, as soon as there is one."""

    async def newest() -> events.AccountLetterRequested | None:
        with_link = [letter for letter in await letters_to(settings, email) if letter.sealed_token]
        return with_link[-1] if with_link else None

    return token_of(settings, await eventually(newest, within_seconds=10, what=f"a letter to {email}"))
