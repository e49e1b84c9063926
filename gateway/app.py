"""Composition root of the gateway."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.api import create_api
from gateway.cache import FileCache
from gateway.context import Gateway
from gateway.cookies import BrowserCookies
from gateway.credentials import Credentials
from gateway.delivery import Delivery
from gateway.http_server import HttpServer
from gateway.limits import Limiter
from gateway.live import LiveHub
from gateway.media import MediaLinks
from gateway.published import PublishedFiles
from gateway.purge import ChangedAddresses, PurgeHook
from gateway.settings import GatewaySettings
from linkarooie.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.notify.v1 import notify_pb2, notify_pb2_grpc
from linkarooie.processor.v1 import processor_pb2, processor_pb2_grpc
from linkarooie.profile.v1 import profile_pb2, profile_pb2_grpc
from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.app import App, Check
from servicekit.bus import Bus
from servicekit.consumers import Consumer
from servicekit.grpc_client import Channels
from servicekit.ids import Clock, utc_now
from servicekit.object_store import ObjectStore
from servicekit.remote_keys import remote_verifier
from servicekit.topology import PURGE

HEALTH_SECONDS = 2.0


def build(settings: GatewaySettings, *, clock: Clock = utc_now) -> App:
    """Builds the gateway from its settings; nothing connects before it is started."""
    channels = Channels(settings)
    bus = Bus(settings, name=settings.service)
    objects = ObjectStore(settings)
    auth_service = auth_pb2.DESCRIPTOR.services_by_name["AuthService"]
    auth = channels.to(settings.auth_target, auth_service)
    auth_stub = auth_pb2_grpc.AuthServiceStub(auth)
    verifier = remote_verifier(settings, channels)
    live = LiveHub(bus, is_over=verifier.is_over, clock=clock)
    limiter = Limiter(settings.limit_store.get_secret_value())
    upload = upload_pb2_grpc.UploadServiceStub(
        channels.to(settings.upload_target, upload_pb2.DESCRIPTOR.services_by_name["UploadService"])
    )
    links = MediaLinks(settings.media_key, clock)
    files = FileCache(settings.media_cache.get_secret_value(), name="media", max_bytes=settings.media_cache_bytes)
    published = PublishedFiles(upload)
    purge_hook = PurgeHook(settings.purge_url, settings.purge_token, public_url=settings.public_url)
    gateway = Gateway(
        settings=settings,
        clock=clock,
        verifier=verifier,
        credentials=Credentials(auth_stub, verifier, clock=clock),
        auth=auth_stub,
        profile=profile_pb2_grpc.ProfileServiceStub(
            channels.to(settings.profile_target, profile_pb2.DESCRIPTOR.services_by_name["ProfileService"])
        ),
        upload=upload,
        processor=processor_pb2_grpc.ProcessorServiceStub(
            channels.to(settings.processor_target, processor_pb2.DESCRIPTOR.services_by_name["ProcessorService"])
        ),
        sync=sync_pb2_grpc.SyncServiceStub(
            channels.to(settings.sync_target, sync_pb2.DESCRIPTOR.services_by_name["SyncService"])
        ),
        analytics=analytics_pb2_grpc.AnalyticsServiceStub(
            channels.to(settings.analytics_target, analytics_pb2.DESCRIPTOR.services_by_name["AnalyticsService"])
        ),
        notify=notify_pb2_grpc.NotifyServiceStub(
            channels.to(settings.notify_target, notify_pb2.DESCRIPTOR.services_by_name["NotifyService"])
        ),
        objects=objects,
        links=links,
        delivery=Delivery(links=links, objects=objects, files=files, published=published),
        live=live,
        limiter=limiter,
        cookies=BrowserCookies(secure=settings.public_url.startswith("https://"), clock=clock),
    )
    api = create_api(gateway)
    app = App(
        name=settings.service,
        parts=[
            bus,
            objects,
            channels,
            limiter,
            files,
            purge_hook,
            ChangedAddresses(bus, published.forget),
            Consumer(
                bus,
                PURGE,
                {events.AddressesChanged: purge_hook.tell},
                ack_wait_seconds=settings.consumer_ack_wait_seconds,
            ),
            HttpServer(api, settings, before_stop=live.close),
        ],
        # Without the others some of it works; without these two nobody gets in, or hears of anything.
        checks={"auth": _serves(auth, auth_service.full_name), "bus": bus.ping},
    )
    api.state.readiness = app.problems
    return app


def _serves(channel: grpc.aio.Channel, service: str) -> Check:
    health = health_pb2_grpc.HealthStub(channel)

    async def check() -> None:
        try:
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service), timeout=HEALTH_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise ConnectionError(f"{service} does not answer ({error.code().name})") from error
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise ConnectionError(f"{service} is not ready")

    return check
