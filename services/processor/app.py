"""Composition root of the processor."""

from dataclasses import replace
from functools import partial

from catalog import load_catalogue
from linkarooie.processor.v1 import processor_pb2, processor_pb2_grpc
from servicekit import topology
from servicekit.app import App
from servicekit.bus import Bus
from servicekit.consumers import Consumer
from servicekit.grpc_client import Channels
from servicekit.grpc_server import GrpcServer
from servicekit.ids import Clock, utc_now
from servicekit.object_store import ObjectStore
from servicekit.pictures.lanes import Lane
from servicekit.pictures.workers import PictureWorkers
from servicekit.remote_keys import remote_verifier
from services.processor.api import ProcessorApi
from services.processor.consumers import handlers
from services.processor.desk import Desks
from services.processor.domain import recipes
from services.processor.originals import Originals
from services.processor.pipeline.warm_up import warm_up
from services.processor.settings import ProcessorSettings
from services.processor.use_cases.announcement import Announcement
from services.processor.use_cases.previews import Previews
from services.processor.use_cases.variants import Darkroom


def build(settings: ProcessorSettings, *, clock: Clock = utc_now) -> App:
    """Builds the service from its settings; nothing connects before it is started."""
    bus = Bus(settings, name=settings.service)
    objects = ObjectStore(settings)
    channels = Channels(settings)
    workers = PictureWorkers(settings.picture_workers, prepare=warm_up)
    originals = Originals(objects)
    all_recipes = recipes(load_catalogue())
    darkroom = Darkroom(
        bus=bus,
        objects=objects,
        workers=workers,
        recipes=all_recipes,
        limits=settings.picture_limits,
        render_timeout_seconds=settings.render_timeout_seconds,
        clock=clock,
    )
    consumers = {
        subscription.durable: Consumer(
            bus,
            # One more than can be rendered at once: its original is fetched, or its variants stored, while the others are rendered.
            replace(subscription, concurrency=workers.room(lane) + 1),
            handlers(darkroom, lane),
            message=message,
            ack_wait_seconds=settings.consumer_ack_wait_seconds,
            clock=clock,
        )
        for subscription, lane, message in (
            (topology.PROCESSOR, Lane.INTERACTIVE, None),
            (topology.PROCESS_INTERACTIVE, Lane.INTERACTIVE, processor_pb2.RenderImage),
            (topology.PROCESS_BULK, Lane.BULK, processor_pb2.RenderImage),
        )
    }
    api = ProcessorApi(all_recipes, Previews(originals, workers, all_recipes, settings.picture_limits))
    grpc = GrpcServer(
        settings,
        service=processor_pb2.DESCRIPTOR.services_by_name["ProcessorService"],
        register=partial(processor_pb2_grpc.add_ProcessorServiceServicer_to_server, api),
        verifier=remote_verifier(settings, channels),
    )
    return App(
        name=settings.service,
        # Worker processes first: they must exist before gRPC has threads.
        parts=[
            Desks(),
            workers,
            bus,
            objects,
            originals,
            channels,
            *consumers.values(),
            Announcement(bus, all_recipes, clock=clock),
        ],
        checks={"bus": bus.ping, **{name: consumer.ping for name, consumer in consumers.items()}},
        grpc=grpc,
    )
