"""Pictures in an S3-compatible store: streamed, and off the event loop, since the client blocks."""

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import S3Error

from servicekit.errors import UnavailableError
from servicekit.settings import ObjectStoreSettings
from servicekit.signed_put import Signer

CHUNK_BYTES = 256 * 1024
# Bounds what a slow store can take from the process; as many connections as threads.
THREADS = 16
# One page of a listing.
LISTED_AT_ONCE = 1000


@dataclass(frozen=True)
class OpenedObject:
    """An object that is being read."""

    content_type: str
    size_bytes: int
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True)
class ListedObject:
    """What the store tells of an object without giving it. `content_type` is empty in listings, which do not tell it."""

    key: str
    size_bytes: int
    modified_at: datetime
    content_type: str = ""


@dataclass(frozen=True)
class PutAddress:
    """Where somebody outside may PUT an object; the request has to have the headers as they are."""

    url: str
    headers: Mapping[str, str]


class ObjectMissingError(Exception):
    """The store has no object under the key."""


class ObjectStore:
    """One bucket. A part of an `App`. Keys name what they hold (owner and content hash), so writing twice is harmless.

    Every method raises `UnavailableError` when the store does not answer.
    """

    def __init__(self, settings: ObjectStoreSettings) -> None:
        endpoint = urlsplit(settings.s3_endpoint)
        self._bucket = settings.s3_bucket
        self._client = Minio(
            endpoint.netloc,
            access_key=settings.s3_access_key.get_secret_value(),
            secret_key=settings.s3_secret_key.get_secret_value(),
            secure=endpoint.scheme == "https",
            region=settings.s3_region,
            http_client=urllib3.PoolManager(
                maxsize=THREADS,
                timeout=urllib3.Timeout(connect=5, read=30),
                retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
            ),
        )
        self._public_endpoint = (settings.s3_public_endpoint or settings.s3_endpoint).rstrip("/")
        self._signer = Signer(
            settings.s3_access_key.get_secret_value(), settings.s3_secret_key.get_secret_value(), settings.s3_region
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="object-store")

    async def start(self) -> None:
        """Does nothing: connections are opened when they are needed."""

    async def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        """Stores a file under a key, streamed from the disk."""
        await self._run(lambda: self._client.fput_object(self._bucket, key, str(path), content_type=content_type))

    async def get_file(self, key: str, path: Path) -> None:
        """Fetches an object into a file, streamed; an interruption leaves a part of it. Raises `ObjectMissingError`."""

        def fetch() -> None:
            # Not the client's own way into a file, which asks for the object's size first: one call instead of two.
            response = self._client.get_object(self._bucket, key)
            try:
                with path.open("wb") as file:
                    shutil.copyfileobj(response, file, CHUNK_BYTES)
            finally:
                response.close()
                response.release_conn()

        await self._run(fetch)

    def put_address(
        self, key: str, *, content_type: str, size_bytes: int, signed_at: datetime, valid_for: timedelta
    ) -> PutAddress:
        """Returns where a program may PUT an object of this type and size without our keys, for so long after `signed_at`.

        The store refuses what has another type or size. Asks nobody: the same again gives the same address.
        """
        headers = {"content-type": content_type, "content-length": str(size_bytes)}
        url = f"{self._public_endpoint}/{self._bucket}/{key}"
        return PutAddress(
            self._signer.sign_put(url, headers=headers, signed_at=signed_at, valid_for=valid_for), headers
        )

    async def stat(self, key: str) -> ListedObject:
        """Returns what is known of an object. Raises `ObjectMissingError`."""
        found = await self._run(lambda: self._client.stat_object(self._bucket, key))
        return ListedObject(key, found.size, found.last_modified, found.content_type or "")

    async def exists(self, key: str) -> bool:
        """Tells whether there is an object under the key."""
        try:
            await self.stat(key)
        except ObjectMissingError:
            return False
        return True

    async def list(self, prefix: str) -> AsyncIterator[ListedObject]:
        """Yields all objects whose keys begin so, sorted by key; in pages, so any number of them."""
        found = self._client.list_objects(self._bucket, prefix=prefix, recursive=True)
        while page := await self._run(lambda: [*itertools.islice(found, LISTED_AT_ONCE)]):
            for one in page:
                yield ListedObject(one.object_name, one.size, one.last_modified)

    async def remove(self, key: str) -> None:
        """Removes an object; one that is not there is fine."""
        await self._run(lambda: self._client.remove_object(self._bucket, key))

    @asynccontextmanager
    async def opened(self, key: str, *, start: int = 0, length: int = 0) -> AsyncIterator[OpenedObject]:
        """Opens an object for the block to read: all of it, or `length` bytes from `start` on. What is told of its size is that of the part.

        Raises `ObjectMissingError` at its beginning.
        """
        response = await self._run(lambda: self._client.get_object(self._bucket, key, offset=start, length=length))

        async def chunks() -> AsyncIterator[bytes]:
            while chunk := await self._run(lambda: response.read(CHUNK_BYTES)):
                yield chunk

        try:
            yield OpenedObject(
                content_type=response.headers.get("content-type", "application/octet-stream"),
                size_bytes=int(response.headers["content-length"]),
                chunks=chunks(),
            )
        finally:
            response.close()
            response.release_conn()

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """Yields an object in chunks. Raises `ObjectMissingError` before the first."""
        async with self.opened(key) as found:
            async for chunk in found.chunks:
                yield chunk

    async def _run(self, call: Callable[[], Any]) -> Any:  # what the client returns; it has no types
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except S3Error as error:
            if error.code in ("NoSuchKey", "NoSuchObject", "ResourceNotFound"):
                raise ObjectMissingError(error.object_name or "") from error
            raise
        except (urllib3.exceptions.HTTPError, OSError) as error:
            with contextlib.suppress(AttributeError):
                error.add_note("while talking to the object store (LINKAROOIE_S3_ENDPOINT)")
            raise UnavailableError(
                "The picture store does not answer at the moment. Try again in a few seconds.", retry_after_seconds=5
            ) from error
