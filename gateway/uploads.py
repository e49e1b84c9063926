"""Passes an upload on while it comes in: what is held is one chunk, whatever the size of the file."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.problems import TooLargeError
from linkarooie.upload.v1 import upload_pb2
from servicekit.errors import InvalidInputError

if TYPE_CHECKING:  # exists for type checkers only
    from linkarooie.upload.v1.upload_pb2_grpc import UploadServiceAsyncStub

# Half of what the contract allows. On its way a piece is held several times over, and a hundred uploads at once are to take
# little memory (`benchmarks/upload_memory.py`); twice as large ones are not faster.
CHUNK_BYTES = 128 * 1024
# 1,500 characters of up to four bytes, and room for a clear answer about a few more.
ALT_TEXT_MAX_BYTES = 8_000
# What a form has around its file: boundaries, headers and the description.
FORM_BYTES = 64 * 1024


@dataclass(frozen=True)
class PartBegins:
    """A part of the form begins; its data follows as `bytes`."""

    name: str
    file_name: str


async def forward_upload(
    request: Request, upload: "UploadServiceAsyncStub", *, idempotency_key: str, max_bytes: int, seconds: float
) -> upload_pb2.Image:
    """Reads the form of an upload and streams its file to the upload service.

    Raises `InvalidInputError` for a form that is not right, and what the service raises. When the browser goes away, the call is cancelled.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes + FORM_BYTES:
        raise _too_large(max_bytes)
    parts = form_parts(request.stream(), request.headers.get("content-type", ""))
    failures: list[Exception] = []

    async def messages() -> AsyncIterator[upload_pb2.UploadImageRequest]:
        try:
            async for message in upload_messages(parts, idempotency_key=idempotency_key, max_bytes=max_bytes):
                yield message
        except Exception as failure:
            failures.append(failure)
            raise

    try:
        answer = await upload.UploadImage(messages(), timeout=seconds)
    except (grpc.aio.AioRpcError, asyncio.CancelledError):
        # gRPC only cancels the call when our side of it fails; what failed is ours to tell.
        if failures:
            raise failures[0] from None
        raise
    return answer.image


async def upload_messages(
    parts: AsyncIterable[PartBegins | bytes], *, idempotency_key: str, max_bytes: int
) -> AsyncIterator[upload_pb2.UploadImageRequest]:
    """Turns the parts of a form into the messages of an upload: `alt_text`, if any, then `file`, and nothing else.

    Raises `InvalidInputError` that names the part, and `TooLargeError` as soon as the file has more than `max_bytes`.
    """
    alt_text = bytearray()
    file_bytes = 0
    chunk = bytearray()
    part: PartBegins | None = None
    file_began = False
    async for event in parts:
        if isinstance(event, PartBegins):
            _check_order(event, file_began=file_began)
            part = event
            if part.name == "file":
                file_began = True
                header = upload_pb2.UploadImageHeader(
                    idempotency_key=idempotency_key, alt_text=_decoded(alt_text), file_name=part.file_name
                )
                yield upload_pb2.UploadImageRequest(header=header)
        elif file_began:
            file_bytes += len(event)
            if file_bytes > max_bytes:
                raise _too_large(max_bytes)
            chunk += event
            while len(chunk) >= CHUNK_BYTES:
                yield upload_pb2.UploadImageRequest(chunk=bytes(chunk[:CHUNK_BYTES]))
                del chunk[:CHUNK_BYTES]
        else:
            alt_text += event
            if len(alt_text) > ALT_TEXT_MAX_BYTES:
                raise InvalidInputError.of_field("alt_text", "The description is too long. Shorten it.")
    if not file_began:
        raise InvalidInputError.of_field("file", "There is no picture in the form: send one in the field file.")
    if chunk:
        yield upload_pb2.UploadImageRequest(chunk=bytes(chunk))


def _too_large(max_bytes: int) -> TooLargeError:
    return TooLargeError(
        f"The file is larger than {max_bytes / 1e6:.0f} MB. Export it smaller, or as JPEG, and try again.",
        metadata={"max_bytes": str(max_bytes)},
    )


def _check_order(part: PartBegins, *, file_began: bool) -> None:
    if part.name not in ("file", "alt_text"):
        raise InvalidInputError.of_field(
            part.name or "form", "There is no such field; the form takes alt_text and file, in this order."
        )
    if file_began and part.name == "file":
        raise InvalidInputError.of_field("file", "Send one picture a request.", reason="ONE_FILE_ONLY")
    if file_began:
        raise InvalidInputError.of_field(
            "alt_text", "Send alt_text before file: the file is passed on while it comes in.", reason="FIELD_ORDER"
        )


def _decoded(alt_text: bytearray) -> str:
    try:
        return alt_text.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInputError.of_field("alt_text", "The description is not UTF-8 text.") from None


async def form_parts(stream: AsyncIterable[bytes], content_type: str) -> AsyncIterator[PartBegins | bytes]:
    """Yields the parts of a `multipart/form-data` body while it comes in.

    Raises `InvalidInputError` for a body that is none, or that ends too soon.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidInputError("Send the picture as multipart/form-data, in the field file.", reason="NOT_A_FORM")
    events = _Events()
    try:
        parser = MultipartParser(boundary, events.callbacks())  # type: ignore[arg-type]  # a dictionary of the same callbacks
        async for data in stream:
            parser.write(data)
            for event in events.taken():
                yield event
    except FormParserError as error:
        raise InvalidInputError("The form cannot be read: it is not well-formed.", reason="BROKEN_FORM") from error
    if not events.ended:
        raise InvalidInputError("The form ends too soon. Send it again.", reason="BROKEN_FORM")


class _Events:
    """Collects what the parser calls back with."""

    def __init__(self) -> None:
        self.ended = False
        self._events: list[PartBegins | bytes] = []
        self._name = b""
        self._value = b""
        self._disposition = b""

    def taken(self) -> list[PartBegins | bytes]:
        """Returns what came since the last time."""
        events, self._events = self._events, []
        return events

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self._disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name, file_name = (options.get(key, b"").decode("utf-8", "replace") for key in (b"name", b"filename"))
        self._events.append(PartBegins(name, file_name))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _end(self) -> None:
        self.ended = True
