"""A whole installation, run as production does: a process a service."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx2
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from devstack import DevStack, Endpoints
from devstack.process import find_program
from linkarooie.development import platform_settings, server_settings
from linkarooie.processes import free_port
from linkarooie.secrets import new_secrets
from linkarooie.services import BY_NAME, SERVICES
from sandbox import Sandbox
from servicekit.bus import Bus
from servicekit.rights import Limit
from servicekit.settings import BusSettings
from servicekit.subjects import subject_of
from system.accounts import auth_settings_of, make_account
from system.person import Person
from system.processes import OwnProcess, without_our_settings
from system.waiting import eventually

# Short, so that what a killed process leaves behind is taken over while the test waits.
ACK_WAIT_SECONDS = 3
# For the same reason: a lease outlives the longest call, and nobody takes over before it ends.
WRITE_TIMEOUT_SECONDS = 3


@dataclass
class Installation:
    """Linkarooie with a process a service. Made by `installed`.

    A replica is named `sync/2`: the service, and anything to tell it from the first.
    """

    stack: DevStack
    sandbox: Sandbox
    bus: Bus
    folder: Path
    environment: dict[str, str]
    url: str
    processes: dict[str, OwnProcess] = field(default_factory=dict)

    @property
    def endpoints(self) -> Endpoints:
        return self.stack.endpoints

    async def start(self, *names: str) -> None:
        """Starts services, or starts them again, and waits until they are ready."""
        await asyncio.gather(*(self._start(name) for name in names))

    async def _start(self, name: str) -> None:
        service = BY_NAME[name.partition("/")[0]]
        environment = {**self.environment, "TMPDIR": str(self.temporary(name))}
        listen = f"LINKAROOIE_{service.name.upper()}_GRPC_LISTEN"
        if "/" in name:
            environment[listen] = f"127.0.0.1:{free_port()}"
        process = self.processes[name] = OwnProcess(
            [find_program("linkarooie"), "run", service.name],
            environment=environment,
            cwd=self.folder,
            log=self.folder / f"{name.replace('/', '-')}.log",
        )
        await process.start()
        answers = _serves(environment[listen]) if service.serves_grpc else _is_ready(self.url)
        await eventually(lambda: self._ready(process, answers), within_seconds=60, what=f"{name} ready")

    async def _ready(self, process: OwnProcess, answers: Callable[[], Awaitable[bool]]) -> bool:
        # Asked last: somebody else may answer at the address of a process that ended.
        ready = await answers()
        assert process.runs, f"it ended while starting:\n{process.last_lines()}"
        return ready

    async def stop(self, *names: str) -> None:
        """Stops services in good order."""
        await asyncio.gather(*(self.processes[name].end() for name in names))

    async def kill(self, name: str) -> None:
        """Ends a service as a crash would."""
        await self.processes[name].end(signal.SIGKILL)

    @asynccontextmanager
    async def replica(self, name: str) -> AsyncIterator[None]:
        """Runs one more process of a service within the block."""
        await self.start(name)
        try:
            yield
        finally:
            await self.stop(name)
            del self.processes[name]

    async def run(self, *arguments: str) -> None:
        """Runs a `linkarooie` command to its end."""
        process = OwnProcess(
            [find_program("linkarooie"), *arguments],
            environment=self.environment,
            cwd=self.folder,
            log=self.folder / "command.log",
        )
        await process.start()
        assert await process.wait(within_seconds=60) == 0, process.last_lines()

    def temporary(self, name: str) -> Path:
        """Returns the folder in which a service keeps its temporary files."""
        folder = self.folder / "tmp" / name.replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @asynccontextmanager
    async def person(self) -> AsyncIterator["Person"]:
        """Somebody new, signed in."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=30) as http:
            account = await make_account(auth_settings_of(self.environment))
            yield await Person.signed_in(http, account.email)

    async def unacknowledged(self, durable: str, stream: str = "EVENTS") -> int:
        """Returns how many messages of a consumer are being worked on, as far as the bus knows."""
        return (await self.bus.jetstream.consumer_info(stream, durable)).num_ack_pending or 0

    async def facts(self, kind: type[Message], owner_id: str) -> list[Any]:
        """Returns every fact of a kind about somebody that the bus has, oldest first."""
        subject = subject_of(kind)
        state = (await self.bus.jetstream.stream_info("EVENTS", subjects_filter=subject)).state
        there = (state.subjects or {}).get(subject, 0)
        subscription = await self.bus.jetstream.subscribe(subject, ordered_consumer=True)
        try:
            messages = [await subscription.next_msg(timeout=10) for _ in range(there)]
        finally:
            await subscription.unsubscribe()
        return [kind.FromString(raw.data) for raw in messages if (raw.headers or {}).get("ce-subject") == owner_id]

    async def switch(self, platform: str, **switches: Any) -> None:
        """Makes a platform behave so; without switches, well."""
        async with httpx2.AsyncClient(base_url=self.sandbox.urls["index"]) as http:
            answer = await http.put(f"/api/{platform}/switches", json=switches)
        assert answer.status_code == 200, answer.text

    async def account(self, platform: str, name: str = "ada") -> dict[str, Any]:
        """Returns what an account at a platform shows, and how often its pictures were changed."""
        async with httpx2.AsyncClient(base_url=self.sandbox.urls["index"]) as http:
            return (await http.get(f"/api/{platform}/accounts/{name}")).json()

    async def struck(self, platform: str) -> bool:
        """Says whether a failure that was switched on for one call has met that call."""
        async with httpx2.AsyncClient(base_url=self.sandbox.urls["index"]) as http:
            switches = (await http.get(f"/api/{platform}/switches")).json()
        return bool(switches["times"] is None)

    async def changes(self, platform: str, slot: str = "avatar", name: str = "ada") -> int:
        changes: int = (await self.account(platform, name))[slot]["changes"]
        return changes


def _serves(address: str) -> Callable[[], Awaitable[bool]]:
    async def answers() -> bool:
        async with grpc.aio.insecure_channel(address) as channel:
            try:
                answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2)
            except grpc.aio.AioRpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return answers


def _is_ready(url: str) -> Callable[[], Awaitable[bool]]:
    async def answers() -> bool:
        async with httpx2.AsyncClient(base_url=url, timeout=5) as http:
            try:
                return (await http.get("/readyz")).status_code == 200
            except httpx2.TransportError:
                return False

    return answers


@asynccontextmanager
async def installed(folder: Path, *services: str) -> AsyncIterator[Installation]:
    """Runs the servers, the sandbox and these services (and whatever is started later) within the block."""
    async with AsyncExitStack() as open_things:
        stack = await open_things.enter_async_context(DevStack(folder / "devstack", durable=False))
        sandbox = await open_things.enter_async_context(Sandbox(folder / "sandbox", port=0))
        port = free_port()
        environment = {**without_our_settings(), **_settings(stack.endpoints, sandbox, port)}
        bus = Bus(BusSettings(nats_url=stack.endpoints.nats_url), name="test")
        installation = Installation(stack, sandbox, bus, folder, environment, f"http://127.0.0.1:{port}")
        await installation.run("migrate")
        await bus.start()
        open_things.push_async_callback(bus.stop)
        try:
            await installation.start(*services)
            yield installation
        finally:
            # All of them, also when one does not end as it should.
            ends = (process.end() for process in installation.processes.values())
            for problem in await asyncio.gather(*ends, return_exceptions=True):
                if isinstance(problem, BaseException):
                    raise problem


def _settings(endpoints: Endpoints, sandbox: Sandbox, port: int) -> dict[str, str]:
    addresses = {service.name.upper(): f"127.0.0.1:{free_port()}" for service in SERVICES if service.serves_grpc}
    return {
        **server_settings(endpoints),
        "LINKAROOIE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "LINKAROOIE_PORT": str(port),
        "LINKAROOIE_METRICS_PORT": "0",
        "LINKAROOIE_CONSUMER_ACK_WAIT_SECONDS": str(ACK_WAIT_SECONDS),
        "LINKAROOIE_SYNC_READ_TIMEOUT_SECONDS": "2",
        "LINKAROOIE_SYNC_WRITE_TIMEOUT_SECONDS": str(WRITE_TIMEOUT_SECONDS),
        # Everybody here has the same address.
        **{f"LINKAROOIE_GATEWAY_LIMIT_{limit.name}": "100000/minute" for limit in Limit if limit is not Limit.NONE},
        **{f"LINKAROOIE_{name}_GRPC_LISTEN": address for name, address in addresses.items()},
        **{f"LINKAROOIE_{name}_TARGET": address for name, address in addresses.items()},
        **platform_settings(sandbox),
        **new_secrets(),
    }
