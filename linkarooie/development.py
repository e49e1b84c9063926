"""`linkarooie dev`: the whole of Linkarooie on one machine, with servers, sandbox platforms and demo accounts."""

import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from devstack import DevStack, Endpoints
from devstack.errors import PortInUseError
from devstack.ports import who_listens_on
from linkarooie import __version__, processes
from linkarooie.secrets import new_secrets
from linkarooie.services import SERVICES
from sandbox import Sandbox
from servicekit import metrics
from servicekit.errors import AlreadyExistsError
from servicekit.identity import Role
from servicekit.ports import is_free
from servicekit.settings import SettingsError, load_settings
from servicekit.telemetry import set_up_logs, set_up_traces
from services.auth.operator import operator_of
from services.auth.settings import AuthSettings


@dataclass(frozen=True)
class DemoAccount:
    """An account that is there from the start. Its password is printed on the screen: it exists on this machine only."""

    email: str
    password: str
    name: str
    role: Role


DEMO = DemoAccount("demo@linkarooie.test", "one picture everywhere", "Demo Person", Role.USER)
DEMO_ADMIN = DemoAccount("admin@linkarooie.test", "somebody has to help", "Demo Admin", Role.ADMIN)
DEMO_ACCOUNTS = (DEMO, DEMO_ADMIN)

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
    _refuse_taken(ports)
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
                await _ensure_demo_accounts()
                _say_where(ports["PORT"], endpoints, sandbox, metrics_port, data, time.monotonic() - began)

            with metrics.served("127.0.0.1", metrics_port):
                await processes.serve(SERVICES, started=started)
                step("Stopping")
        finally:
            await sandbox.stop()


PORTS = {"PORT": 8080, "SANDBOX_PORT": 8090, "MAIL_PORT": 8025}
"""The ports that a person types, by the variable that changes them; all others are free ones."""
PURPOSES = {"PORT": "Linkarooie", "SANDBOX_PORT": "the sandbox platforms", "MAIL_PORT": "the caught mail"}


def _port(name: str, default: int) -> int:
    text = os.environ.get(f"LINKAROOIE_{name}", str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SettingsError(f"LINKAROOIE_{name} has to be a port, 1 to 65535; it is {text!r}")
    return int(text)


def _refuse_taken(ports: dict[str, int]) -> None:
    """Raises `PortInUseError` before anything is started, rather than after most of it was."""
    for name, port in ports.items():
        if not is_free(port):
            remedy = f"Stop that program, or set LINKAROOIE_{name} to another port."
            raise PortInUseError(port, PURPOSES[name], who_listens_on(port), remedy)


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
        "LINKAROOIE_UPLOAD_TRUSTED_HOSTS": hosts,
        **{f"LINKAROOIE_{name}": value for name, value in sandbox.settings.items()},
    }


def _secrets(path: Path) -> dict[str, str]:
    """Reads this installation's secrets, and makes those that it lacks. Only their owner can read the file."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    complete = {name: kept.get(name, made) for name, made in new_secrets().items()}
    if complete != kept:
        beside = path.with_suffix(".new")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(complete, file)
        beside.replace(path)
    return complete


async def _ensure_demo_accounts() -> None:
    """Makes the accounts that are missing. Their letters would be caught, but nobody has to open one first."""
    async with operator_of(load_settings(AuthSettings)) as operator:
        for demo in DEMO_ACCOUNTS:
            with contextlib.suppress(AlreadyExistsError):
                await operator.registration.create_confirmed(
                    email=demo.email, password=demo.password, display_name=demo.name, role=demo.role
                )


def _say_where(
    port: int, endpoints: Endpoints, sandbox: Sandbox, metrics_port: int, data: Path, seconds: float
) -> None:
    console.print(f"\n  [bold green]Linkarooie is ready[/bold green] after {seconds:.0f} s:")
    console.print(f"\n      [bold]http://127.0.0.1:{port}[/bold]\n")
    console.print(f"      e-mail    {DEMO.email}\n      password  {DEMO.password}\n")
    console.print(f"      as admin  {DEMO_ADMIN.email}\n      password  {DEMO_ADMIN.password}\n")
    console.print(f"  Sandbox platforms  {sandbox.urls['index']}   (their accounts, and switches that make them fail)")
    console.print(f"  Caught mail        {endpoints.mail_url}")
    console.print(f"  API                http://127.0.0.1:{port}/docs")
    console.print(f"  Metrics            http://127.0.0.1:{metrics_port}/metrics")
    console.print(f"  Data and logs      {data.resolve()}")
    console.print("\n  Ctrl-C stops everything; `make reset` clears the data.\n")
    sys.stdout.flush()
