"""The one way out to hosts that somebody outside has named: a platform's server, a picture's address, a webhook.

A request goes to port 443 of public addresses over TLS, and nowhere else, unless an operator has named the host as
trusted. The address that is checked is the one that is connected to, so a name that resolves differently the second time gains
nothing. Redirects are followed by downloads alone, as far as they are told to, and each is checked like the first address. Proxies of
the environment are not used, cookies not kept; size and time are bounded.

    OutboundError
        RefusedHostError        we do not go there; nothing was sent
        UnreachableError        no connection came about; nothing was sent
        NoAnswerError           it was, or may have been, sent; what became of it is unknown
            OverdueError        because its time was over
        AnswerTooLargeError     there is an answer, and it is larger than we take
        TooManyRedirectsError   every answer sends us on
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urljoin, urlsplit

import httpcore2
import httpx2

USER_AGENT = "Linkarooie/1 (+https://github.com/linkarooie/linkarooie)"
HTTPS_PORT = 443
# What an API answers is small; pictures are fetched with their own limit.
ANSWER_MAX_BYTES = 1_000_000
# Apart from the limit of the whole call: a host that does not even accept the connection is given up sooner.
CONNECT_TIMEOUT_SECONDS = 5.0
# Of a download, what is written at once.
WRITE_BYTES = 256 * 1024
REDIRECTS = (301, 302, 303, 307, 308)

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# Counted as global by `ipaddress`, although nothing of ours is there: deprecated site-local, 6to4 relays.
_NEVER = (ipaddress.ip_network("fec0::/10"), ipaddress.ip_network("192.88.99.0/24"))
# IPv6 addresses that carry an IPv4 one, which a gateway would unwrap.
_CARRIERS = (
    ipaddress.ip_network("2002::/16"),
    ipaddress.ip_network("2001::/32"),
    ipaddress.ip_network("64:ff9b::/96"),
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("::/96"),
)


class OutboundError(Exception):
    """A request did not lead to an answer that can be used."""


class RefusedHostError(OutboundError):
    pass


class UnreachableError(OutboundError):
    pass


class NoAnswerError(OutboundError):
    pass


class OverdueError(NoAnswerError):
    pass


class AnswerTooLargeError(OutboundError):
    pass


class TooManyRedirectsError(OutboundError):
    pass


# The library's errors by what they tell of the request. What is not here has left us, or may have.
_NOTHING_SENT: tuple[type[Exception], ...] = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.LocalProtocolError,
    httpx2.UnsupportedProtocol,
    httpx2.InvalidURL,
    httpx2.ProxyError,
)


@dataclass(frozen=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def is_public(address: str) -> bool:
    """Tells whether an address belongs to the public internet, also one that is wrapped in another."""
    try:
        parsed: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return is_public(str(parsed.ipv4_mapped))
        if any(parsed in network for network in _CARRIERS):
            return False
    return parsed.is_global and not parsed.is_multicast and not any(parsed in network for network in _NEVER)


def origin_of(url: str) -> str:
    """Returns `host:port` of a URL or of `host[:port]`, in lower case, the way trusted hosts are written. Empty if there is no host."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    try:
        port = parts.port or (80 if parts.scheme == "http" else HTTPS_PORT)
    except ValueError:
        return ""
    return f"{parts.hostname}:{port}" if parts.hostname else ""


class Outbound:
    """A guarded HTTP client. Close it with `close`."""

    def __init__(
        self, *, trusted_hosts: Iterable[str] = (), resolve: Resolve | None = None, max_connections: int = 100
    ) -> None:
        """`trusted_hosts` are `host:port` or URLs that an operator allows although they are private or speak plain HTTP.

        Whoever comes when there are `max_connections` waits until one is free, as a part of its time.
        """
        self._trusted = frozenset(filter(None, map(origin_of, trusted_hosts)))
        transport = httpx2.AsyncHTTPTransport(trust_env=False)
        # The transport takes no network backend of its own, its pool does.
        transport._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=max_connections,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_Guard(self._trusted, resolve or _resolve),
        )
        self._client = httpx2.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            # One client serves many people: what a host has set in an answer to one must not be told of another.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            # Not compressed: what is counted is what arrives.
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        )

    def trusts(self, url: str) -> bool:
        """Tells whether an operator has named the host of this URL."""
        return origin_of(url) in self._trusted

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        json: object = None,
        content: bytes | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        max_bytes: int = ANSWER_MAX_BYTES,
    ) -> Answer:
        """Makes a request and returns its answer, whatever its status. Raises `OutboundError`."""
        arguments: dict[str, Any] = {  # as httpx2 takes them
            "headers": headers,
            "params": params,
            "data": data,
            "json": json,
            "content": content,
            "files": files,
        }
        async with self._opened(method, url, timeout_seconds, arguments) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > max_bytes:
                    raise AnswerTooLargeError(f"{_where(url)} answers with more than {max_bytes} bytes")
            return Answer(response.status_code, dict(response.headers), bytes(body))

    async def download(
        self, url: str, path: Path, *, timeout_seconds: float, max_bytes: int, max_redirects: int = 0
    ) -> int:
        """Fetches what is behind an address into a file and returns the status; the file is complete only for 200.

        So many redirects are followed within the time; without any, a redirect is a status like others. Raises `OutboundError`.
        """
        ends_at = time.monotonic() + timeout_seconds
        for _ in range(max_redirects + 1):
            time_left = ends_at - time.monotonic()
            if time_left <= 0:
                raise OverdueError(f"{_where(url)} gave no answer in time")
            status, target = await self._download(url, path, timeout_seconds=time_left, max_bytes=max_bytes)
            if max_redirects == 0 or target is None:
                return status
            url = target
        raise TooManyRedirectsError(f"{_where(url)} is where {max_redirects} redirects have led, and not the end")

    async def _download(
        self, url: str, path: Path, *, timeout_seconds: float, max_bytes: int
    ) -> tuple[int, str | None]:
        """Returns the status of one answer, and where it sends us."""
        async with self._opened("GET", url, timeout_seconds, {}) as response:
            if response.status_code in REDIRECTS and "location" in response.headers:
                return response.status_code, _joined(url, response.headers["location"])
            if response.status_code != 200:
                return response.status_code, None
            size, held = 0, bytearray()
            with path.open("wb") as file:
                async for chunk in response.aiter_bytes():
                    size += len(chunk)
                    if size > max_bytes:
                        raise AnswerTooLargeError(f"{_where(url)} holds more than {max_bytes} bytes")
                    held += chunk
                    if len(held) >= WRITE_BYTES:
                        await asyncio.to_thread(file.write, bytes(held))
                        held.clear()
                # What is small is written sooner than a thread is woken for it.
                file.write(held)
            return response.status_code, None

    @asynccontextmanager
    async def _opened(
        self, method: str, url: str, timeout_seconds: float, arguments: dict[str, Any]
    ) -> AsyncIterator[httpx2.Response]:
        self._check(url)
        limits = httpx2.Timeout(timeout_seconds, connect=min(CONNECT_TIMEOUT_SECONDS, timeout_seconds))
        try:
            # The library's limits are for each step; a host that drips would never meet them.
            async with asyncio.timeout(timeout_seconds):
                async with self._client.stream(method, url, timeout=limits, **arguments) as response:
                    yield response
        except _NOTHING_SENT as error:
            refusal = _refusal_in(error)
            if refusal is not None:
                raise refusal from error
            raise UnreachableError(f"{_where(url)} cannot be reached: {_words(error)}") from error
        except (httpx2.TimeoutException, TimeoutError) as error:
            raise OverdueError(f"{_where(url)} gave no answer in time") from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise NoAnswerError(f"{_where(url)} gave no answer: {_words(error)}") from error

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            httpx2.URL(url)
        except (ValueError, httpx2.InvalidURL) as error:
            raise RefusedHostError("the address cannot be read") from error
        if parts.username is not None or not origin_of(url):
            raise RefusedHostError("the address names no host, or names a user")
        if parts.scheme != "https" and not (parts.scheme == "http" and self.trusts(url)):
            raise RefusedHostError(f"{_where(url)} is not reached by https")

    async def close(self) -> None:
        await self._client.aclose()


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise RefusedHostError("the address of a redirect cannot be read") from error


def _where(url: str) -> str:
    """Names a host for the log: paths and queries may hold secrets."""
    return origin_of(url) or "the host"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


class _RefusedConnectError(httpcore2.ConnectError):
    """Carries a refusal through the HTTP library, which wraps what it does not know."""


def _refusal_in(error: BaseException | None) -> RefusedHostError | None:
    while error is not None:
        if isinstance(error, _RefusedConnectError):
            return RefusedHostError(str(error))
        error = error.__cause__ or error.__context__
    return None


class _Guard(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that it has resolved and checked itself."""

    def __init__(self, trusted: Collection[str], resolve: Resolve) -> None:
        self._trusted = trusted
        self._resolve = resolve
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,  # the library's own union
    ) -> httpcore2.AsyncNetworkStream:
        is_trusted = f"{host.lower()}:{port}" in self._trusted
        if port != HTTPS_PORT and not is_trusted:
            raise _RefusedConnectError(f"port {port} of {host} is not one that we connect to")
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"{host} was not resolved in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} cannot be resolved: {_words(error)}") from error
        if not is_trusted and not all(map(is_public, addresses)):
            raise _RefusedConnectError(f"{host} is not an address of the public internet")
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
