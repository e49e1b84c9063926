"""Receives an upload into a temporary file: bounded memory, counted and hashed on the way."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.upload.domain.limits import too_many_bytes

# A call that ends while its client is still sending reaches a grpc.aio client as INTERNAL instead of with its status
# (seen with grpcio 1.85.1). So what is too much is read and thrown away, up to this; the gateway stops sooner.
DISCARDED_AT_MOST = 100_000_000


@dataclass(frozen=True)
class StagedFile:
    """A received file, there for as long as the block that staged it."""

    path: Path
    bytes: int
    sha256: str


@asynccontextmanager
async def staged(chunks: AsyncIterable[bytes], *, max_bytes: int) -> AsyncIterator[StagedFile]:
    """Writes the chunks to a temporary file and hands it to the block.

    Raises `InvalidInputError` with reason TOO_MANY_BYTES when there are more than `max_bytes`; what is over is not kept.
    """
    with tempfile.NamedTemporaryFile(prefix="linkarooie-upload-") as file:
        digest = hashlib.sha256()
        size = 0

        def take(chunk: bytes) -> None:
            digest.update(chunk)
            file.write(chunk)

        async for chunk in chunks:
            size += len(chunk)
            if size <= max_bytes:
                await asyncio.to_thread(take, chunk)
            elif size > max_bytes + DISCARDED_AT_MOST:
                break
        if size > max_bytes:
            raise too_many_bytes(max_bytes)
        await asyncio.to_thread(file.flush)
        yield StagedFile(Path(file.name), size, digest.hexdigest())


@asynccontextmanager
async def filled(fill: Callable[[Path], Awaitable[None]]) -> AsyncIterator[StagedFile]:
    """Has a temporary file filled and hands it to the block, counted and hashed."""
    with tempfile.NamedTemporaryFile(prefix="linkarooie-upload-") as file:
        path = Path(file.name)
        await fill(path)
        size, sha256 = await asyncio.to_thread(_measure, path)
        yield StagedFile(path, size, sha256)


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
