"""The caller's library of pictures, which is the upload service's."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.errors import NotFoundError
from servicekit.grpc_client import remote_errors

# What a message of an upload holds at most.
CHUNK_BYTES = 256 * 1024
# As long as the gateway waits for the whole call.
TAKE_SECONDS = 60.0


@dataclass(frozen=True)
class LibraryImage:
    """A picture of the caller's library. `failure` says why it cannot be used, for people; empty where it can."""

    id: str
    revision: int
    failure: str = ""
    alt_text: str = ""


class Library:
    """The upload service, as far as syncing needs it."""

    def __init__(self, stub: "upload_pb2_grpc.UploadServiceAsyncStub") -> None:
        self._stub = stub

    async def image(self, image_id: str) -> LibraryImage:
        """Returns a picture of the caller's. Raises `NotFoundError`, and `UnavailableError` when upload is away."""
        with remote_errors():
            answer = await self._stub.GetImage(upload_pb2.GetImageRequest(id=image_id))
        image = answer.image
        failed = image.state == upload_pb2.IMAGE_STATE_FAILED
        failure = (image.failure_message or "It failed.") if failed else ""
        return LibraryImage(image.id, image.revision, failure, image.alt_text)

    async def take(self, path: Path, *, file_name: str, title: str, idempotency_key: str) -> str | None:
        """Takes a file into the caller's library and returns the picture's id; None if the key made one that was deleted since.

        Raises what the upload service refuses it with.
        """
        header = upload_pb2.UploadImageHeader(idempotency_key=idempotency_key, file_name=file_name, title=title)
        try:
            with remote_errors():
                answer = await self._stub.UploadImage(_pieces(header, path), timeout=TAKE_SECONDS)
        except NotFoundError:
            return None
        return None if answer.image.HasField("delete_time") else answer.image.id


async def _pieces(header: upload_pb2.UploadImageHeader, path: Path) -> AsyncIterator[upload_pb2.UploadImageRequest]:
    yield upload_pb2.UploadImageRequest(header=header)
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield upload_pb2.UploadImageRequest(chunk=chunk)
