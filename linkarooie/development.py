"""`linkarooie dev`: the whole of Linkarooie on one machine, with servers, sandbox platforms and a demo account."""

import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from rich.console import Console

from devstack import DevStack, Endpoints
from linkarooie import __version__, processes
from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from linkarooie.secrets import new_secrets
from linkarooie.services import SERVICES
from sandbox import Sandbox
from servicekit import metrics
from servicekit.settings import SettingsError
from servicekit.telemetry import set_up_logs, set_up_traces

DEMO_EMAIL = "demo@linkarooie.test"
DEMO_PASSWORD = "one picture everywhere"  # noqa: S105  # printed on the screen; the account exists on this machine only
DEMO_NAME = "Demo Person"

console = Console(highlight=False, soft_wrap=True)


def run(data: Path, *, verbose: bool) -> None:
    """Starts everything, prints where to go, and runs until Ctrl-C.

    Raises `DevStackError`, `SandboxError` or `OSError` with a message for people when something is in the way.
    """
    set_up_logs(level="info" if verbose else "error", format="console")
    send_traces = set_up_traces(service="dev", version=__version__)
    try:
        processes.in_event_loop(_run(data))
    finally:
        send_traces()


async def _run(data: Path) -> None:
    began = time.monotonic()
    ports = {name: _port(name, default) for name, default in PORTS.items()}
    step("Starting Postgres, NATS, S3 and the mail catcher")
    async with DevStack(data, mail_port=ports["MAIL_PORT"]) as stack:
        endpoints = stack.endpoints
        step("Starting the sandbox platforms")
        sandbox = Sandbox(data / "sandbox", port=ports["SANDBOX_PORT"])
        await sandbox.start()
        try:
            _set_environment(data, endpoints, sandbox, ports)
            step("Bringing databases and message bus up to date")
            await processes.prepare()
            step("Starting the services")
            metrics_port = _port("METRICS_PORT", processes.free_port())

            async def started() -> None:
                await _ensure_demo_account()
                _say_where(ports["PORT"], endpoints, sandbox, metrics_port, data, time.monotonic() - began)

            with metrics.served("127.0.0.1", metrics_port):
                await processes.serve(SERVICES, started=started)
                step("Stopping")
        finally:
            await sandbox.stop()


PORTS = {"PORT": 8080, "SANDBOX_PORT": 8090, "MAIL_PORT": 8025}
"""The ports that a person types, by the variable that changes them; all others are free ones."""


def _port(name: str, default: int) -> int:
    text = os.environ.get(f"LINKAROOIE_{name}", str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SettingsError(f"LINKAROOIE_{name} has to be a port, 1 to 65535; it is {text!r}")
    return int(text)


def step(text: str) -> None:
    console.print(f"  [cyan]·[/cyan] {text} …")
    sys.stdout.flush()


def _set_environment(data: Path, endpoints: Endpoints, sandbox: Sandbox, ports: dict[str, int]) -> None:
    """Tells the services what they would be told by an operator; what is set already stays."""
    found = {
        **server_settings(endpoints),
        "LINKAROOIE_PUBLIC_URL": f"http://127.0.0.1:{ports['PORT']}",
        "LINKAROOIE_PORT": str(ports["PORT"]),
        **platform_settings(sandbox),
        **_secrets(data / "keys.json"),
    }
    for name, value in found.items():
        os.environ.setdefault(name, value)
    processes.share_one_process()


def server_settings(endpoints: Endpoints) -> dict[str, str]:
    """Points the services to the servers of a devstack."""
    return {
        "LINKAROOIE_NATS_URL": endpoints.nats_url,
        # A quarter of what the devstack's NATS may take.
        "LINKAROOIE_NATS_STORAGE_BYTES": str(1 << 30),
        "LINKAROOIE_S3_ENDPOINT": endpoints.s3_endpoint,
        "LINKAROOIE_S3_ACCESS_KEY": endpoints.s3_access_key,
        "LINKAROOIE_S3_SECRET_KEY": endpoints.s3_secret_key,
        "LINKAROOIE_S3_BUCKET": endpoints.s3_bucket,
        "LINKAROOIE_SMTP_HOST": endpoints.smtp_host,
        "LINKAROOIE_SMTP_PORT": str(endpoints.smtp_port),
        **{f"LINKAROOIE_{name.upper()}_DATABASE_URL": url for name, url in endpoints.postgres.items()},
    }


def platform_settings(sandbox: Sandbox) -> dict[str, str]:
    """Points the services to the sandbox, as an operator points them to the real sites: by addresses and keys alone."""
    hosts = " ".join(urlsplit(url).netloc for name, url in sandbox.urls.items() if name != "index")
    return {
        "LINKAROOIE_SYNC_TRUSTED_HOSTS": hosts,
        "LINKAROOIE_AUTH_TRUSTED_HOSTS": hosts,
        **{f"LINKAROOIE_{name}": value for name, value in sandbox.settings.items()},
    }


def _secrets(path: Path) -> dict[str, str]:
    """Reads this installation's secrets; makes them at the first start. Only their owner can read the file."""
    if path.exists():
        kept: dict[str, str] = json.loads(path.read_text())
        return kept
    made = new_secrets()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(made, file)
    return made


async def _ensure_demo_account() -> None:
    async with grpc.aio.insecure_channel(os.environ["LINKAROOIE_AUTH_TARGET"]) as channel:
        request = auth_pb2.RegisterRequest(email=DEMO_EMAIL, password=DEMO_PASSWORD, display_name=DEMO_NAME)
        try:
            await auth_pb2_grpc.AuthServiceStub(channel).Register(request, timeout=30)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise


def _say_where(
    port: int, endpoints: Endpoints, sandbox: Sandbox, metrics_port: int, data: Path, seconds: float
) -> None:
    console.print(f"\n  [bold green]Linkarooie is ready[/bold green] after {seconds:.0f} s:")
    console.print(f"\n      [bold]http://127.0.0.1:{port}[/bold]\n")
    console.print(f"      e-mail    {DEMO_EMAIL}\n      password  {DEMO_PASSWORD}\n")
    console.print(f"  Sandbox platforms  {sandbox.urls['index']}   (their accounts, and switches that make them fail)")
    console.print(f"  Caught mail        {endpoints.mail_url}")
    console.print(f"  API                http://127.0.0.1:{port}/docs")
    console.print(f"  Metrics            http://127.0.0.1:{metrics_port}/metrics")
    console.print(f"  Data and logs      {data.resolve()}")
    console.print("\n  Ctrl-C stops everything; `make reset` clears the data.\n")
    sys.stdout.flush()
