"""The running servers, as their clients see them."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import aiosmtplib
import httpx2
import nats
import nats.errors
import psutil
import psycopg
import pytest
import urllib3
from minio import Minio
from minio.error import S3Error

from devstack import SERVICES, DevStack, Endpoints
from devstack.leftovers import find_leftovers


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevStack]:
    async with DevStack(tmp_path_factory.mktemp("devstack"), durable=False) as running:
        yield running


@pytest.fixture
def endpoints(running: DevStack) -> Endpoints:
    return running.endpoints


def folder_of(running: DevStack) -> Path:
    return running._folder.path


async def connect(url: str) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(url.replace("+psycopg", ""), autocommit=True)


def open_store(endpoints: Endpoints, secret_key: str | None = None) -> Minio:
    return Minio(
        endpoints.s3_endpoint.removeprefix("http://"),
        endpoints.s3_access_key,
        secret_key or endpoints.s3_secret_key,
        secure=False,
        region="us-east-1",
        http_client=urllib3.PoolManager(retries=False, timeout=20),
    )


async def test_everything_listens_on_loopback_alone(running: DevStack, endpoints: Endpoints):
    servers = find_leftovers(folder_of(running))
    assert {"postgres", "nats-server", "weed"} <= {server.name() for server in servers}
    # This process holds the mail catcher, and may hold servers of other tests.
    addresses = {
        ip_address(connection.laddr.ip)
        for process in [*servers, psutil.Process()]
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses
    assert all((getattr(address, "ipv4_mapped", None) or address).is_loopback for address in addresses), addresses


async def test_a_second_start_changes_nothing(running: DevStack, endpoints: Endpoints):
    assert await running.start() == endpoints


async def test_no_secret_shows_in_the_representation(endpoints: Endpoints):
    shown = repr(endpoints)
    secrets = [urlsplit(url).password for url in (*endpoints.postgres.values(), endpoints.nats_url)]
    assert not [secret for secret in [*secrets, endpoints.s3_secret_key] if secret is None or secret in shown]


@pytest.mark.parametrize("service", SERVICES)
async def test_a_role_makes_tables_in_its_schema_and_nowhere_else(endpoints: Endpoints, service: str):
    async with await connect(endpoints.postgres[service]) as connection:
        await connection.execute(f"CREATE TABLE {service}.own (id int)")
        await connection.execute(f"SELECT * FROM {service}.own")
        await connection.execute(f"DROP TABLE {service}.own")
        for elsewhere in ("public.other", "notify.other" if service != "notify" else "auth.other"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(f"CREATE TABLE {elsewhere} (id int)")
        for statement in ("CREATE SCHEMA mine", "CREATE TEMPORARY TABLE t (id int)", "CREATE ROLE r"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(statement)


async def test_a_role_cannot_read_another_schema(endpoints: Endpoints):
    async with await connect(endpoints.postgres["auth"]) as owner:
        await owner.execute("CREATE TABLE auth.credentials (secret text)")
    async with await connect(endpoints.postgres["profile"]) as stranger:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="schema auth"):
            await stranger.execute("SELECT * FROM auth.credentials")


async def test_a_role_enters_no_other_database(endpoints: Endpoints):
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        await connect(endpoints.postgres["auth"].replace("/linkarooie", "/postgres"))


async def test_postgres_asks_for_the_password(endpoints: Endpoints):
    password = urlsplit(endpoints.postgres["auth"]).password or ""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        await connect(endpoints.postgres["auth"].replace(password, "wrong"))


async def test_the_admin_may_do_everything(endpoints: Endpoints):
    async with await connect(endpoints.postgres_admin) as connection:
        row = await (await connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")).fetchone()
        assert row == (True,)
        row = await (await connection.execute("SHOW fsync")).fetchone()
        assert row == ("off",)


async def test_postgres_never_runs_as_root(running: DevStack):
    owners = {process.uids().real for process in find_leftovers(folder_of(running)) if process.name() == "postgres"}
    assert owners
    assert 0 not in owners


async def ignore(_: Exception) -> None:
    """Keeps the client from logging what the tests provoke."""


async def test_nats_asks_for_the_password(endpoints: Endpoints):
    password = urlsplit(endpoints.nats_url).password or ""
    errors: list[Exception] = []

    async def note(error: Exception) -> None:
        errors.append(error)

    with pytest.raises(nats.errors.NoServersError):
        await nats.connect(
            endpoints.nats_url.replace(password, "wrong"),
            max_reconnect_attempts=1,
            reconnect_time_wait=0.02,
            error_cb=note,
        )
    assert "Authorization Violation" in str(errors[0])


@pytest.mark.parametrize("kill", [False, True])
async def test_nats_comes_back_on_the_same_port_with_its_messages(running: DevStack, endpoints: Endpoints, kill: bool):
    stream = f"kept_{kill}"
    reconnected = asyncio.Event()

    async def note() -> None:
        reconnected.set()

    client = await nats.connect(
        endpoints.nats_url,
        reconnect_time_wait=0.05,
        max_reconnect_attempts=-1,
        error_cb=ignore,
        reconnected_cb=note,
    )
    try:
        jetstream = client.jetstream()
        await jetstream.add_stream(name=stream, subjects=[f"{stream}.>"])
        await jetstream.publish(f"{stream}.one", b"payload")
        await running.stop_nats(kill=kill)
        with pytest.raises(OSError):  # noqa: PT011 - refused, however the system words it
            await asyncio.open_connection("127.0.0.1", urlsplit(endpoints.nats_url).port)
        await running.start_nats()
        await asyncio.wait_for(reconnected.wait(), 20)
        assert (await jetstream.get_msg(stream, 1)).data == b"payload"
    finally:
        await client.close()


@pytest.mark.parametrize("kill", [False, True])
async def test_postgres_comes_back_on_the_same_port_with_its_rows(running: DevStack, endpoints: Endpoints, kill: bool):
    table = f"sync.kept_{kill}"
    async with await connect(endpoints.postgres["sync"]) as connection:
        await connection.execute(f"CREATE TABLE {table} AS SELECT 42 AS answer")
    # Like a service's pool: a session that is open while the server goes.
    lasting = await connect(endpoints.postgres["sync"])
    await running.stop_postgres(kill=kill)
    with pytest.raises(psycopg.OperationalError):
        await lasting.execute("SELECT 1")
    await lasting.close()
    with pytest.raises(psycopg.OperationalError):
        await connect(endpoints.postgres["sync"])
    await running.start_postgres()
    async with await connect(endpoints.postgres["sync"]) as connection:
        assert await (await connection.execute(f"SELECT answer FROM {table}")).fetchone() == (42,)


async def test_starting_a_server_that_runs_does_nothing(running: DevStack):
    before = {process.pid for process in find_leftovers(folder_of(running)) if process.name() == "nats-server"}
    await running.start_nats()
    await running.start_postgres()
    assert {process.pid for process in find_leftovers(folder_of(running)) if process.name() == "nats-server"} == before


async def test_the_bucket_takes_and_gives_objects(endpoints: Endpoints):
    store = open_store(endpoints)
    body = os.urandom(6 * 1024 * 1024)
    store.put_object(endpoints.s3_bucket, "a/ü.png", io.BytesIO(body), len(body), content_type="image/png")
    answer = store.get_object(endpoints.s3_bucket, "a/ü.png")
    assert answer.read() == body
    answer.close()
    answer.release_conn()
    assert [found.object_name for found in store.list_objects(endpoints.s3_bucket, recursive=True)] == ["a/ü.png"]


async def test_the_applications_key_reaches_its_bucket_alone(endpoints: Endpoints):
    store = open_store(endpoints)
    for attempt in (
        lambda: store.make_bucket("other"),
        lambda: store.put_object("other", "key", io.BytesIO(b"x"), 1),
        lambda: store.remove_bucket(endpoints.s3_bucket),
    ):
        with pytest.raises(S3Error) as refused:
            attempt()
        assert refused.value.code == "AccessDenied"


async def test_the_object_store_asks_for_the_secret(endpoints: Endpoints):
    with pytest.raises(S3Error) as refused:
        open_store(endpoints, "wrong").put_object(endpoints.s3_bucket, "key", io.BytesIO(b"x"), 1)
    assert refused.value.code == "SignatureDoesNotMatch"
    with httpx2.Client() as anonymous:
        assert anonymous.get(f"{endpoints.s3_endpoint}/{endpoints.s3_bucket}").status_code == 403


async def test_a_sent_letter_can_be_read_in_the_browser_and_by_tests(endpoints: Endpoints):
    message = EmailMessage()
    message["Subject"] = "Confirm your address"
    message["From"] = "Linkarooie <no-reply@example.org>"
    message["To"] = "Ada <ada@example.org>"
    message.set_content("Go to https://example.org/verify")
    message.add_alternative("<p>Go <a href='https://example.org/verify'>there</a></p>", subtype="html")
    await aiosmtplib.send(message, hostname=endpoints.smtp_host, port=endpoints.smtp_port)
    async with httpx2.AsyncClient(base_url=endpoints.mail_url) as browser:
        [letter] = (await browser.get("/api/letters", params={"to": "ada@example.org"})).json()
        assert (letter["subject"], letter["from"]) == ("Confirm your address", "no-reply@example.org")
        assert "Confirm your address" in (await browser.get("/")).text
        page = await browser.get(f"/letters/{letter['id']}")
        assert 'href="https://example.org/verify"' in page.text


async def test_a_letter_that_cannot_be_kept_is_refused_so_that_it_is_sent_again(
    running: DevStack, endpoints: Endpoints
):
    mail = folder_of(running) / "mail"
    aside = mail.rename(mail.with_name("mail.aside")) if mail.exists() else None
    mail.touch()  # a file where the folder should be: no write can succeed
    try:
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await aiosmtplib.send(
                b"Subject: lost?\r\n\r\n",
                sender="a@example.org",
                recipients=["b@example.org"],
                hostname=endpoints.smtp_host,
                port=endpoints.smtp_port,
            )
        assert refused.value.code == 452
    finally:
        mail.unlink()
        if aside is not None:
            aside.rename(mail)
