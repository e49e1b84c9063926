"""Sends a stored picture to a browser, as a picture and as nothing else."""

import hashlib
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from servicekit.errors import NotFoundError
from servicekit.object_store import ObjectMissingError, ObjectStore

# What we store ourselves or have checked. Anything else is only ever saved, never shown.
ENDINGS: Mapping[str, str] = {
    "image/avif": "avif",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
}
SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"


def etag_of(key: str) -> str:
    """Returns the ETag of what is stored under a key. Keys name what they hold, so a hash of the key is one of the content."""
    return f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'


class PictureResponse(Response):
    """Streams an object. What is in memory is one chunk of it."""

    def __init__(self, objects: ObjectStore, key: str, *, name: str, headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        self._objects = objects
        self._key = key
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # a response does not listen
        """Sends it. Raises `NotFoundError` before anything is sent if there is no such object."""
        try:
            async with self._objects.opened(self._key) as stored:
                ending = ENDINGS.get(stored.content_type)
                del self.headers["content-length"]
                self.headers["content-length"] = str(stored.size_bytes)
                self.headers["content-type"] = stored.content_type if ending else "application/octet-stream"
                disposition = "inline" if ending else "attachment"
                self.headers["content-disposition"] = f'{disposition}; filename="{self._name}.{ending or "bin"}"'
                self.headers["content-security-policy"] = SANDBOX
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                if scope["method"] != "HEAD":
                    async for chunk in stored.chunks:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except ObjectMissingError:
            raise NotFoundError("This picture is not there any more.", reason="MEDIA_NOT_FOUND") from None
