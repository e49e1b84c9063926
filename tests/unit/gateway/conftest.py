from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from fastapi import FastAPI
from opentelemetry.trace import TracerProvider
from pydantic import SecretStr

from gateway.api import create_api
from gateway.cache import FileCache
from gateway.context import Gateway
from gateway.cookies import BrowserCookies
from gateway.credentials import Credentials
from gateway.delivery import Delivery
from gateway.limits import Limiter
from gateway.media import MediaLinks
from gateway.published import PublishedFiles
from gateway.settings import GatewaySettings
from servicekit.errors import UnauthenticatedError
from servicekit.identity import Caller
from servicekit.ids import utc_now

ORIGIN = "http://testserver"


class FewTokens:
    """Stands in for the verifier. `good` is somebody who has just signed in; what else is shown is refused as expired."""

    def __init__(self, clock: Callable[[], datetime], **callers: Caller) -> None:
        self._callers = {"good": Caller("user", "session", "good", signed_in_at=clock()), **callers}

    async def verify(self, token: str) -> Caller:
        if token not in self._callers:
            raise UnauthenticatedError("It has ended.", reason="TOKEN_EXPIRED")
        return self._callers[token]


@pytest.fixture
def make_api(tmp_path: Path) -> Callable[..., FastAPI]:
    """Makes the API without the services behind it: what is given stands in for the parts that a test needs."""

    def make(
        *,
        clock: Callable[[], datetime] = utc_now,
        parts: dict[str, Any] | None = None,
        callers: dict[str, Caller] | None = None,
        tracer_provider: TracerProvider | None = None,
        **settings: Any,
    ) -> FastAPI:
        made = GatewaySettings(
            nats_url=SecretStr("nats://unused"),
            s3_endpoint="http://unused",
            s3_access_key=SecretStr("unused"),
            s3_secret_key=SecretStr("unused"),
            media_key=SecretStr("k" * 32),
            **{"public_url": "https://pictures.example", "web_directory": tmp_path, **settings},
        )
        absent = dict.fromkeys(
            ("auth", "profile", "upload", "processor", "sync", "analytics", "notify", "objects", "live")
        )
        links = MediaLinks(made.media_key, clock)
        verifier = FewTokens(clock, **(callers or {}))
        gateway = Gateway(
            **cast(
                "dict[str, Any]",
                {
                    "settings": made,
                    "clock": clock,
                    "verifier": verifier,
                    "credentials": Credentials(
                        cast("Any", (parts or {}).get("auth")), cast("Any", verifier), clock=clock
                    ),
                    "links": links,
                    "delivery": Delivery(
                        links=links,
                        objects=cast("Any", (parts or {}).get("objects")),
                        files=FileCache("memory://", name="media", max_bytes=1_000_000),
                        published=PublishedFiles(cast("Any", (parts or {}).get("upload"))),
                    ),
                    "limiter": Limiter("memory://"),
                    "cookies": BrowserCookies(secure=made.public_url.startswith("https"), clock=clock),
                    **absent,
                    **(parts or {}),
                },
            )
        )
        return create_api(gateway, tracer_provider=tracer_provider)

    return make


def client_of(api: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=api), base_url=ORIGIN)


@pytest.fixture
async def open_client() -> AsyncIterator[Callable[[FastAPI], httpx2.AsyncClient]]:
    clients: list[httpx2.AsyncClient] = []

    def make(api: FastAPI) -> httpx2.AsyncClient:
        clients.append(client_of(api))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def noon() -> Callable[[], datetime]:
    return lambda: datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
