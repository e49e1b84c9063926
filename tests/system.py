"""A whole Linkarooie for tests: the servers and the sandbox here, each service a process of its own, and people who use it."""

import asyncio
import html
import io
import os
import re
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import grpc
import httpx2
import psutil
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image as Picture

from devstack import DevStack, Endpoints
from devstack.process import LAUNCHER, find_program, read_last_lines
from linkarooie.development import platform_settings
from linkarooie.processes import free_port
from linkarooie.secrets import new_secrets
from linkarooie.services import BY_NAME, SERVICES
from sandbox import Sandbox
from servicekit.bus import Bus
from servicekit.settings import BusSettings
from servicekit.subjects import subject_of

# Short, so that what a killed process leaves behind is taken over while the test waits.
ACK_WAIT_SECONDS = 3
PASSWORD = "one picture everywhere"
PLATFORMS = ("x", "mastodon", "bluesky")


async def eventually(
    check: Callable[[], Any], *, within_seconds: float = 30, every_seconds: float = 0.1, what: str = ""
) -> Any:
    """Calls `check` (plain or async) until it returns something true, and returns that; fails with its last answer after the deadline."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_seconds
    while True:
        answer = check()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        if loop.time() > deadline:
            raise AssertionError(
                f"{what or 'it'} did not come true within {within_seconds} s; the last answer was {answer!r}"
            )
        await asyncio.sleep(every_seconds)


def without_our_settings() -> dict[str, str]:
    """Returns this process's environment without what other tests, or a developer, set for Linkarooie."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LINKAROOIE_")}


class OwnProcess:
    """A process that ends with this one at the latest, in a session of its own, with its output in a file."""

    def __init__(self, command: Iterable[str | Path], *, environment: Mapping[str, str], cwd: Path, log: Path) -> None:
        self._command = [str(part) for part in command]
        self._environment = dict(environment)
        self._cwd = cwd
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Returns the number of the process, which has been started."""
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts the process; whether it is ready is for others to find out."""
        assert not self.runs
        launch = [sys.executable, "-I", "-S", LAUNCHER, os.getpid(), int(signal.SIGKILL), -1, -1, 0]
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(str(part) for part in [*launch, *self._command]),
                cwd=self._cwd,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def wait(self, *, within_seconds: float = 30) -> int:
        """Waits for the end of the process and returns its exit code."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), within_seconds)

    async def end(self, how: signal.Signals = signal.SIGTERM, *, within_seconds: float = 30) -> int | None:
        """Sends a signal, waits until the process and all that it started are gone, and returns the exit code.

        What is still there after the time is killed, and fails the test.
        """
        if not self.runs:
            return None
        started = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        os.kill(self.pid, how)
        late = []
        try:
            code = await self.wait(within_seconds=within_seconds)
            _, late = await asyncio.to_thread(psutil.wait_procs, started[1:], timeout=5)
        finally:
            for process in started:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            await self.wait()
        assert not late, f"left behind by {self._command}: {late}"
        return code

    def last_lines(self) -> str:
        return read_last_lines(self.log)


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
        assert process.runs, f"it ended while starting:\n{process.last_lines()}"
        return await answers()

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
            yield await Person.signed_up(http)

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
        "LINKAROOIE_NATS_URL": endpoints.nats_url,
        "LINKAROOIE_NATS_STORAGE_BYTES": str(1 << 30),
        "LINKAROOIE_S3_ENDPOINT": endpoints.s3_endpoint,
        "LINKAROOIE_S3_ACCESS_KEY": endpoints.s3_access_key,
        "LINKAROOIE_S3_SECRET_KEY": endpoints.s3_secret_key,
        "LINKAROOIE_S3_BUCKET": endpoints.s3_bucket,
        "LINKAROOIE_SMTP_HOST": endpoints.smtp_host,
        "LINKAROOIE_SMTP_PORT": str(endpoints.smtp_port),
        "LINKAROOIE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "LINKAROOIE_PORT": str(port),
        "LINKAROOIE_METRICS_PORT": "0",
        "LINKAROOIE_CONSUMER_ACK_WAIT_SECONDS": str(ACK_WAIT_SECONDS),
        # A lease outlives the longest call, and nobody takes over before it ends.
        "LINKAROOIE_SYNC_READ_TIMEOUT_SECONDS": "2",
        "LINKAROOIE_SYNC_WRITE_TIMEOUT_SECONDS": "4",
        # Everybody here has the same address.
        "LINKAROOIE_GATEWAY_LIMIT_SIGN_IN": "10000/minute",
        "LINKAROOIE_GATEWAY_LIMIT_GENERAL": "100000/minute",
        **{f"LINKAROOIE_{name.upper()}_DATABASE_URL": url for name, url in endpoints.postgres.items()},
        **{f"LINKAROOIE_{name}_GRPC_LISTEN": address for name, address in addresses.items()},
        **{f"LINKAROOIE_{name}_TARGET": address for name, address in addresses.items()},
        **platform_settings(sandbox),
        **new_secrets(),
    }


@dataclass(frozen=True)
class Person:
    """Somebody with an account, who uses the HTTP API."""

    http: httpx2.AsyncClient
    id: str
    email: str

    @classmethod
    async def signed_up(cls, http: httpx2.AsyncClient) -> "Person":
        """Registers somebody new and signs them in."""
        email = f"{uuid.uuid4().hex}@example.org"
        registration = {"email": email, "password": PASSWORD, "display_name": "Ada Rivers"}
        user = told(await http.post("/v1/auth/register", json=registration), 201)
        signed_in = told(await http.post("/v1/auth/login", json={"email": email, "password": PASSWORD}), 200)
        http.headers["authorization"] = f"Bearer {signed_in['access_token']}"
        return cls(http, user["id"], email)

    async def get(self, path: str) -> Any:
        """Reads, and again where a service that was just started is not found at once."""

        async def answered() -> httpx2.Response | None:
            answer = await self.http.get(path)
            return None if answer.status_code == 503 else answer

        return told(await eventually(answered, within_seconds=10), 200)

    async def send_picture(self, content: bytes, *, key: str | None = None) -> httpx2.Response:
        """Uploads a picture and returns whatever came back."""
        headers = {"idempotency-key": key or uuid.uuid4().hex}
        return await self.http.post("/v1/images", files={"file": ("photo.jpg", content)}, headers=headers)

    async def upload(self, content: bytes) -> str:
        """Uploads a picture, which is taken, and returns its id."""
        image_id: str = told(await self.send_picture(content), 201)["id"]
        return image_id

    async def ready(self, image_id: str, *, within_seconds: float = 30) -> dict[str, Any]:
        """Waits until a picture is ready."""

        async def is_ready() -> dict[str, Any] | None:
            image: dict[str, Any] = await self.get(f"/v1/images/{image_id}")
            assert image["state"] != "failed", image
            return image if image["state"] == "ready" else None

        image: dict[str, Any] = await eventually(is_ready, within_seconds=within_seconds, what=f"{image_id} ready")
        return image

    async def images(self) -> list[dict[str, Any]]:
        """Returns the whole library, newest first."""
        return [image async for image in self._all("/v1/images")]

    async def notices(self, kind: str) -> list[dict[str, Any]]:
        """Returns all notices of a kind, newest first."""
        return [notice async for notice in self._all("/v1/notices") if notice["kind"] == kind]

    async def _all(self, path: str) -> AsyncIterator[dict[str, Any]]:
        token = ""
        while True:
            page = await self.get(f"{path}?page_size=100&page_token={token}")
            for item in page["items"]:
                yield item
            token = page["next_page_token"]
            if not token:
                return

    async def connect(self, platform: str, *, account: str = "ada", instance: str = "") -> str:
        """Connects an account through the platform's own consent page and returns the connection's id."""
        wanted = {"platform": platform, "instance": instance}
        link = told(await self.http.post("/v1/connections", json=wanted), 200)["authorize_url"]
        async with httpx2.AsyncClient(timeout=30) as browser:
            page = await browser.get(link)
            assert page.status_code == 200, page.text
            action, hidden = consent_form(page.text)
            answer = {**hidden, "account": account, "decision": "allow"}
            sent_back = await browser.post(urljoin(link, action), data=answer)
        assert sent_back.status_code in (302, 303), sent_back.text
        arrived = await self.http.get(sent_back.headers["location"])
        assert arrived.status_code == 303, arrived.text
        where = urlsplit(arrived.headers["location"])
        assert "connected" in parse_qs(where.query), where.query
        [connection_id] = parse_qs(where.query)["connected"]
        return connection_id

    async def sync(self, image_id: str, *connection_ids: str, slot: str = "avatar") -> str:
        """Asks for a picture to be shown and returns the sync's id."""
        wanted = {"image_id": image_id, "slot": slot, "connection_ids": connection_ids}
        sync_id: str = told(await self.http.post("/v1/syncs", json=wanted), 202)["id"]
        return sync_id

    async def target(self, sync_id: str, platform: str) -> dict[str, Any]:
        """Returns a sync's target on a platform."""
        [target] = [one for one in (await self.get(f"/v1/syncs/{sync_id}"))["targets"] if one["platform"] == platform]
        found: dict[str, Any] = target
        return found

    async def comes_to(
        self, sync_id: str, platform: str, *states: str, within_seconds: float = 60, reason: str | None = None
    ) -> dict[str, Any]:
        """Waits until a target is in one of the states (with this reason), and returns it."""
        seen: list[tuple[str, str | None]] = []

        async def is_there() -> dict[str, Any] | None:
            target = await self.target(sync_id, platform)
            now = target["state"], (target["reason"] or {}).get("code")
            if now not in seen[-1:]:
                seen.append(now)
            return target if now[0] in states and reason in (None, now[1]) else None

        try:
            target: dict[str, Any] = await eventually(is_there, within_seconds=within_seconds)
        except AssertionError as error:
            raise AssertionError(f"{platform} did not come to {states}; it was {seen}") from error
        return target

    async def connect_all(self, sandbox: Sandbox, *, account: str = "ada", only: str | None = None) -> None:
        """Connects this account on every platform of the sandbox, or on one of them."""
        for platform in (only,) if only else PLATFORMS:
            instance = urlsplit(sandbox.urls[platform]).netloc if platform == "mastodon" else ""
            await self.connect(platform, account=account, instance=instance)


def told(answer: httpx2.Response, status: int) -> Any:
    """Returns what an answer says; fails with all of it when its status is another."""
    assert answer.status_code == status, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
    return answer.json()


def consent_form(page: str) -> tuple[str, dict[str, str]]:
    """Reads the form of a consent page: where it goes, and its hidden fields."""
    [action] = re.findall(r'<form method="post" action="([^"]*)"', page)
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return html.unescape(action), {name: html.unescape(value) for name, value in fields}


def unlike_any_other() -> bytes:
    """Returns a picture that no other resembles: large soft spots of random colours."""
    file = io.BytesIO()
    spots = Picture.frombytes("RGB", (9, 6), os.urandom(9 * 6 * 3))
    spots.resize((1200, 800), Picture.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def photograph(name: str = "china.jpg") -> bytes:
    """Returns a real photograph, 640 × 427: china.jpg or flower.jpg."""
    package = find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("datasets").joinpath("images", name).read_bytes()
