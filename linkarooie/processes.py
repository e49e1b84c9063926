"""Runs services in this process, and prepares what they stand on."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import uvloop

from catalog import load_catalogue
from linkarooie import __version__
from linkarooie.services import SERVICES, Service
from servicekit import metrics, ports
from servicekit.app import run_until_told_to_stop
from servicekit.bus import Bus
from servicekit.migrations import migrate
from servicekit.settings import BusSettings, ServiceSettings, load_settings
from servicekit.telemetry import set_up_logs, set_up_traces
from servicekit.topology import ensure_topology

# Below the ports of outgoing connections (Linux from 32768, macOS from 49152) and those of the development servers.
SERVICE_PORTS = (11_000, 19_999)


class ProcessSettings(ServiceSettings):
    """What belongs to the process, whatever runs in it."""

    service = "process"


class TopologySettings(ServiceSettings, BusSettings):
    service = "migrate"


def run(services: Iterable[Service]) -> None:
    """Runs services until SIGTERM or SIGINT. Raises `SettingsError`, and `OSError` for an address that is taken."""
    chosen = tuple(services)
    settings = load_settings(ProcessSettings)
    set_up_logs(level=settings.log_level, format=settings.log_format)
    send_traces = set_up_traces(service=chosen[0].name if len(chosen) == 1 else "all", version=__version__)
    try:
        with metrics.served(settings.metrics_host, settings.metrics_port):
            in_event_loop(serve(chosen))
    finally:
        send_traces()


def in_event_loop(work: Coroutine[Any, Any, None]) -> None:  # no coroutine here is sent anything
    """Runs a coroutine on the fast event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def serve(services: Iterable[Service], *, started: Callable[[], Awaitable[None]] | None = None) -> None:
    """Builds services from the environment and runs them in the loop of the caller until a signal."""
    await run_until_told_to_stop([service.build() for service in services], started=started)


def share_one_process() -> None:
    """Gives each service a loopback address of its own, where the environment names none, and tells the others."""
    for service in (service for service in SERVICES if service.serves_grpc):
        listen, target = (f"LINKAROOIE_{service.name.upper()}_{name}" for name in ("GRPC_LISTEN", "TARGET"))
        address = os.environ.setdefault(listen, f"127.0.0.1:{free_port()}")
        os.environ.setdefault(target, address)


def free_port(*, count: int = 1) -> int:
    """Returns a port of the loopback address for a service, or the first of some in a row: nobody uses them at the moment.

    They are none of those that systems give to outgoing connections: one of these could take it before, or while, we do not listen.
    """
    return ports.free_port(*SERVICE_PORTS, count=count)


async def prepare() -> None:
    """Migrates every schema, then creates the streams and consumers; any number of times, from any number of processes."""
    databases = [service for service in SERVICES if service.has_database]
    settings = [service.database_settings() for service in databases]
    for service, found in zip(databases, settings, strict=True):
        await asyncio.to_thread(migrate, found, schema=service.name, directory=service.migrations)
    topology = load_settings(TopologySettings)
    bus = Bus(topology, name="migrate")
    await bus.start()
    try:
        await ensure_topology(bus, topology, platforms=load_catalogue().platforms)
    finally:
        await bus.stop()
