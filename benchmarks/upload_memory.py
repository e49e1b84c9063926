"""Measures how much memory the gateway takes for a hundred uploads at once, of the largest size that is accepted.

Real processes of gateway and upload service; the bodies are made while they are sent. All uploads are halfway before any goes on, so they do
overlap. What is sent begins as a JPEG and is none, so it is read to its end, refused, and not stored.

usage: .venv/bin/python benchmarks/upload_memory.py [--uploads 100] [--megabytes 25]
"""

import argparse
import asyncio
import collections
import contextlib
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from system.installation import Installation, installed  # noqa: E402

PIECE_BYTES = 64 * 1024
SAMPLE_SECONDS = 0.05
HEAD = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


async def upload(url: str, token: str, size: int, halfway: asyncio.Barrier) -> str:
    """Sends one file and returns the status of the answer."""
    place = urlsplit(url)
    before = b'--line\r\nContent-Disposition: form-data; name="file"; filename="large.jpg"\r\n\r\n' + HEAD
    after = b"\r\n--line--\r\n"
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(
        f"POST /v1/images HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: multipart/form-data; boundary=line\r\n"
        f"Content-Length: {len(before) + size - len(HEAD) + len(after)}\r\nConnection: close\r\n\r\n".encode()
    )
    writer.write(before)
    piece, left, waited = bytes(PIECE_BYTES), size - len(HEAD), False
    while left:
        writer.write(piece[: min(left, PIECE_BYTES)])
        left -= min(left, PIECE_BYTES)
        await writer.drain()
        if not waited and left < size // 2:
            waited = True
            await halfway.wait()
    writer.write(after)
    status = (await reader.readline()).split()[1].decode()
    reason = (await reader.read()).rpartition(b'"reason":"')[2].partition(b'"')[0].decode()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return f"{status} {reason}"


async def measure(installation: Installation, uploads: int, size: int) -> None:
    gateway = psutil.Process(installation.processes["gateway"].pid)
    async with installation.person() as person:
        token = str(person.http.headers["authorization"]).removeprefix("Bearer ")
        # One before, so that what is loaded once counts for nobody.
        await upload(installation.url, token, size, asyncio.Barrier(1))
        began, before = time.monotonic(), gateway.memory_info().rss
        largest = before

        async def watch() -> None:
            nonlocal largest
            while True:
                largest = max(largest, gateway.memory_info().rss)
                await asyncio.sleep(SAMPLE_SECONDS)

        watching = asyncio.create_task(watch())
        halfway = asyncio.Barrier(uploads)
        answers = await asyncio.gather(*(upload(installation.url, token, size, halfway) for _ in range(uploads)))
        watching.cancel()
    seconds = time.monotonic() - began
    print(
        f"{uploads} uploads of {size / 1e6:.0f} MB at once, {seconds:.0f} s, {uploads * size / 1e6 / seconds:.0f} MB/s"
    )
    print("answers: " + ", ".join(f"{count} × {answer}" for answer, count in collections.Counter(answers).items()))
    print(
        f"gateway: {before / 1e6:.0f} MB before, {largest / 1e6:.0f} MB at most, {(largest - before) / 1e6:.0f} MB more"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the gateway's memory during uploads.")
    parser.add_argument("--uploads", type=int, default=100)
    parser.add_argument("--megabytes", type=int, default=25)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="linkarooie-benchmark-") as folder:
        async with installed(Path(folder), "auth", "upload", "gateway") as installation:
            await measure(installation, options.uploads, options.megabytes * 1_000_000)


if __name__ == "__main__":
    uvloop.run(main())
