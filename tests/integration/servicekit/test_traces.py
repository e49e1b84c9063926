"""One trace follows a request over gRPC, through the outbox and over NATS."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from system.issuer import FixedIssuer

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.profile.v1 import profile_pb2, profile_pb2_grpc
from servicekit.bus import Bus
from servicekit.consumers import Consumer, Delivery
from servicekit.database import Database
from servicekit.grpc_client import Channels
from servicekit.grpc_server import GrpcServer
from servicekit.identity import TokenVerifier
from servicekit.ids import new_id
from servicekit.outbox import OutboxRelay
from servicekit.settings import GrpcSettings
from servicekit.subjects import subject_of
from servicekit.topology import EVENTS, Subscription
from services.upload import store
from services.upload.settings import UploadSettings

SERVICE = profile_pb2.DESCRIPTOR.services_by_name["ProfileService"]


@pytest.fixture(autouse=True)
def _recording_spans() -> None:
    """Spans need a provider to have ids; the first one stays for the process."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())


def trace_id() -> int:
    return trace.get_current_span().get_span_context().trace_id


class RecordingProfiles(profile_pb2_grpc.ProfileServiceServicer):
    """Records an event in each call, as a service does, and notes in which trace that was."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.traces: list[int] = []

    async def GetPublicProfile(self, request: object, context: object) -> profile_pb2.GetPublicProfileResponse:
        self.traces.append(trace_id())
        owner_id = new_id()
        async with store.Store(self._database) as work:
            work.record(events.ProfileUpdated(user_id=owner_id, handle="traced"), owner_id=owner_id)
            await work.commit()
        return profile_pb2.GetPublicProfileResponse()


async def test_a_trace_survives_grpc_the_outbox_and_nats(
    bus: Bus, service_settings: Callable[..., Any], eventually: Any
) -> None:
    database = Database(service_settings(UploadSettings), schema="upload")
    profiles = RecordingProfiles(database)
    server = GrpcServer(
        GrpcSettings(grpc_listen="127.0.0.1:0", grpc_stop_grace_seconds=0),
        service=SERVICE,
        register=partial(profile_pb2_grpc.add_ProfileServiceServicer_to_server, profiles),
        verifier=TokenVerifier(FixedIssuer(), name="x"),
    )
    subject, durable = subject_of(events.ProfileUpdated), f"trace-{new_id()}"
    await bus.jetstream.add_consumer(
        EVENTS,
        ConsumerConfig(
            durable_name=durable,
            filter_subjects=[subject],
            deliver_policy=DeliverPolicy.NEW,
            ack_policy=AckPolicy.EXPLICIT,
        ),
    )
    heard: list[int] = []

    async def note(delivery: Delivery) -> None:
        if delivery.message.handle == "traced":
            heard.append(trace_id())

    subscription = Subscription(durable, EVENTS, (subject,))
    consumer = Consumer(bus, subscription, {events.ProfileUpdated: note}, ack_wait_seconds=30)
    channels = Channels(GrpcSettings())
    await server.start()
    await consumer.start()
    try:
        stub = profile_pb2_grpc.ProfileServiceStub(channels.to(server.address, SERVICE))
        with trace.get_tracer("test").start_as_current_span("a request"):
            asked_in = trace_id()
            await stub.GetPublicProfile(profile_pb2.GetPublicProfileRequest())
        await OutboxRelay(database, bus, store.outbox, store.inbox).publish_batch()
        await eventually(lambda: heard)
    finally:
        await consumer.stop()
        await channels.stop()
        await server.stop()
        await database.stop()

    assert asked_in
    assert profiles.traces == heard == [asked_in]
