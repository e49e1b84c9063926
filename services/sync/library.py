"""Asks the upload service whether a picture is the caller's."""

from dataclasses import dataclass

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.grpc_client import remote_errors


@dataclass(frozen=True)
class LibraryImage:
    """A picture of the caller's library. `failure` says why it cannot be used, for people; empty where it can."""

    id: str
    revision: int
    failure: str = ""


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
        return LibraryImage(image.id, image.revision, (image.failure_message or "It failed.") if failed else "")
