"""What a request can use."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

from gateway.avatars import AvatarCache
from gateway.cookies import BrowserCookies
from gateway.credentials import Credentials
from gateway.delivery import Delivery
from gateway.limits import Limiter
from gateway.live import LiveHub
from gateway.media import MediaLinks
from gateway.settings import GatewaySettings
from servicekit.identity import TokenVerifier
from servicekit.ids import Clock
from servicekit.object_store import ObjectStore

if TYPE_CHECKING:  # these classes exist for type checkers only
    from linkarooie.analytics.v1.analytics_pb2_grpc import AnalyticsServiceAsyncStub
    from linkarooie.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from linkarooie.notify.v1.notify_pb2_grpc import NotifyServiceAsyncStub
    from linkarooie.processor.v1.processor_pb2_grpc import ProcessorServiceAsyncStub
    from linkarooie.profile.v1.profile_pb2_grpc import ProfileServiceAsyncStub
    from linkarooie.sync.v1.sync_pb2_grpc import SyncServiceAsyncStub
    from linkarooie.upload.v1.upload_pb2_grpc import UploadServiceAsyncStub


@dataclass(frozen=True)
class Gateway:
    """The parts of one gateway process, made by its `app.py`."""

    settings: GatewaySettings
    clock: Clock
    verifier: TokenVerifier
    credentials: Credentials
    auth: "AuthServiceAsyncStub"
    profile: "ProfileServiceAsyncStub"
    upload: "UploadServiceAsyncStub"
    processor: "ProcessorServiceAsyncStub"
    sync: "SyncServiceAsyncStub"
    analytics: "AnalyticsServiceAsyncStub"
    notify: "NotifyServiceAsyncStub"
    objects: ObjectStore
    links: MediaLinks
    delivery: Delivery
    live: LiveHub
    limiter: Limiter
    cookies: BrowserCookies
    avatars: AvatarCache = field(default_factory=AvatarCache)


def gateway_of(request: Request) -> Gateway:
    """Returns the process's parts."""
    return cast("Gateway", request.app.state.gateway)


async def _parts(request: Request) -> Gateway:
    # A plain function would cost each request a thread.
    return gateway_of(request)


GatewayParts = Annotated[Gateway, Depends(_parts)]


async def readiness_of(request: Request) -> Callable[[], Awaitable[dict[str, str]]]:
    """Returns what finds out whether the process is ready: `App.problems`."""
    return cast("Callable[[], Awaitable[dict[str, str]]]", request.app.state.readiness)


Readiness = Annotated[Callable[[], Awaitable[dict[str, str]]], Depends(readiness_of)]
