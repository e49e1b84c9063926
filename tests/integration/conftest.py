"""Real servers for the integration tests: Postgres, NATS, S3 and SMTP, started once; and what a service needs to run on them."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from system.accounts import TEST_KEYS
from system.issuer import FixedIssuer
from system.waiting import eventually

from devstack import DevStack, Endpoints
from linkarooie import processes
from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from linkarooie.development import server_settings
from servicekit.app import App
from servicekit.bus import Bus
from servicekit.grpc_server import GrpcServer
from servicekit.identity import AUDIENCE, TokenVerifier
from servicekit.ids import new_id, utc_now
from servicekit.protobuf import timestamp
from servicekit.settings import GrpcSettings, ServiceSettings
from servicekit.topology import EVENTS

SettingsType = TypeVar("SettingsType", bound=ServiceSettings)
ISSUER = "linkarooie"
# Short, so that what a killed worker leaves behind is taken over while the test waits.
ACK_WAIT_SECONDS = 3


@pytest.fixture(scope="session")
async def dev_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevStack]:
    """The servers themselves, for tests that stop and start them."""
    async with DevStack(tmp_path_factory.mktemp("devstack"), durable=False) as running:
        yield running


_prepared = asyncio.Event()


@pytest.fixture(scope="module", autouse=True)
async def no_events_of_other_files() -> None:
    """Takes away what the files before have told: a service that starts now would work through all of it first."""
    if _prepared.is_set():
        async with open_bus() as bus:
            await bus.jetstream.purge_stream(EVENTS)


@pytest.fixture(scope="session")
async def stack(dev_stack: DevStack) -> Endpoints:
    """The running servers, with every schema migrated and all streams and consumers made."""
    for name, value in environment_of(dev_stack.endpoints).items():
        os.environ[name] = value
    await processes.prepare()
    _prepared.set()
    return dev_stack.endpoints


def environment_of(endpoints: Endpoints) -> dict[str, str]:
    """Returns the variables that point services to the test's servers."""
    return {
        **server_settings(endpoints),
        "LINKAROOIE_CONSUMER_ACK_WAIT_SECONDS": str(ACK_WAIT_SECONDS),
        "LINKAROOIE_GRPC_STOP_GRACE_SECONDS": "1",
    }


@dataclass(frozen=True)
class Keys:
    """A signing key, and the address of an auth service that publishes it, with the sessions in `ended` ended."""

    key: ECKey
    auth_target: str
    ended: set[str] = field(default_factory=set)

    def token(self, user_id: str, **claims: Any) -> str:
        now = int(utc_now().timestamp())
        payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": user_id, "sid": new_id(), "iat": now, "exp": now + 600}
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, {**payload, **claims}, self.key)


class _KeysOnly(auth_pb2_grpc.AuthServiceServicer):
    """Publishes a key, and the sessions that a test has ended."""

    def __init__(self, jwks: str, ended: set[str]) -> None:
        self._jwks = jwks
        self._ended = ended

    async def GetSigningKeys(
        self, request: auth_pb2.GetSigningKeysRequest, context: object
    ) -> auth_pb2.GetSigningKeysResponse:
        return auth_pb2.GetSigningKeysResponse(jwks_json=self._jwks)

    async def ListEndedSessions(
        self, request: auth_pb2.ListEndedSessionsRequest, context: object
    ) -> auth_pb2.ListEndedSessionsResponse:
        return auth_pb2.ListEndedSessionsResponse(ids=sorted(self._ended), as_of_time=timestamp(utc_now()))


@pytest.fixture(scope="session")
async def signing_keys() -> AsyncIterator[Keys]:
    """A key of the tests' own, published over real gRPC as the auth service does."""
    key = ECKey.generate_key("P-256", {"kid": "test"})
    jwks = json.dumps(KeySet([key]).as_dict(private=False))
    ended: set[str] = set()

    server = GrpcServer(
        GrpcSettings(grpc_listen="127.0.0.1:0", grpc_stop_grace_seconds=0),
        service=auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
        register=partial(auth_pb2_grpc.add_AuthServiceServicer_to_server, _KeysOnly(jwks, ended)),
        verifier=TokenVerifier(FixedIssuer(jwks), name=ISSUER),
    )
    await server.start()
    yield Keys(key, server.address, ended)
    await server.stop()


@pytest.fixture(scope="session")
def issue_token(signing_keys: Keys) -> Callable[[str], str]:
    """Signs an access token that every service in the tests accepts."""
    return signing_keys.token


@pytest.fixture(scope="session")
def service_settings(stack: Endpoints, signing_keys: Keys) -> Callable[..., Any]:
    """Makes a service's settings for the running servers, with a free port and whatever is given besides."""

    def make(settings_class: type[SettingsType], **overrides: Any) -> SettingsType:
        fixed: dict[str, Any] = {
            "grpc_listen": "127.0.0.1:0",
            "auth_target": signing_keys.auth_target,
            **TEST_KEYS,
        }
        known = {name: value for name, value in fixed.items() if name in settings_class.model_fields}
        return settings_class(**{**known, **overrides})

    return make


@asynccontextmanager
async def running(app: App) -> AsyncIterator[App]:
    """Runs an app within the block."""
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


@pytest.fixture(scope="session")
def run_app() -> Callable[[App], AbstractAsyncContextManager[App]]:
    return running


@asynccontextmanager
async def open_bus() -> AsyncIterator[Bus]:
    connection = Bus(processes.TopologySettings(), name="test")
    await connection.start()
    try:
        yield connection
    finally:
        await connection.stop()


@pytest.fixture
async def bus(stack: Endpoints) -> AsyncIterator[Bus]:
    """A connection to the message bus for the test's own use."""
    async with open_bus() as connection:
        yield connection


@pytest.fixture(scope="session", name="eventually")
def eventually_fixture() -> Callable[..., Any]:
    return eventually
