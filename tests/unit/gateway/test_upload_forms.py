"""An upload's form is passed on while it comes in, in any pieces, in bounded memory."""

import itertools
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.problems import TooLargeError
from gateway.uploads import CHUNK_BYTES, form_parts, upload_messages
from linkarooie.upload.v1 import upload_pb2
from servicekit.errors import InvalidInputError

LIMIT = 400 * 64 * 1024
TYPE = "multipart/form-data; boundary=line"


def part(name: str, content: bytes, file_name: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{file_name}"' if file_name else "")
    return f"--line\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--line--\r\n"


async def stream(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def sent(pieces: Iterable[bytes], content_type: str = TYPE, key: str = "") -> list[upload_pb2.UploadImageRequest]:
    parts = form_parts(stream(pieces), content_type)
    return [message async for message in upload_messages(parts, idempotency_key=key, max_bytes=LIMIT)]


def content_of(messages: list[upload_pb2.UploadImageRequest]) -> bytes:
    return b"".join(message.chunk for message in messages[1:])


async def test_the_header_comes_first_with_all_that_is_known() -> None:
    body = form(part("alt_text", "Ein Fuchs, müde".encode()), part("file", b"pixels", "fuchs.jpg"))

    messages = await sent([body], key="once")

    assert messages[0].header == upload_pb2.UploadImageHeader(
        idempotency_key="once", alt_text="Ein Fuchs, müde", file_name="fuchs.jpg"
    )
    assert content_of(messages) == b"pixels"


@given(
    content=st.binary(max_size=300) | st.just(b"\r\n--lin") | st.just(b"--line") | st.just(b"\r\n"),
    cuts=st.lists(st.integers(0, 600), max_size=20),
)
async def test_it_does_not_matter_where_the_network_cuts_the_body(content: bytes, cuts: list[int]) -> None:
    body = form(part("alt_text", b"words"), part("file", content, "a.png"))
    edges = sorted({0, *(min(cut, len(body)) for cut in cuts), len(body)})

    messages = await sent(body[start:end] for start, end in itertools.pairwise(edges))

    assert messages[0].header.alt_text == "words"
    assert content_of(messages) == content


async def test_no_more_than_a_chunk_is_held_however_large_the_file() -> None:
    piece = bytes(64 * 1024)
    pulled = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal pulled
        yield part("file", b"", "large.bin")[:-2]
        for _ in range(400):
            pulled += len(piece)
            yield piece
        yield b"\r\n--line--\r\n"

    passed_on, most_held = 0, 0
    async for message in upload_messages(form_parts(body(), TYPE), idempotency_key="", max_bytes=LIMIT):
        assert len(message.chunk) <= CHUNK_BYTES
        passed_on += len(message.chunk)
        most_held = max(most_held, pulled - passed_on)

    assert passed_on == 400 * len(piece)
    assert most_held <= CHUNK_BYTES + len(piece)


async def test_a_file_is_refused_at_the_first_byte_too_many_and_no_more_is_read() -> None:
    pulled = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal pulled
        yield part("file", b"", "endless.bin")[:-2]
        while True:
            pulled += 100
            yield bytes(100)

    with pytest.raises(TooLargeError) as refused:
        async for _ in upload_messages(form_parts(body(), TYPE), idempotency_key="", max_bytes=1000):
            pass

    assert (refused.value.reason, refused.value.metadata) == ("TOO_MANY_BYTES", {"max_bytes": "1000"})
    assert pulled == 1100


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (form(part("file", b"x"), part("alt_text", b"late")), "FIELD_ORDER", "alt_text"),
        (form(part("file", b"x"), part("file", b"y")), "ONE_FILE_ONLY", "file"),
        (form(part("picture", b"x")), "INVALID_INPUT", "picture"),
        (form(part("alt_text", b"alone")), "INVALID_INPUT", "file"),
        (form(part("alt_text", b"\xff"), part("file", b"x")), "INVALID_INPUT", "alt_text"),
        (form(part("alt_text", b"a" * 9000), part("file", b"x")), "INVALID_INPUT", "alt_text"),
        (part("file", b"cut off"), "BROKEN_FORM", None),
        (b"", "BROKEN_FORM", None),
        (b"nonsense", "BROKEN_FORM", None),
    ],
)
async def test_a_form_that_is_not_right_is_refused_by_the_name_of_the_field(
    body: bytes, reason: str, field: str | None
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await sent([body])

    assert refused.value.reason == reason
    assert [violation.field for violation in refused.value.violations] == ([field] if field else [])


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data", "image/png"])
async def test_what_is_no_form_is_told_how_to_be_one(content_type: str) -> None:
    with pytest.raises(InvalidInputError, match="multipart/form-data") as refused:
        await sent([b"{}"], content_type)

    assert refused.value.reason == "NOT_A_FORM"
