from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2
import pytest
from rights_calls import FILES
from rights_world import World
from system.accounts import CHEAP_HASHES, auth_settings_of

from devstack import DevStack
from linkarooie import processes
from linkarooie.development import platform_settings, server_settings
from linkarooie.secrets import new_secrets
from linkarooie.services import SERVICES
from sandbox import Sandbox
from servicekit.database import Database
from servicekit.grpc_client import open_channel
from servicekit.rights import Limit
from servicekit.settings import GrpcSettings


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, eventually: Callable[..., Any]) -> AsyncIterator[World]:
    """All services as the product builds them, on servers of their own: no other test's services act on what is here."""
    folder = tmp_path_factory.mktemp("rights")
    async with AsyncExitStack() as open_things:
        stack = await open_things.enter_async_context(DevStack(folder / "devstack", durable=False))
        sandbox = await open_things.enter_async_context(Sandbox(folder / "sandbox", port=0))
        addresses = {service.name: f"127.0.0.1:{processes.free_port()}" for service in SERVICES if service.serves_grpc}
        port = processes.free_port()
        environment = {
            **server_settings(stack.endpoints),
            **platform_settings(sandbox),
            **new_secrets(),
            **{f"LINKAROOIE_{name.upper()}_GRPC_LISTEN": address for name, address in addresses.items()},
            **{f"LINKAROOIE_{name.upper()}_TARGET": address for name, address in addresses.items()},
            **{f"LINKAROOIE_AUTH_{name.upper()}": str(value) for name, value in CHEAP_HASHES.items()},
            # One address and a few people make all the calls.
            **{f"LINKAROOIE_GATEWAY_LIMIT_{limit.name}": "100000/minute" for limit in Limit if limit is not Limit.NONE},
            # A slow machine walks longer than a token lives by default.
            "LINKAROOIE_AUTH_ACCESS_TOKEN_MINUTES": "60",
            "LINKAROOIE_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "LINKAROOIE_PORT": str(port),
            "LINKAROOIE_GRPC_STOP_GRACE_SECONDS": "1",
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            await processes.prepare()
            apps = [service.build() for service in SERVICES]
        for app in apps:
            await app.start()
            open_things.push_async_callback(app.stop)
        settings = auth_settings_of(environment)
        database = Database(settings, schema="auth")
        open_things.push_async_callback(database.stop)
        channels = {
            service.full_name: await open_things.enter_async_context(
                open_channel(addresses[service.full_name.split(".")[1]], service, GrpcSettings())
            )
            for file in FILES
            for service in file.DESCRIPTOR.services_by_name.values()
        }
        # What somebody shows stands in the request: a jar would make a nobody into whoever signed in last.
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        http = await open_things.enter_async_context(httpx2.AsyncClient(timeout=30, cookies=no_cookies))
        world = World(sandbox, f"http://127.0.0.1:{port}", channels, settings, database, http, eventually)
        await world.populate()
        yield world
