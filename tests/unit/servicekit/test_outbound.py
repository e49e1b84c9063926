"""Where the guarded client goes, and where it does not."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore2
import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from servicekit import outbound
from servicekit.outbound import (
    AnswerTooLargeError,
    NoAnswerError,
    Outbound,
    OverdueError,
    RefusedHostError,
    TooManyRedirectsError,
    UnreachableError,
    is_public,
    origin_of,
)

PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "192.88.99.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fd00::1",
    "ff02::1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "not an address",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_the_public_internet_are_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.100.100.200/",
        "https://0.0.0.0/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://10.0.0.1/",
        "https://example.org:8222/",
        "http://example.org/",
        "https://someone:secret@example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://[",
    ],
)
async def test_it_does_not_go_where_a_stranger_must_not_lead_it(url: str) -> None:
    client = Outbound()
    with pytest.raises(RefusedHostError):
        await client.request("GET", url, timeout_seconds=2)
    await client.close()


async def test_a_name_with_one_private_address_among_others_is_refused() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["1.1.1.1", "10.0.0.1"]

    client = Outbound(resolve=resolve)
    with pytest.raises(RefusedHostError, match="not an address of the public internet"):
        await client.request("GET", "https://two-faced.example/", timeout_seconds=2)
    await client.close()


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        # Public at the first look, private at a second one.
        asked.append(host)
        return ["203.0.113.1" if len(asked) > 1 else "1.1.1.1"]

    connected: list[str] = []

    class Backend(httpcore2.AsyncNetworkBackend):
        async def connect_tcp(self, host: str, *arguments: object, **more: object) -> httpcore2.AsyncNetworkStream:
            connected.append(host)
            raise httpcore2.ConnectError("far enough")

    client = Outbound(resolve=resolve)
    guard = outbound._Guard(frozenset(), resolve)
    guard._backend = Backend()
    with pytest.raises(httpcore2.ConnectError):
        await guard.connect_tcp("rebinding.example", 443)
    await client.close()
    assert (asked, connected) == (["rebinding.example"], ["1.1.1.1"])


async def test_a_name_that_nobody_has_cannot_be_reached() -> None:
    client = Outbound()
    with pytest.raises(UnreachableError):
        await client.request("GET", "https://nobody-has-this.invalid/", timeout_seconds=5)
    await client.close()


# A server of our own, which an operator may trust.

ANSWERS = {
    b"/": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    b"/large": b"HTTP/1.1 200 OK\r\ncontent-length: 3000\r\n\r\n" + b"x" * 3000,
    b"/moved": b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
    b"/here": b"HTTP/1.1 301 Moved\r\nlocation: /large\r\ncontent-length: 0\r\n\r\n",
    b"/loop": b"HTTP/1.1 307 Moved\r\nlocation: /loop\r\ncontent-length: 0\r\n\r\n",
    b"/broken": b"HTTP/1.1 302 Found\r\nlocation: https://[\r\ncontent-length: 0\r\n\r\n",
    b"/cookie": b"HTTP/1.1 200 OK\r\nset-cookie: who=ada\r\ncontent-length: 0\r\n\r\n",
    b"/cut": b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello",
    b"/drop": b"",
}


@pytest.fixture
async def server() -> AsyncIterator[str]:
    hanging = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split(b" ")[1]
        if path == b"/hang":
            await hanging.wait()
        if path == b"/drip":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n")
            while not hanging.is_set() and not writer.is_closing():
                writer.write(b".")
                await asyncio.sleep(0.05)
        if path == b"/echo":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(request) + request)
        writer.write(ANSWERS.get(path, b""))
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()
    yield f"http://{host}:{port}"
    hanging.set()
    listening.close()
    await listening.wait_closed()


@pytest.fixture
async def trusting(server: str) -> AsyncIterator[Outbound]:
    client = Outbound(trusted_hosts=[server])
    yield client
    await client.close()


async def test_an_operator_may_name_a_host_of_the_own_network(server: str, trusting: Outbound) -> None:
    answer = await trusting.request("GET", f"{server}/", timeout_seconds=2)
    assert (answer.status, answer.text()) == (200, "hello")


async def test_trust_is_for_one_port(server: str, trusting: Outbound) -> None:
    with pytest.raises(RefusedHostError):
        await trusting.request("GET", "http://127.0.0.1:9/", timeout_seconds=2)


async def test_redirects_are_answers_and_not_followed(server: str, trusting: Outbound) -> None:
    assert (await trusting.request("GET", f"{server}/moved", timeout_seconds=2)).status == 302


async def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    server: str, trusting: Outbound, tmp_path: Path
) -> None:
    with pytest.raises(AnswerTooLargeError):
        await trusting.request("GET", f"{server}/large", timeout_seconds=2, max_bytes=1000)
    with pytest.raises(AnswerTooLargeError):
        await trusting.download(f"{server}/large", tmp_path / "file", timeout_seconds=2, max_bytes=1000)


@pytest.mark.parametrize("at_once", [1000, 256 * 1024])
async def test_a_download_ends_in_the_file(
    server: str, trusting: Outbound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(outbound, "WRITE_BYTES", at_once)
    status = await trusting.download(f"{server}/large", tmp_path / "file", timeout_seconds=2, max_bytes=9000)
    assert (status, (tmp_path / "file").read_bytes()) == (200, b"x" * 3000)


async def test_a_download_follows_redirects_when_it_is_told_to(server: str, trusting: Outbound, tmp_path: Path) -> None:
    asked = {"timeout_seconds": 2, "max_bytes": 9000}
    assert await trusting.download(f"{server}/here", tmp_path / "file", **asked) == 301
    assert await trusting.download(f"{server}/here", tmp_path / "file", **asked, max_redirects=1) == 200
    assert (tmp_path / "file").stat().st_size == 3000


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/moved", RefusedHostError),
        ("/broken", RefusedHostError),
        ("/loop", TooManyRedirectsError),
        ("/drip", OverdueError),
    ],
)
async def test_each_redirect_is_checked_like_the_first_address(
    server: str, trusting: Outbound, tmp_path: Path, path: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await trusting.download(
            f"{server}{path}", tmp_path / "file", timeout_seconds=0.4, max_bytes=9000, max_redirects=5
        )


async def test_what_a_host_sets_is_not_told_to_it_with_the_next_request(server: str, trusting: Outbound) -> None:
    await trusting.request("GET", f"{server}/cookie", timeout_seconds=2)
    echoed = await trusting.request("GET", f"{server}/echo", timeout_seconds=2)
    assert "user-agent" in echoed.text().lower()
    assert "cookie" not in echoed.text().lower()


@pytest.mark.parametrize("path", ["/hang", "/drip", "/drop", "/cut"])
async def test_what_was_sent_and_not_answered_is_unknown(server: str, trusting: Outbound, path: str) -> None:
    with pytest.raises(NoAnswerError):
        await trusting.request("POST", f"{server}{path}", timeout_seconds=0.4)


async def test_what_was_refused_at_the_door_was_not_sent() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    client = Outbound(trusted_hosts=[url])
    with pytest.raises(UnreachableError):
        await client.request("POST", url, timeout_seconds=2)
    await client.close()


async def test_proxies_of_the_environment_are_not_used(
    server: str, trusting: Outbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = Outbound(trusted_hosts=[server])
    assert (await client.request("GET", f"{server}/", timeout_seconds=2)).status == 200
    await client.close()


async def test_trust_does_not_spare_a_server_its_certificate(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_made_certificate(tmp_path, "127.0.0.1"))
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    host, port = listening.sockets[0].getsockname()
    client = Outbound(trusted_hosts=[f"{host}:{port}"])
    with pytest.raises(UnreachableError, match="certificate"):
        await client.request("GET", f"https://{host}:{port}/", timeout_seconds=2)
    await client.close()
    listening.close()
    await listening.wait_closed()


def self_made_certificate(directory: Path, name: str) -> Path:
    """Writes a key and a certificate that nobody but itself has signed into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = directory / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_every_error_of_the_library_is_translated() -> None:
    translated = (*outbound._NOTHING_SENT, httpx2.HTTPError, httpx2.StreamError)
    raised = {
        error
        for error in vars(httpx2).values()
        if isinstance(error, type) and issubclass(error, Exception) and not issubclass(error, Warning)
    }
    # Server-sent events are not read, and no cookies are looked up.
    unused = {getattr(httpx2, name) for name in ("SSEError", "CookieConflict") if hasattr(httpx2, name)}
    assert {error.__name__ for error in raised - unused if not issubclass(error, translated)} == set()


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Example.org/path", "example.org:443"),
        ("http://example.org", "example.org:80"),
        ("example.org:8443", "example.org:8443"),
        ("example.org", "example.org:443"),
        ("https://example.org:port", ""),
        ("", ""),
    ],
)
def test_hosts_are_named_with_their_port(text: str, origin: str) -> None:
    assert origin_of(text) == origin
