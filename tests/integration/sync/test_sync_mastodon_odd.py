"""Servers that a person has named and that are not what they should be: bounded, told apart, and never quoted with our secrets."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from catalog import load_catalogue
from servicekit.errors import InvalidInputError
from servicekit.ids import utc_now
from services.sync.domain import outcomes as o
from services.sync.domain.connection import RemoteAccount
from services.sync.domain.outcomes import PlatformError
from services.sync.platforms.base import Adapter, AdapterContext, Picture, Session, find_builders

CALLBACK = "http://127.0.0.1:8080/v1/connections/callback/mastodon"
READ_SECONDS = 1.0
TOKEN = "a-token-that-nobody-else-may-see"
PICTURE = Picture(b"a file", "image/jpeg", "0")

Play = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Registrations:
    kept: dict[str, Mapping[str, str]] = field(default_factory=dict)

    async def load(self, platform: str, instance: str) -> Mapping[str, str] | None:
        return self.kept.get(instance)

    async def save(self, platform: str, instance: str, values: Mapping[str, str]) -> None:
        self.kept[instance] = values


@dataclass
class Server:
    """A server on this machine, and an adapter that may go there."""

    host: str
    adapter: Adapter

    def session(self) -> Session:
        keys = {"server": f"http://{self.host}", "client_id": "id", "client_secret": "sealed-secret"}
        return Session(RemoteAccount("1", "@ada", "", self.host), {**keys, "access_token": TOKEN})

    async def begin(self) -> str:
        """Begins to connect an account there; returns the sentence with which that is refused."""
        with pytest.raises(InvalidInputError) as caught:
            async with asyncio.timeout(10):
                await self.adapter.begin_auth(callback_url=CALLBACK, state="state", instance=self.host)
        assert caught.value.reason == "INSTANCE_UNREACHABLE"
        return caught.value.message

    async def problem(self, call: Awaitable[object]) -> o.Problem:
        with pytest.raises(PlatformError) as caught:
            async with asyncio.timeout(10):
                await call
        return caught.value.problem


@asynccontextmanager
async def server(play: Play) -> AsyncIterator[Server]:
    """Runs a server that plays the same piece to everybody who asks it anything."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            await play(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller has had enough
        finally:
            writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    host = f"127.0.0.1:{running.sockets[0].getsockname()[1]}"
    built = find_builders()["mastodon"](
        AdapterContext(
            platform=load_catalogue().platforms["mastodon"],
            public_url="http://127.0.0.1:8080",
            callback_url=CALLBACK,
            trusted_hosts=(host,),
            read_timeout_seconds=READ_SECONDS,
            write_timeout_seconds=READ_SECONDS,
            registrations=Registrations(),
            clock=utc_now,
            secret=lambda: "secret",
        )
    )
    assert isinstance(built, Adapter)
    async with running:
        yield Server(host, built)
        await built.api.close()


def says(body: bytes | str | dict[str, Any] | list[Any], status: str = "200 OK", **headers: str) -> Play:
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = {"Content-Length": str(len(content)), "Connection": "close", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + content)

    return play


async def drips(writer: asyncio.StreamWriter) -> None:
    """Sends a byte now and then, so that no single read takes too long, and never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def babbles(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")


NO_MASTODON = "does not answer as a Mastodon server does. Check its name."


@pytest.mark.parametrize(
    ("play", "words"),
    [
        (says("<!doctype html><title>A shop</title>"), NO_MASTODON),
        (says("<h1>Not Found</h1>", "404 Not Found"), NO_MASTODON),
        (says({"products": []}), NO_MASTODON),
        (says({"version": "4.6.1", "title": "no domain"}), NO_MASTODON),
        (says([1, 2]), NO_MASTODON),
        (says("[" * 400_000), NO_MASTODON),
        (says({"domain": "x", "filler": "x" * 4_000_000}), NO_MASTODON),
        (says("", "302 Found", Location="/api/v2/instance"), NO_MASTODON),
        (says("", "301 Moved", Location="https://social.example/api"), "sends visitors on to social.example. If your"),
        (says("", "301 Moved", Location="https://a\u202eb.example/"), NO_MASTODON),
        (says("<h1>Forbidden</h1>", "403 Forbidden"), NO_MASTODON),
        (says("", "503 Service Unavailable"), "is busy or in trouble (HTTP 503). Try again later."),
        (says({"error": "Too many requests"}, "429 Too Many Requests"), "in trouble (HTTP 429). Try again later."),
        (drips, "does not answer in time. Try again later, or check its name."),
        (babbles, "cannot be reached. Check its name, or try again later."),
    ],
    ids=[
        "a page", "404", "other JSON", "half a description", "a list", "a deep nest", "4 MB", "a redirect loop",
        "a redirect", "an odd redirect", "403", "503", "429", "a slow drip", "no HTTP",
    ],
)  # fmt: skip
async def test_what_is_no_mastodon_server_is_found_out_and_said_in_one_sentence(play: Play, words: str) -> None:
    async with server(play) as odd:
        message = await odd.begin()
    assert message.startswith(odd.host)
    assert words in message


async def test_a_server_that_describes_itself_to_friends_alone_is_asked_to_register_all_the_same() -> None:
    asked: list[bytes] = []

    async def play(writer: asyncio.StreamWriter) -> None:
        asked.append(b"")
        first = len(asked) == 1
        app = {"client_id": "an-id", "client_secret": "a-secret"}
        await (
            says({"error": "This method requires an authenticated user"}, "401 Unauthorized") if first else says(app)
        )(writer)

    async with server(play) as friendly:
        start = await friendly.adapter.begin_auth(callback_url=CALLBACK, state="state", instance=friendly.host)
    assert start.authorize_url.startswith(f"http://{friendly.host}/oauth/authorize?")


ADA = {"id": "1", "acct": "ada", "url": "https://m.test/@ada", "avatar": "https://m.test/a.png"}


@pytest.mark.parametrize(
    "account",
    [
        {"filler": "x" * 4_000_000},
        {"acct": "a" * 300},
        {"acct": "a\0b"},
        {"acct": "ada\u202e"},
        {"acct": ["ada"]},
        {"id": "x" * 300},
        {"avatar": "https://m.test/" + "a" * 3000},
        {"avatar": "https://m.test/\0.png"},
        {"avatar": {"url": "https://m.test/a.png"}},
    ],
    ids=["4 MB", "long name", "NUL", "turned text", "no text", "long id", "long address", "NUL address", "an object"],
)
async def test_an_account_that_cannot_be_kept_is_a_passing_trouble_of_its_server(account: dict[str, Any]) -> None:
    async with server(says({**ADA, **account})) as odd:
        problem = await odd.problem(odd.adapter.observe(odd.session(), "avatar"))
    assert isinstance(problem, o.Transient)
    assert not problem.is_ours
    assert len(problem.detail) <= o.DETAIL_MAX_CHARACTERS


async def test_an_account_without_anything_odd_does() -> None:
    async with server(says({**ADA, "url": "javascript:alert(1)"})) as plain:
        assert (await plain.adapter.observe(plain.session(), "avatar")).url == "https://m.test/a.png"
        assert (await plain.adapter.whoami(plain.session())).url == f"https://{plain.host}/@ada"


@pytest.mark.parametrize("status", ["401 Unauthorized", "422 Unprocessable", "500 Internal Server Error"])
async def test_a_server_that_repeats_our_token_is_quoted_without_it(status: str) -> None:
    async with server(says({"error": f"Nobody knows {TOKEN}\0 here"}, status)) as odd:
        problem = await odd.problem(odd.adapter.submit(odd.session(), "avatar", PICTURE))
    assert TOKEN not in repr(problem)
    assert "[removed]" in problem.detail
    if isinstance(problem, o.InvalidImage):
        assert problem.message.isprintable()


@pytest.mark.parametrize("reset", ["99999999999", "9999-12-31T00:00:00Z", "-5", "soon", "1" * 400])
async def test_nobody_is_made_to_wait_for_ever(reset: str) -> None:
    limited = says({"error": "Too many requests"}, "429 Too Many Requests", **{"X-RateLimit-Reset": reset})
    async with server(limited) as odd:
        problem = await odd.problem(odd.adapter.whoami(odd.session()))
    assert isinstance(problem, o.RateLimited)
    assert (problem.until - utc_now()).total_seconds() <= 86_400


@pytest.mark.parametrize("play", [drips, says("<html>"), says({"version": 1}), says("", "404 Not Found")])
async def test_a_server_that_does_not_describe_itself_has_no_terms(play: Play) -> None:
    async with server(play) as odd:
        assert isinstance(await odd.problem(odd.adapter.server_terms(odd.session())), o.Transient)
