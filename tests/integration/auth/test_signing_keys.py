"""Signing keys in the database: made once, followed by every replica, rotated without logging anyone out."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from auth_client import PASSWORD, AuthStub, coming_from, current_user, fresh_email, log_in, refresh
from joserfc.jws import extract_compact
from system.accounts import TEST_KEYS, make_account

from devstack import Endpoints
from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from linkarooie.profile.v1 import profile_pb2, profile_pb2_grpc
from servicekit import identity
from servicekit.errors import NotFoundError, UnauthenticatedError, UnavailableError
from servicekit.grpc_client import open_channel, remote_errors
from servicekit.ids import new_id, utc_now
from servicekit.migrations import migrate
from servicekit.settings import GrpcSettings
from services.auth import app as auth_app
from services.auth.domain.signing_key import PUBLISHED_BEFORE_SIGNING
from services.auth.operator import MIGRATIONS, operator_of
from services.auth.settings import AuthSettings
from services.profile.app import build as build_profile
from services.profile.settings import ProfileSettings

OTHER_KEY = "other:" + TEST_KEYS["vault_keys"].partition(":")[2][::-1].lstrip("=") + "="


@dataclass
class MovableClock:
    behind: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() - self.behind


@pytest.fixture
async def own_settings(
    stack: Endpoints, auth_settings: Callable[..., AuthSettings]
) -> AsyncIterator[Callable[..., AuthSettings]]:
    """Settings for a database of the test's own: keys that are taken away are missed by nobody else."""
    admin = sa.make_url(stack.postgres_admin)
    name = f"keys_{new_id().replace('-', '')}"
    engine = sa.create_engine(admin, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    def run(statement: str) -> None:
        with engine.connect() as connection:
            connection.execute(sa.text(statement))

    await asyncio.to_thread(run, f"CREATE DATABASE {name}")
    url = admin.set(database=name).render_as_string(hide_password=False)

    def make(**overrides: Any) -> AuthSettings:
        # Longer than a test's clock moves: what is tested is the life of keys, not that of tokens.
        return auth_settings(**{"database_url": url, "access_token_minutes": 60, **overrides})

    await asyncio.to_thread(migrate, make(), schema="auth", directory=MIGRATIONS)
    yield make
    await asyncio.to_thread(run, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has replicas read the keys, and verifiers ask for unknown ones, more often than they do."""
    monkeypatch.setattr(auth_app, "READ_KEYS_EVERY_SECONDS", 0.2)
    monkeypatch.setattr(identity, "KEYS_MIN_AGE_SECONDS", 0.2)


@dataclass
class Replica:
    stub: AuthStub
    address: str


@asynccontextmanager
async def replica(
    settings: AuthSettings, run_app: Any, clock: Callable[[], datetime] = utc_now
) -> AsyncIterator[Replica]:
    async with run_app(auth_app.build(settings, clock=clock)) as app:
        service = auth_pb2.DESCRIPTOR.services_by_name["AuthService"]
        async with open_channel(app.grpc.address, service, GrpcSettings()) as channel:
            yield Replica(auth_pb2_grpc.AuthServiceStub(channel), app.grpc.address)


@asynccontextmanager
async def profile_service(auth: Replica, service_settings: Any, run_app: Any) -> AsyncIterator[Any]:
    """Another service, which asks that replica for the keys."""
    async with run_app(build_profile(service_settings(ProfileSettings, auth_target=auth.address))) as app:
        service = profile_pb2.DESCRIPTOR.services_by_name["ProfileService"]
        async with open_channel(app.grpc.address, service, GrpcSettings()) as channel:
            yield profile_pb2_grpc.ProfileServiceStub(channel)


async def accepted(profiles: Any, token: str) -> str:
    """Says how the profile service takes a token: "yes", or why not."""
    try:
        with remote_errors():
            await profiles.GetProfile(profile_pb2.GetProfileRequest(), metadata=coming_from(token=token))
    except NotFoundError:  # it knows no such account, but it let the call in
        pass
    except UnauthenticatedError as refused:
        return refused.reason
    return "yes"


async def published(auth: Replica) -> set[str]:
    with remote_errors():
        answer = await auth.stub.GetSigningKeys(auth_pb2.GetSigningKeysRequest())
    return {key["kid"] for key in json.loads(answer.jwks_json)["keys"]}


def key_of(token: str) -> str:
    return str(extract_compact(token.encode()).headers()["kid"])


async def test_of_replicas_that_start_at_the_same_moment_one_makes_the_first_key(own_settings: Any) -> None:
    async with AsyncExitStack() as opened:
        replicas = [await opened.enter_async_context(operator_of(own_settings())) for _ in range(6)]

        await asyncio.gather(*(one.key_care.load() for one in replicas))

        known = [key["kid"] for one in replicas for key in _keys(one)]
    assert len(known) == 6
    assert len(set(known)) == 1


async def test_a_replica_that_starts_before_its_tables_are_there_goes_on_by_itself(
    own_settings: Any, run_app: Any, eventually: Callable[..., Any]
) -> None:
    engine = sa.create_engine(own_settings().database_url.get_secret_value(), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA auth CASCADE"))
    async with replica(own_settings(), run_app) as one:
        with pytest.raises(UnavailableError):
            await published(one)

        await asyncio.to_thread(migrate, own_settings(), schema="auth", directory=MIGRATIONS)

        async def publishes() -> bool:
            try:
                return len(await published(one)) == 1
            except UnavailableError:
                return False

        await eventually(publishes)


async def test_a_rotation_logs_nobody_out_and_every_service_and_replica_keeps_up(
    own_settings: Any, run_app: Any, service_settings: Any, in_a_hurry: None, eventually: Callable[..., Any]
) -> None:
    clock = MovableClock(behind=timedelta(minutes=30))
    email = fresh_email()
    await make_account(own_settings(), email=email, password=PASSWORD)
    async with (
        replica(own_settings(), run_app, clock) as one,
        replica(own_settings(), run_app, clock) as two,
        profile_service(one, service_settings, run_app) as profiles,
        operator_of(own_settings(), clock=clock) as operator,
    ):
        before = await log_in(one.stub, email=email)
        assert await accepted(profiles, before.access_token) == "yes"

        following = await operator.key_care.rotate(at_once=False)

        old = key_of(before.access_token)
        for auth in (one, two):
            await eventually(lambda auth=auth: both_published(auth, old, following.id))
        meanwhile = await refresh(two.stub, before.refresh_token)
        assert key_of(meanwhile.access_token) == old  # the next one is published, but signs nothing yet

        clock.behind -= PUBLISHED_BEFORE_SIGNING
        after = [await log_in(auth.stub, email=email) for auth in (one, two)]

        assert {key_of(tokens.access_token) for tokens in after} == {following.id}
        for tokens in (before, meanwhile, *after):
            assert await accepted(profiles, tokens.access_token) == "yes"
            for auth in (one, two):
                assert (await current_user(auth.stub, tokens.access_token)).email == email
        assert (await refresh(one.stub, meanwhile.refresh_token)).access_token

        clock.behind -= timedelta(minutes=60, seconds=31)  # a token's life and the leeway after the new one signs
        assert await published(one) == {following.id}


async def both_published(auth: Replica, *keys: str) -> bool:
    return await published(auth) == set(keys)


async def test_a_key_that_leaked_is_gone_at_once_and_people_stay_signed_in(
    own_settings: Any, run_app: Any, service_settings: Any, in_a_hurry: None, eventually: Callable[..., Any]
) -> None:
    email = fresh_email()
    await make_account(own_settings(), email=email, password=PASSWORD)
    async with (
        replica(own_settings(), run_app) as one,
        profile_service(one, service_settings, run_app) as profiles,
        operator_of(own_settings()) as operator,
    ):
        before = await log_in(one.stub, email=email)
        assert await accepted(profiles, before.access_token) == "yes"

        following = await operator.key_care.rotate(at_once=True)
        await eventually(lambda: both_published(one, following.id))
        after = await refresh(one.stub, before.refresh_token)

        async def let_in() -> bool:
            return await accepted(profiles, after.access_token) == "yes"

        assert key_of(after.access_token) == following.id
        await eventually(let_in)
        assert await accepted(profiles, before.access_token) == "TOKEN_KEY_UNKNOWN"


async def test_rotations_one_after_the_other_leave_none_out(own_settings: Any) -> None:
    clock = MovableClock()
    async with operator_of(own_settings(), clock=clock) as operator:
        await operator.key_care.load()
        made = [await operator.key_care.rotate(at_once=False) for _ in range(3)]
        await operator.key_care.load()
        assert {key.id for key in made} < {key["kid"] for key in _keys(operator)}

        clock.behind -= timedelta(days=1)
        await operator.key_care.rotate(at_once=False)  # removes what retired long ago
        async with operator.stores() as store:
            kept = await store.signing_keys(utc_now() - timedelta(days=30))
        assert len(kept) == 2
        assert made[-1].id in {key.id for key in kept}


def _keys(operator: Any) -> list[dict[str, str]]:
    keys: list[dict[str, str]] = json.loads(operator.key_care.keys.public_jwks())["keys"]
    return keys


async def test_rotations_at_the_same_moment_wait_for_each_other(own_settings: Any) -> None:
    async with AsyncExitStack() as opened:
        operators = [await opened.enter_async_context(operator_of(own_settings())) for _ in range(4)]
        await operators[0].key_care.load()

        made = await asyncio.gather(*(one.key_care.rotate(at_once=True) for one in operators))

        await operators[0].key_care.load()
        (left,) = _keys(operators[0])
    assert left["kid"] in {key.id for key in made}


async def test_without_the_vault_key_a_replica_is_not_ready_and_says_which_setting_it_lacks(
    own_settings: Any, run_app: Any
) -> None:
    email = fresh_email()
    await make_account(own_settings(), email=email, password=PASSWORD)
    async with operator_of(own_settings()) as operator:
        await operator.key_care.load()

    async with run_app(auth_app.build(own_settings(vault_keys=OTHER_KEY))) as app:
        problems = await app.problems()
        service = auth_pb2.DESCRIPTOR.services_by_name["AuthService"]
        async with open_channel(app.grpc.address, service, GrpcSettings()) as channel:
            stub = auth_pb2_grpc.AuthServiceStub(channel)
            with pytest.raises(UnavailableError):
                await log_in(stub, email=email)

    assert problems == {"signing_keys": "there is no vault key 'test': add it to LINKAROOIE_AUTH_VAULT_KEYS"}


async def test_the_vault_key_is_changed_by_putting_the_new_one_first_and_rotating(own_settings: Any) -> None:
    async with operator_of(own_settings()) as operator:
        await operator.key_care.load()
    both = own_settings(vault_keys=f"{OTHER_KEY} {TEST_KEYS['vault_keys']}")
    async with operator_of(both) as operator:
        await operator.key_care.load()
        following = await operator.key_care.rotate(at_once=True)

    async with operator_of(own_settings(vault_keys=OTHER_KEY)) as operator:
        await operator.key_care.load()
        assert key_of(operator.key_care.keys.sign({})) == following.id


async def test_who_lost_the_vault_key_helps_themselves_with_a_new_one_and_a_rotation_at_once(own_settings: Any) -> None:
    async with operator_of(own_settings()) as operator:
        await operator.key_care.load()

    async with operator_of(own_settings(vault_keys=OTHER_KEY)) as operator:
        following = await operator.key_care.rotate(at_once=True)
        await operator.key_care.load()
        assert key_of(operator.key_care.keys.sign({})) == following.id


async def test_the_database_alone_signs_nothing(own_settings: Any) -> None:
    async with operator_of(own_settings()) as operator:
        await operator.key_care.load()
        private = operator.key_care.keys._private  # what a thief wants
        async with operator.stores() as store:
            (stored,) = await store.signing_keys(utc_now())
    secret = str(private[stored.id].as_dict(private=True)["d"])
    assert secret not in json.dumps(stored.public_jwk)
    assert secret.encode() not in stored.sealed
