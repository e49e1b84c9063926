"""Whatever can go wrong in a call has an outcome: every error of the HTTP library, every documented answer of every platform."""

import json
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import httpcore2
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from target_making import NOW
from test_adapters_offline import context

from servicekit.outbound import Answer, Outbound
from services.sync.domain import outcomes as o
from services.sync.domain.connection import RemoteAccount
from services.sync.domain.outcomes import PlatformError
from services.sync.platforms.base import Adapter, Picture, Session, find_builders
from services.sync.platforms.bluesky.adapter import content_id

PICTURE = Picture(b"\xff\xd8\xff", "image/jpeg", "ab" * 32)
RESET = NOW.replace(microsecond=0, year=2026, month=11, day=21, hour=12, minute=4)
KEY = json.dumps(ECKey.generate_key("P-256").as_dict(private=True))


@dataclass(frozen=True)
class Platform:
    """What is needed to call a platform's adapter: its settings, an access, and the answers that lead to the write that counts."""

    settings: Mapping[str, str]
    credentials: Mapping[str, str]
    before_write: Mapping[str, object] = field(default_factory=dict)
    instance: str = ""
    # True where nobody but people can change a picture.
    looks_only: bool = False

    @property
    def session(self) -> Session:
        return Session(RemoteAccount("did:plc:ada", "@ada", "https://p.test/@ada", self.instance), self.credentials)


PLATFORMS = {
    "x": Platform(
        {"LINKAROOIE_SYNC_X_CONSUMER_KEY": "key", "LINKAROOIE_SYNC_X_CONSUMER_SECRET": "secret"},
        {"token": "token", "secret": "secret"},
    ),
    "mastodon": Platform(
        {},
        {"server": "https://m.test", "client_id": "id", "client_secret": "secret", "access_token": "token"},
        instance="m.test",
    ),
    "bluesky": Platform(
        {},
        {"server": "https://b.test", "issuer": "https://b.test", "key": KEY, "access_token": "t", "refresh_token": "r"},
        before_write={
            "uploadBlob": {"blob": {"$type": "blob", "ref": {"$link": content_id(PICTURE.sha256)}}},
            "getRecord": {"cid": "c", "value": {"$type": "app.bsky.actor.profile"}},
        },
    ),
    "facebook": Platform(
        {"LINKAROOIE_SYNC_FACEBOOK_APP_ID": "id", "LINKAROOIE_SYNC_FACEBOOK_APP_SECRET": "secret"},
        {"access_token": "a-token-of-a-page"},
    ),
    "instagram": Platform(
        {"LINKAROOIE_SYNC_INSTAGRAM_APP_ID": "id", "LINKAROOIE_SYNC_INSTAGRAM_APP_SECRET": "secret"},
        {"access_token": "a-token-of-sixty-days"},
        looks_only=True,
    ),
}


class Answering:
    """Goes out to nobody: gives an answer to the call that counts, and what leads there to those before."""

    def __init__(self, platform: Platform, answer: Answer) -> None:
        self._platform = platform
        self._answer = answer

    async def request(self, method: str, url: str, **_: object) -> Answer:
        leading = (body for name, body in self._platform.before_write.items() if name in url)
        body = next(leading, None)
        return self._answer if body is None else Answer(200, {}, json.dumps(body).encode())

    async def close(self) -> None:
        """Has nothing open."""


@pytest.fixture(scope="module")
def adapters() -> Mapping[str, Adapter]:
    """One of each: building one reads the machine's certificates."""
    with pytest.MonkeyPatch.context() as patch:
        # Tests that ran before in this process may have pointed them elsewhere.
        for setting in [name for name in os.environ if name.startswith("LINKAROOIE_SYNC_")]:
            patch.delenv(setting)
        for platform in PLATFORMS.values():
            for setting, value in platform.settings.items():
                patch.setenv(setting, value)
        built = {name: find_builders()[name](context(name)) for name in PLATFORMS}
    return {name: adapter for name, adapter in built.items() if isinstance(adapter, Adapter)}


async def write(adapter: Adapter, name: str) -> o.Success:
    return await adapter.submit(PLATFORMS[name].session, "avatar", PICTURE)


async def read(adapter: Adapter, name: str) -> object:
    return await adapter.observe(PLATFORMS[name].session, "avatar")


async def problem(adapter: Adapter, name: str, answer: Answer, call: Callable[..., Awaitable[object]]) -> o.Problem:
    adapter.api.outbound = cast("Outbound", Answering(PLATFORMS[name], answer))
    with pytest.raises(PlatformError) as caught:
        await call(adapter, name)
    return caught.value.problem


def answer_of(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, headers or {}, b"" if body is None else json.dumps(body).encode())


# Errors of the library

# What they tell of a request that changes something.
NOTHING_WAS_SENT = {
    "ConnectError",
    "ConnectTimeout",
    "LocalProtocolError",
    "PoolTimeout",
    "ProxyError",
    "UnsupportedProtocol",
}
IT_MAY_HAVE_ARRIVED = {
    "CloseError",
    "DecodingError",
    "HTTPError",
    "NetworkError",
    "ProtocolError",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "RequestError",
    "StreamClosed",
    "StreamError",
    "TimeoutException",
    "TooManyRedirects",
    "TransportError",
    "WriteError",
    "WriteTimeout",
}
# Raised by what we do not use: cookies, server-sent events, `raise_for_status`, bodies of streams that were not read, the pool's own
# signal; and by an address that is refused before any request.
NOT_RAISED_BY_A_REQUEST = {
    "ConnectionNotAvailable",
    "CookieConflict",
    "HTTPStatusError",
    "InvalidURL",
    "RequestNotRead",
    "ResponseNotRead",
    "SSEError",
    "StreamConsumed",
}
WITHOUT_WORDS = {"StreamClosed"}


def errors_of(library: Any) -> Iterator[type[Exception]]:  # a module
    for found in vars(library).values():
        if isinstance(found, type) and issubclass(found, Exception) and not issubclass(found, Warning):
            yield found


ERRORS = sorted({*errors_of(httpx2), *errors_of(httpcore2)}, key=lambda error: (error.__module__, error.__name__))


class Failing(httpx2.AsyncBaseTransport):
    """A connection on which every request fails in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def handle_async_request(self, request: Any) -> Any:
        raise self._error


def client_failing_with(error: type[Exception]) -> httpx2.AsyncClient:
    """Returns the library's client, failing at the lowest layer that raises such an error."""
    failing = Failing(error() if error.__name__ in WITHOUT_WORDS else error("it failed"))
    if issubclass(error, tuple(errors_of(httpx2))):
        return httpx2.AsyncClient(transport=failing, verify=False)
    transport = httpx2.AsyncHTTPTransport(verify=False, trust_env=False)
    transport._pool = cast("Any", failing)
    return httpx2.AsyncClient(transport=transport, verify=False)


def test_what_every_error_of_the_library_tells_is_written_down() -> None:
    known = NOTHING_WAS_SENT | IT_MAY_HAVE_ARRIVED | NOT_RAISED_BY_A_REQUEST
    assert {error.__name__ for error in ERRORS} == known


@pytest.mark.parametrize("error", [e for e in ERRORS if e.__name__ not in NOT_RAISED_BY_A_REQUEST])
async def test_an_error_of_the_library_is_judged_by_whether_anything_was_sent(
    adapters: Mapping[str, Adapter], error: type[Exception]
) -> None:
    out = Outbound.__new__(Outbound)
    out._trusted, out._client = frozenset(), client_failing_with(error)
    for name in ("mastodon", "x"):
        adapter = adapters[name]
        adapter.api.outbound = out
        for call, lost in ((write, o.OutcomeUnknown), (read, o.Transient)):
            with pytest.raises(PlatformError) as caught:
                await call(adapter, name)
            expected = o.Transient if error.__name__ in NOTHING_WAS_SENT else lost
            assert isinstance(caught.value.problem, expected), (name, call)
    await out.close()


# Answers of the platforms


@dataclass(frozen=True)
class Said:
    """A documented answer and what follows from it, to a write and to a look; None where it does not come there."""

    status: int
    body: object
    to_write: type[o.Problem] | None
    to_look: type[o.Problem] | None
    headers: Mapping[str, str] = field(default_factory=dict)


def x_error(code: int, status: int, problem: type[o.Problem], to_look: type[o.Problem] | None = None) -> Said:
    return Said(status, {"errors": [{"code": code, "message": "as documented"}]}, problem, to_look or problem)


def x_problem(kind: str, status: int, to_look: type[o.Problem]) -> Said:
    return Said(status, {"title": "t", "type": f"https://api.x.com/2/problems/{kind}", "status": status}, None, to_look)


X = [
    x_error(32, 401, o.AuthRevoked),
    x_error(34, 404, o.Unsupported),
    x_error(38, 403, o.Transient),
    x_error(50, 404, o.AccountCheckpoint),
    x_error(63, 403, o.AccountCheckpoint),
    x_error(64, 403, o.AccountCheckpoint),
    x_error(68, 410, o.Unsupported),
    x_error(87, 403, o.Unsupported),
    x_error(88, 429, o.RateLimited),
    x_error(89, 401, o.AuthRevoked),
    x_error(99, 403, o.AuthRevoked),
    x_error(120, 400, o.InvalidImage, o.Transient),
    x_error(120, 403, o.InvalidImage, o.Unsupported),
    x_error(130, 503, o.OutcomeUnknown, o.Transient),
    x_error(131, 500, o.OutcomeUnknown, o.Transient),
    x_error(135, 401, o.Transient),
    x_error(185, 403, o.RateLimited),
    x_error(215, 400, o.Transient),
    x_error(220, 403, o.MissingScope),
    x_error(226, 403, o.AccountCheckpoint),
    x_error(261, 403, o.Unsupported),
    x_error(326, 403, o.AccountCheckpoint),
    x_error(415, 403, o.Unsupported),
    x_error(416, 401, o.Unsupported),
    x_error(416, 403, o.Unsupported),
    x_error(453, 403, o.Unsupported),
    x_problem("client-forbidden", 403, o.Unsupported),
    x_problem("usage-capped", 429, o.RateLimited),
    x_problem("rate-limit-exceeded", 429, o.RateLimited),
    Said(400, None, o.InvalidImage, o.Transient),
    Said(401, None, o.AuthRevoked, o.AuthRevoked),
    Said(403, None, o.Unsupported, o.Unsupported),
    Said(410, None, o.Unsupported, o.Unsupported),
    Said(413, None, o.InvalidImage, o.Transient),
    Said(420, None, o.RateLimited, o.RateLimited),
    Said(422, None, o.InvalidImage, o.Transient),
]


def words(status: int, message: str, to_write: type[o.Problem] | None, to_look: type[o.Problem] | None) -> Said:
    return Said(status, {"error": message}, to_write, to_look)


MASTODON = [
    words(401, "The access token is invalid", o.AuthRevoked, o.AuthRevoked),
    words(401, "The access token was revoked", o.AuthRevoked, o.AuthRevoked),
    words(403, "This action is outside the authorized scopes", o.MissingScope, o.MissingScope),
    words(403, "Your login is currently disabled", o.AccountCheckpoint, o.AccountCheckpoint),
    words(422, "Validation failed: Avatar file size must be less than 2 MB", o.InvalidImage, None),
    # Some servers word a revoked token so.
    words(422, "This method requires an authenticated user", None, o.AuthRevoked),
    words(429, "Too many requests", o.RateLimited, o.RateLimited),
    words(400, "the file is too large", o.InvalidImage, None),
    Said(401, None, o.AuthRevoked, o.AuthRevoked),
    Said(404, None, o.Unsupported, o.Transient),
    Said(413, None, o.InvalidImage, None),
    Said(500, None, o.OutcomeUnknown, o.Transient),
    Said(502, None, o.OutcomeUnknown, o.Transient),
    Said(503, None, o.OutcomeUnknown, o.Transient),
    Said(504, None, o.OutcomeUnknown, o.Transient),
]


def xrpc(status: int, name: str, to_write: type[o.Problem], to_look: type[o.Problem], message: str = "m") -> Said:
    return Said(status, {"error": name, "message": message}, to_write, to_look)


BLUESKY = [
    xrpc(400, "InvalidRequest", o.Transient, o.Transient),
    xrpc(400, "InvalidRequest", o.InvalidImage, o.InvalidImage, "Invalid app.bsky.actor.profile record: too big"),
    xrpc(400, "BlobNotFound", o.Transient, o.Transient),
    xrpc(400, "InvalidMimeType", o.InvalidImage, o.InvalidImage),
    xrpc(400, "InvalidSize", o.InvalidImage, o.InvalidImage),
    xrpc(400, "InvalidSwap", o.Conflict, o.Transient),
    xrpc(400, "ExpiredToken", o.AuthExpired, o.AuthExpired),
    xrpc(400, "InvalidToken", o.AuthExpired, o.AuthExpired),
    xrpc(401, "AuthMissing", o.AuthExpired, o.AuthExpired),
    xrpc(401, "AuthenticationRequired", o.AuthExpired, o.AuthExpired),
    xrpc(401, "AccountTakedown", o.AccountCheckpoint, o.AccountCheckpoint),
    xrpc(403, "Forbidden", o.MissingScope, o.MissingScope),
    xrpc(403, "ScopeMissingError", o.MissingScope, o.MissingScope),
    xrpc(413, "PayloadTooLarge", o.InvalidImage, o.InvalidImage),
    xrpc(429, "RateLimitExceeded", o.RateLimited, o.RateLimited),
    xrpc(500, "InternalServerError", o.OutcomeUnknown, o.Transient),
    xrpc(502, "UpstreamFailure", o.OutcomeUnknown, o.Transient),
    xrpc(503, "NotEnoughResources", o.OutcomeUnknown, o.Transient),
    xrpc(504, "UpstreamTimeout", o.OutcomeUnknown, o.Transient),
]


def graph(
    code: int,
    to_look: type[o.Problem],
    subcode: int | None = None,
    status: int = 400,
    to_write: type[o.Problem] | None = None,
) -> Said:
    error = {"message": "m", "type": "OAuthException", "code": code, "error_subcode": subcode}
    return Said(status, {"error": error}, to_write, to_look)


def of_page(
    code: int, to_write: type[o.Problem], to_look: type[o.Problem] | None = None, *subcodes: int, status: int = 400
) -> Iterator[Said]:
    for subcode in subcodes or (None,):
        yield graph(code, to_look or to_write, subcode, status, to_write)


FACEBOOK = [
    *of_page(1, o.OutcomeUnknown, o.Transient),
    *of_page(1, o.OutcomeUnknown, o.Transient, status=500),
    *of_page(2, o.OutcomeUnknown, o.Transient, status=503),
    *of_page(2, o.OutcomeUnknown, o.Transient, 1363047, 1609010),
    *(said for code in (4, 17, 32, 341, 613, 80001) for said in of_page(code, o.RateLimited)),
    *of_page(4, o.RateLimited, status=403),
    *of_page(368, o.RateLimited, None, 1390008),
    *(said for code in (10, 200, 210, 299) for said in of_page(code, o.MissingScope)),
    *of_page(100, o.InvalidImage, o.Transient),
    *of_page(100, o.InvalidImage, o.Transient, 1366046, 2069019),
    *of_page(102, o.AuthRevoked),
    *of_page(190, o.AuthRevoked),
    *of_page(190, o.AuthRevoked, None, 458, 460, 463, 467, 492),
    *of_page(190, o.AccountCheckpoint, None, 459, 464, 1404078),
    *of_page(200, o.AccountCheckpoint, None, 1404112, 4854002),
    *of_page(368, o.AccountCheckpoint),
    *of_page(100, o.PolicyRejected, None, 1346003),
    *of_page(506, o.Conflict),
]


INSTAGRAM = [
    graph(1, o.Transient, status=500),
    graph(2, o.Transient, status=503),
    graph(4, o.RateLimited),
    graph(10, o.MissingScope),
    graph(17, o.RateLimited),
    # An account that is personal, or that is gone.
    graph(100, o.Transient, 33),
    graph(102, o.AuthRevoked),
    graph(190, o.AuthRevoked),
    *(graph(190, o.AuthRevoked, subcode) for subcode in (458, 460, 463, 467)),
    *(graph(190, o.AccountCheckpoint, subcode) for subcode in (459, 464)),
    graph(200, o.MissingScope),
    graph(341, o.RateLimited, status=403),
    graph(368, o.AccountCheckpoint),
    graph(80002, o.RateLimited, status=403),
    # An outage told in plain words, and an answer of nobody.
    Said(200, "Service unavailable", None, o.Transient),
    Said(200, {}, None, o.Transient),
]

SAID = {"x": X, "mastodon": MASTODON, "bluesky": BLUESKY, "facebook": FACEBOOK, "instagram": INSTAGRAM}
WRITING = [name for name in SAID if not PLATFORMS[name].looks_only]


@pytest.mark.parametrize("name", SAID)
async def test_every_documented_answer_has_its_outcome(adapters: Mapping[str, Adapter], name: str) -> None:
    adapter = adapters[name]
    found = {}
    for said in SAID[name]:
        for call, expected in ((write, said.to_write), (read, said.to_look)):
            if expected is None:
                continue
            answer = answer_of(said.status, said.body, said.headers)
            got = type(await problem(adapter, name, answer, call))
            if got is not expected:
                found[said.status, str(said.body), call.__name__] = got.__name__, expected.__name__
    assert found == {}


async def test_what_we_were_trusted_with_is_in_no_refusal_that_repeats_it(adapters: Mapping[str, Adapter]) -> None:
    for name in SAID:
        secrets = [value for value in PLATFORMS[name].credentials.values() if len(value) > 8 and "://" not in value]
        for secret in secrets:
            found = await problem(adapters[name], name, answer_of(400, {"error": {"message": secret}}), read)
            assert secret not in found.detail


# How each platform says when a window ends.
WINDOWS = [
    ("x", {"x-rate-limit-reset": str(int(RESET.timestamp()))}),
    ("mastodon", {"x-ratelimit-reset": RESET.strftime("%Y-%m-%dT%H:%M:%S.000000Z")}),
    ("mastodon", {"x-ratelimit-reset": str(int(RESET.timestamp()))}),
    ("mastodon", {"retry-after": str(int((RESET - NOW).total_seconds()))}),
    ("bluesky", {"ratelimit-reset": str(int(RESET.timestamp())), "ratelimit-policy": "3000;w=300"}),
]


@pytest.mark.parametrize(("name", "headers"), WINDOWS)
async def test_the_end_of_a_window_is_read_in_every_shape(
    adapters: Mapping[str, Adapter], name: str, headers: dict[str, str]
) -> None:
    for call in (write, read):
        found = await problem(adapters[name], name, answer_of(429, None, headers), call)
        assert isinstance(found, o.RateLimited)
        assert found.until == RESET


@pytest.mark.parametrize("value", ["", "soon", "-1", "1e400", "99999999999999999999", "0000-00-00T00:00:00Z", "٣"])
async def test_an_end_that_cannot_be_read_is_one_that_was_not_told(adapters: Mapping[str, Adapter], value: str) -> None:
    for name in WRITING:
        for header in ("x-rate-limit-reset", "x-ratelimit-reset", "ratelimit-reset", "retry-after"):
            found = await problem(adapters[name], name, answer_of(429, None, {header: value}), write)
            assert isinstance(found, o.RateLimited)
            assert datetime(2000, 1, 1, tzinfo=UTC) < found.until < datetime(2100, 1, 1, tzinfo=UTC)


BODIES = st.one_of(
    st.binary(max_size=40),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=10)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["error", "errors", "code", "message", "type", "data", "id", "username", "blob", "acct"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)


@pytest.mark.parametrize("name", SAID)
def test_no_answer_whatever_it_holds_ends_in_anything_but_an_outcome(
    adapters: Mapping[str, Adapter], name: str
) -> None:
    adapter = adapters[name]

    @given(status=st.integers(200, 599), body=BODIES, writes=st.booleans() if name in WRITING else st.just(False))
    def judged(status: int, body: bytes, writes: bool) -> None:
        adapter.api.outbound = cast("Outbound", Answering(PLATFORMS[name], Answer(status, {}, body)))
        said = run((write if writes else read)(adapter, name))
        if status >= 500:
            assert isinstance(said, o.OutcomeUnknown if writes else o.Transient | o.RateLimited)
        elif writes and status >= 300:
            assert not isinstance(said, o.Accepted)

    judged()


def run(call: Awaitable[object]) -> object:
    """Runs a call that waits for nobody; returns what it returns, or its problem."""
    steps = call.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    except PlatformError as error:
        return error.problem
    raise AssertionError("it waits")
