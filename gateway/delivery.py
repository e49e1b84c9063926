"""Sends stored pictures to browsers and programs, as pictures and as nothing else."""

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.cache import SMALL_BYTES, CachedFile, FileCache
from gateway.media import MediaLinks
from gateway.problems import PartMissingError, problem_of, rendered
from gateway.published import PublishedFiles
from gateway.requested import Part, UnsatisfiableError, is_known, preferred, wanted_part
from servicekit.errors import ForbiddenError, NotFoundError
from servicekit.object_store import ObjectMissingError, ObjectStore

# What we store ourselves or have checked. Anything else is only ever saved, never shown.
ENDINGS: Mapping[str, str] = {
    "image/avif": "avif",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
}
_TYPES = {ending: content_type for content_type, ending in ENDINGS.items()}
SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"
# What a published file is called when it is saved: its owner may not want to tell more.
PUBLIC_NAME = "picture"
# A file never changes under its key. This is how long one that was removed may still be shown from memory.
KEEP_SECONDS = 600.0

RawHeaders = list[tuple[bytes, bytes]]

_ALWAYS: RawHeaders = [(b"content-security-policy", SANDBOX.encode()), (b"accept-ranges", b"bytes")]
_PUBLIC: RawHeaders = [
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
]


@lru_cache(10_000)
def etag_of(key: str) -> str:
    """Returns the ETag of what is stored under a key. Keys name what they hold, so a hash of the key is one of the content."""
    return f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class _Permit:
    """What somebody may have: one of these files, under that name, with these headers."""

    key: str
    alternatives: tuple[str, ...]
    name: str
    headers: RawHeaders


class Delivery:
    """Answers requests for stored pictures."""

    def __init__(self, *, links: MediaLinks, objects: ObjectStore, files: FileCache, published: PublishedFiles) -> None:
        self._links = links
        self._objects = objects
        self._files = files
        self._published = published

    async def answer(self, request: Request, object_key: str) -> Response:
        """Returns the answer to GET or HEAD for a key.

        Raises `ForbiddenError` where nobody has signed the address and its owner has not published the file, alike whether there is one, and
        `NotFoundError` for a file that is gone.
        """
        permit = await self._permit(object_key, request.scope["query_string"])
        if permit is None:
            raise ForbiddenError(
                "This address of a picture has ended or was altered. Load the page again for a new one.",
                reason="MEDIA_LINK_INVALID",
            )
        key, etag = permit.key, etag_of(permit.key)
        headers = [*_ALWAYS, *permit.headers]
        if permit.alternatives:
            key = _chosen(key, permit.alternatives, _header(request, b"accept"))
            etag = etag_of(key)
            headers.append((b"vary", b"accept"))
        headers.append((b"etag", etag.encode()))
        known = _header(request, b"if-none-match")
        if known and is_known(known, etag):
            return FileResponse(304, headers)
        file = self._files.held(key) or await self._files.get(key, lambda: self._fetch(key), seconds=KEEP_SECONDS)
        try:
            part = _part(request, etag, file.size_bytes)
        except UnsatisfiableError:
            return _no_such_part(request, file.size_bytes)
        headers += _facts(file, part, permit.name)
        status = 200 if part is None else 206
        if file.body is not None:
            return FileResponse(status, headers, file.body if part is None else file.body[part.start : part.end])
        return StreamedResponse(status, headers, self._objects, key, part or Part(0, file.size_bytes))

    async def _permit(self, object_key: str, query: bytes) -> _Permit | None:
        signed = self._links.opened(object_key, query)
        if signed is not None:
            # What a key holds never changes, so neither does the answer until the address ends.
            lasting = f"private, max-age={self._links.seconds_left(signed)}, immutable"
            return _Permit(object_key, signed.alternatives, signed.name, [(b"cache-control", lasting.encode())])
        if b"sig=" not in query and await self._published.has(object_key):
            return _Permit(object_key, (), PUBLIC_NAME, _PUBLIC)
        return None

    async def _fetch(self, key: str) -> CachedFile:
        """Gets a file, or what is known of one that is large. Raises `NotFoundError`."""
        with _missing_told():
            async with self._objects.opened(key) as stored:
                body = None
                if stored.size_bytes <= SMALL_BYTES:
                    body = b"".join([chunk async for chunk in stored.chunks])
                return CachedFile(stored.content_type, stored.size_bytes, body)


class FileResponse(Response):
    """An answer that is in memory."""

    def __init__(self, status: int, headers: RawHeaders, body: bytes = b"") -> None:
        # Not the framework's own beginning, which would encode each header anew.
        self.status_code = status
        self.raw_headers = headers
        self.body = body
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # it does not listen
        """Sends it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self.body})


class StreamedResponse(FileResponse):
    """Streams an object, or a part of it. What is in memory is one chunk, and no more is read than the other side takes."""

    def __init__(self, status: int, headers: RawHeaders, objects: ObjectStore, key: str, part: Part) -> None:
        super().__init__(status, headers)
        self._objects = objects
        self._key = key
        self._part = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it. Raises `NotFoundError` before anything is sent if there is no such object."""
        if scope["method"] == "HEAD":
            await super().__call__(scope, receive, send)
            return
        with _missing_told():
            async with self._objects.opened(self._key, start=self._part.start, length=self._part.length) as stored:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                gone = asyncio.create_task(_goes_away(receive))
                try:
                    async for chunk in stored.chunks:
                        if gone.done():
                            # The server would take the rest and drop it; the store has better things to do.
                            return
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                finally:
                    gone.cancel()
                await send({"type": "http.response.body", "body": b""})


async def _goes_away(receive: Receive) -> None:
    """Returns when the other side has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


@contextlib.contextmanager
def _missing_told() -> Iterator[None]:
    try:
        yield
    except ObjectMissingError:
        raise NotFoundError("This picture is not there any more.", reason="MEDIA_NOT_FOUND") from None


def _header(request: Request, name: bytes) -> str:
    """Returns a header's value, or an empty string; a list may come in several lines."""
    return b",".join([value for found, value in request.scope["headers"] if found == name]).decode("latin-1")


def _chosen(key: str, alternatives: Sequence[str], accept: str) -> str:
    """Returns the key of the format that is preferred, by what keys end in."""
    offers = {_type_of(one): one for one in (key, *alternatives)}
    others = [content_type for content_type in offers if content_type != _type_of(key)]
    return offers[preferred(accept, others, safest=_type_of(key))]


def _type_of(key: str) -> str:
    return _TYPES.get(key.rpartition(".")[2], "")


def _part(request: Request, etag: str, size: int) -> Part | None:
    if request.scope["method"] == "HEAD":
        return None
    wanted = _header(request, b"range")
    return wanted_part(wanted, _header(request, b"if-range"), etag=etag, size=size) if wanted else None


def _facts(file: CachedFile, part: Part | None, name: str) -> RawHeaders:
    """Returns the headers that say what is sent."""
    ending = ENDINGS.get(file.content_type)
    content_type = file.content_type if ending else "application/octet-stream"
    disposition = f'{"inline" if ending else "attachment"}; filename="{name}.{ending or "bin"}"'
    length = file.size_bytes if part is None else part.length
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-disposition", disposition.encode()),
        (b"content-length", str(length).encode()),
    ]
    if part is not None:
        headers.append((b"content-range", f"bytes {part.start}-{part.end - 1}/{file.size_bytes}".encode()))
    return headers


def _no_such_part(request: Request, size: int) -> Response:
    error = PartMissingError(
        f"The file has {size} bytes, and the part that was asked for begins behind them.",
        metadata={"bytes": str(size)},
    )
    response = rendered(problem_of(error, reference=request.state.reference))
    response.headers["content-range"] = f"bytes */{size}"
    return response
