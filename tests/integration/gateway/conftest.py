"""The gateway over HTTP, with the real services behind it; sync and analytics are doubles that speak over real gRPC channels."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import httpx2
import pytest
from gateway_doubles import AnalyticsDouble, SyncDouble
from gateway_people import MAX_IMAGE_BYTES, MEDIA_KEY, Person, RunGateway
from system.accounts import CHEAP_HASHES, PASSWORD, make_account

from gateway.app import build as build_gateway
from gateway.http_server import HttpServer
from gateway.settings import GatewaySettings
from linkarooie.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from servicekit.app import App
from servicekit.grpc_client import Channels
from servicekit.grpc_server import GrpcServer
from servicekit.identity import Role
from servicekit.remote_keys import remote_verifier
from servicekit.rights import Limit
from servicekit.settings import GrpcSettings
from services.auth.app import build as build_auth
from services.auth.settings import AuthSettings
from services.notify.app import build as build_notify
from services.notify.settings import NotifySettings
from services.profile.app import build as build_profile
from services.profile.settings import ProfileSettings
from services.upload.app import build as build_upload
from services.upload.settings import UploadSettings

RunApp = Callable[[App], AbstractAsyncContextManager[App]]


def address(app: App) -> str:
    assert app.grpc is not None
    return app.grpc.address


@pytest.fixture(scope="module")
def auth_settings(service_settings: Callable[..., Any]) -> AuthSettings:
    made: AuthSettings = service_settings(AuthSettings, **CHEAP_HASHES)
    return made


@pytest.fixture(scope="module")
async def targets(
    auth_settings: AuthSettings, service_settings: Callable[..., Any], run_app: RunApp
) -> AsyncIterator[dict[str, str]]:
    """The addresses of the real services, all of which take the tokens of the real auth service.

    They end with the module: a notify service that stayed would send the letters that other tests wait for.
    """
    auth_app = build_auth(auth_settings)
    async with run_app(auth_app):
        auth_target = address(auth_app)
        make = partial(service_settings, auth_target=auth_target)
        profile = build_profile(make(ProfileSettings))
        upload = build_upload(make(UploadSettings, max_image_bytes=MAX_IMAGE_BYTES))
        notify = build_notify(make(NotifySettings))
        async with run_app(profile), run_app(upload), run_app(notify):
            yield {
                "auth_target": auth_target,
                "profile_target": address(profile),
                "upload_target": address(upload),
                "notify_target": address(notify),
            }


@asynccontextmanager
async def served(service: Any, register: Any, auth_target: str) -> AsyncIterator[str]:
    """Serves a double the way every service is served: it sees the caller only through a token that it has checked."""
    settings = GrpcSettings(grpc_listen="127.0.0.1:0", auth_target=auth_target, grpc_stop_grace_seconds=0)
    channels = Channels(settings)
    server = GrpcServer(
        settings,
        service=service,
        register=register,
        verifier=remote_verifier(settings, channels),
    )
    await server.start()
    try:
        yield server.address
    finally:
        await server.stop()
        await channels.stop()


@pytest.fixture(scope="module")
async def serve_double(targets: dict[str, str]) -> Callable[..., AbstractAsyncContextManager[str]]:
    return partial(served, auth_target=targets["auth_target"])


@pytest.fixture
async def sync(serve_double: Callable[..., Any]) -> AsyncIterator[SyncDouble]:
    double = SyncDouble()
    register = partial(sync_pb2_grpc.add_SyncServiceServicer_to_server, double)
    async with serve_double(sync_pb2.DESCRIPTOR.services_by_name["SyncService"], register) as target:
        double.target = target
        yield double


@pytest.fixture
async def analytics(serve_double: Callable[..., Any]) -> AsyncIterator[AnalyticsDouble]:
    double = AnalyticsDouble()
    register = partial(analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server, double)
    service = analytics_pb2.DESCRIPTOR.services_by_name["AnalyticsService"]
    async with serve_double(service, register) as target:
        double.target = target
        yield double


@pytest.fixture(scope="module")
def run_gateway(service_settings: Callable[..., Any], targets: dict[str, str], run_app: RunApp) -> RunGateway:
    """Runs a gateway with the settings given and hands out its address."""

    @asynccontextmanager
    async def run(**overrides: Any) -> AsyncIterator[str]:
        usual = {
            "port": 0,
            "max_image_bytes": MAX_IMAGE_BYTES,
            "media_key": MEDIA_KEY,
            **{f"limit_{limit}": "100000/minute" for limit in Limit if limit is not Limit.NONE},
            "http_stop_grace_seconds": 5,
        }
        app = build_gateway(service_settings(GatewaySettings, **{**usual, **targets, **overrides}))
        async with run_app(app):
            server = app.parts[-1]
            assert isinstance(server, HttpServer)
            yield f"http://{server.address}"

    return run


@pytest.fixture
async def gateway(run_gateway: RunGateway, sync: SyncDouble, analytics: AnalyticsDouble) -> AsyncIterator[str]:
    async with run_gateway(sync_target=sync.target, analytics_target=analytics.target) as url:
        yield url


@pytest.fixture
async def http(gateway: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser or program that nobody is signed in to."""
    async with httpx2.AsyncClient(base_url=gateway) as client:
        yield client


@pytest.fixture
def sign_up(gateway: str, auth_settings: AuthSettings) -> Callable[..., Any]:
    """Makes somebody new, with an account and a token of their own."""

    async def make(role: Role = Role.USER) -> Person:
        account = await make_account(auth_settings, display_name="Fox Fable", role=role)
        async with httpx2.AsyncClient(base_url=gateway) as client:
            logged_in = await client.post("/v1/auth/login", json={"email": account.email, "password": PASSWORD})
            assert logged_in.status_code == 200, logged_in.text
            cookies = dict(client.cookies)
        return Person(account.id, account.email, PASSWORD, logged_in.json()["access_token"], cookies)

    return make


@pytest.fixture
async def person(sign_up: Callable[..., Any]) -> Person:
    somebody: Person = await sign_up()
    return somebody


@pytest.fixture
async def api(gateway: str, person: Person) -> AsyncIterator[httpx2.AsyncClient]:
    """A program that acts for `person`."""
    async with httpx2.AsyncClient(base_url=gateway, headers=person.headers) as client:
        yield client
