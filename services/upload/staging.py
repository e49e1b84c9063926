"""Receives an upload into a temporary file: bounded memory, counted and hashed on the way."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from servicekit.errors import InvalidInputError

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
            raise InvalidInputError(
                f"The file is larger than {max_bytes / 1e6:.0f} MB. Export it smaller, or as JPEG, and try again.",
                reason="TOO_MANY_BYTES",
                metadata={"max_bytes": str(max_bytes)},
            )
        await asyncio.to_thread(file.flush)
        yield StagedFile(Path(file.name), size, digest.hexdigest())
