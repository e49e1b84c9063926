"""Starting, stopping, and what may get in the way."""

import asyncio
import io
import os
import pwd
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiosmtplib
import httpx2
import nats
import psutil
import psycopg
import pytest
import urllib3
from minio import Minio

from devstack import DataFolderError, DevStack, PortInUseError, ServerFailedError, StackRunningError, reset
from devstack.leftovers import find_leftovers
from linkarooie.processes import free_port
from servicekit.ports import listen_on

RUN_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from devstack import DevStack

async def main():
    async with DevStack(Path(sys.argv[1]), durable=False):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@contextmanager
def running_elsewhere(folder: Path, user: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a stack in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", RUN_UNTIL_KILLED, folder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, user=user, env=environment)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def sleeping(user: int) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a process of a user that has nothing to do with us."""
    process = subprocess.Popen(["sleep", "600"], user=user if os.geteuid() == 0 else None)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def folder(tmp_path: Path):
    folder = tmp_path / "data"
    yield folder
    assert find_leftovers(folder) == []


def make_stack(folder: Path, **options: object) -> DevStack:
    return DevStack(folder, durable=False, **options)  # type: ignore[arg-type]  # the options of one test each


async def query(url: str, statement: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = await connection.execute(statement)
        return await cursor.fetchall() if cursor.description else []


async def test_a_restart_keeps_ports_and_data_of_every_server(folder: Path):
    async with make_stack(folder) as stack:
        first = stack.endpoints
        await query(first.postgres["upload"], "CREATE TABLE upload.kept AS SELECT 7 AS value")
        client = await nats.connect(first.nats_url)
        await client.jetstream().add_stream(name="kept", subjects=["kept"])
        await client.jetstream().publish("kept", b"message")
        await client.close()
        store(first.s3_endpoint, first.s3_access_key, first.s3_secret_key).put_object(
            first.s3_bucket, "kept", io.BytesIO(b"object"), 6
        )
        await aiosmtplib.send(
            b"Subject: kept\r\n\r\n",
            sender="a@example.org",
            recipients=["b@example.org"],
            hostname=first.smtp_host,
            port=first.smtp_port,
        )
    assert find_leftovers(folder) == []
    async with make_stack(folder) as stack:
        again = stack.endpoints
        assert again == first
        assert await query(again.postgres["upload"], "SELECT value FROM upload.kept") == [(7,)]
        client = await nats.connect(again.nats_url)
        assert (await client.jetstream().get_msg("kept", 1)).data == b"message"
        await client.close()
        assert read_object(again.s3_endpoint, again.s3_access_key, again.s3_secret_key) == b"object"
        async with httpx2.AsyncClient() as browser:
            assert [letter["subject"] for letter in (await browser.get(f"{again.mail_url}/api/letters")).json()] == [
                "kept"
            ]


async def test_a_server_whose_port_was_taken_meanwhile_moves_with_its_data(folder: Path):
    async with make_stack(folder) as stack:
        first = stack.endpoints
        store(first.s3_endpoint, first.s3_access_key, first.s3_secret_key).put_object(
            first.s3_bucket, "kept", io.BytesIO(b"object"), 6
        )
    with listen_on(int(first.s3_endpoint.rpartition(":")[2])):
        async with make_stack(folder) as stack:
            moved = stack.endpoints
            assert moved.s3_endpoint != first.s3_endpoint
            assert read_object(moved.s3_endpoint, moved.s3_access_key, moved.s3_secret_key) == b"object"


def store(endpoint: str, access_key: str, secret_key: str) -> Minio:
    pool = urllib3.PoolManager(retries=False, timeout=20)
    return Minio(
        endpoint.removeprefix("http://"), access_key, secret_key, secure=False, region="us-east-1", http_client=pool
    )


def read_object(endpoint: str, access_key: str, secret_key: str) -> bytes:
    answer = store(endpoint, access_key, secret_key).get_object("linkarooie", "kept")
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


async def test_a_killed_run_leaves_nothing_that_the_next_start_does_not_end(folder: Path):
    with running_elsewhere(folder) as process:
        servers = find_leftovers(folder)
        # A stopped process obeys no signal but SIGKILL, so these outlive their parent for certain.
        for server in servers:
            server.suspend()
        process.kill()
        process.wait()
        assert all(server.is_running() for server in servers)
    said: list[str] = []
    async with make_stack(folder, report=said.append) as stack:
        assert said[0] == "Ended the servers of a run that was killed"
        # A zombie without a parent to collect it is gone as well.
        assert not [s for s in servers if s.is_running() and s.status() != psutil.STATUS_ZOMBIE]
        assert await query(stack.endpoints.postgres_admin, "SELECT 1") == [(1,)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
async def test_the_servers_of_a_killed_run_end_by_themselves(folder: Path):
    with running_elsewhere(folder) as process:
        servers = find_leftovers(folder)
        assert {server.name() for server in servers} == {"postgres", "nats-server", "weed"}
        process.kill()
        process.wait()
        gone, alive = await asyncio.to_thread(psutil.wait_procs, servers, timeout=30)
    assert alive == []
    assert len(gone) == len(servers)


async def test_a_stale_pid_file_that_names_a_living_stranger_does_not_block(folder: Path):
    async with make_stack(folder) as stack:
        await stack.stop_postgres(kill=True)
        pid_file = folder / "postgres" / "postmaster.pid"
        # Postgres believes the file only where it may signal the process: one of the same user.
        with sleeping(user=pid_file.stat().st_uid) as stranger:
            lines = pid_file.read_text().splitlines()
            pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
            await stack.start_postgres()
            assert await query(stack.endpoints.postgres_admin, "SELECT 1") == [(1,)]
            assert stranger.poll() is None


async def test_a_second_stack_on_the_same_data_is_refused_and_the_first_goes_on(folder: Path):
    with running_elsewhere(folder) as process:
        with pytest.raises(StackRunningError) as refused:
            await make_stack(folder).start()
        assert refused.value.pid == process.pid
        with pytest.raises(StackRunningError):
            reset(folder)
        assert len(find_leftovers(folder)) >= 3
    reset(folder)


async def test_a_taken_mail_port_is_named_with_its_holder_and_the_next_start_works(folder: Path):
    port = free_port()
    with listen_on(port):
        with pytest.raises(PortInUseError, match=rf"Port {port} .*\(process {os.getpid()}\).*LINKAROOIE_MAIL_PORT"):
            await make_stack(folder, mail_port=port).start()
        assert find_leftovers(folder) == []
    async with make_stack(folder, mail_port=port) as stack:
        assert stack.endpoints.mail_url == f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient() as browser:
            assert (await browser.get(stack.endpoints.mail_url)).status_code == 200


async def test_a_server_that_dies_at_the_start_is_quoted_and_the_next_start_works(folder: Path):
    async with make_stack(folder):
        pass
    nats_data = folder / "nats"
    nats_data.rename(folder / "nats.aside")
    nats_data.write_text("not a folder")
    with pytest.raises(ServerFailedError, match="NATS ended while starting") as failed:
        await make_stack(folder).start()
    assert failed.value.log == folder / "logs" / "nats.log"
    assert "directory" in str(failed.value)
    assert find_leftovers(folder) == []
    nats_data.unlink()
    (folder / "nats.aside").rename(nats_data)
    async with make_stack(folder):
        pass


async def test_lost_passwords_are_explained(folder: Path):
    async with make_stack(folder):
        pass
    (folder / "secrets.json").unlink()
    with pytest.raises(DataFolderError, match=r"does not know the password in .*secrets\.json"):
        await make_stack(folder).start()


async def test_a_cancelled_first_start_leaves_nothing_and_can_be_repeated(folder: Path):
    making_the_database = asyncio.Event()
    starting = asyncio.create_task(make_stack(folder, report=lambda _: making_the_database.set()).start())
    await asyncio.wait_for(making_the_database.wait(), 30)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert find_leftovers(folder) == []
    async with make_stack(folder) as stack:
        assert await query(stack.endpoints.postgres_admin, "SELECT 1") == [(1,)]


async def test_a_stack_can_be_stopped_twice_and_started_again(folder: Path):
    stack = make_stack(folder)
    first = await stack.start()
    await stack.stop()
    await stack.stop()
    assert await stack.start() == first
    await stack.stop()


async def test_a_long_path_with_spaces_and_quotes_works(tmp_path: Path):
    folder = tmp_path / "my 'data' \"é\"" / ("x" * 120) / "data"
    async with make_stack(folder) as stack:
        assert await query(stack.endpoints.postgres_admin, "SHOW data_directory") == [(str(folder / "postgres"),)]
    assert find_leftovers(folder) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run Postgres as another user")
async def test_root_may_keep_the_data_where_only_root_can_go(tmp_path: Path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    async with make_stack(private / "data") as stack:
        assert await query(stack.endpoints.postgres_admin, "SELECT 1") == [(1,)]
        owners = {p.username() for p in find_leftovers(private) if p.name() == "postgres"}
    assert owners == {"nobody"}
    assert private.stat().st_mode & 0o777 == 0o700


def ordinary_user_can_run_us() -> bool:
    """Says whether another user could run this interpreter and reach these packages."""
    places = (Path(sys.executable).resolve(), Path(psycopg.__file__).resolve(), Path(__file__).resolve())
    return os.geteuid() == 0 and all(parent.stat().st_mode & 1 for place in places for parent in place.parents)


@pytest.mark.skipif(not ordinary_user_can_run_us(), reason="needs root, and an interpreter that others may run")
async def test_an_ordinary_user_runs_everything_as_itself():
    user = pwd.getpwnam("nobody").pw_uid
    # Not in tmp_path, whose parents are private to root.
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, user, -1)
        with running_elsewhere(Path(home) / "data", user=user) as process:
            servers = find_leftovers(Path(home))
            assert {server.uids().real for server in servers} == {user}
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
            assert find_leftovers(Path(home)) == []
