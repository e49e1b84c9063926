"""The load of `delivery.py`: asks for one thing over many connections, and prints how it went. Imports little, so that it begins at once."""

import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import uvloop

BUFFER_BYTES = 1 << 20
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Connection(asyncio.BufferedProtocol):
    """Asks for one thing again and again over one connection, and reads no more of the answers than their lengths."""

    def __init__(self, request: bytes, status: bytes, until: float) -> None:
        self._request = request
        self._status = status
        self._until = until
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._head = 0
        self._left = 0
        self.answers = 0
        self.first_bytes: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._head = self._left = 0
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def get_buffer(self, _: int) -> memoryview:
        return self._view[self._head :]

    def buffer_updated(self, count: int) -> None:
        if self._left:
            self._left -= count
        else:
            if not self._head:
                self.first_bytes.append(time.perf_counter() - self._began)
            self._head += count
            end = self._buffer.find(b"\r\n\r\n", 0, self._head)
            if end < 0:
                return
            if self._buffer[9:12] != self._status:
                self._fail(f"the answer is {bytes(self._buffer[: self._head])[:2000]!r}")
                return
            length = _LENGTH.search(self._buffer, 0, end)
            self._left = (int(length[1]) if length else 0) - (self._head - end - 4)
            self._head = 0
        if self._left == 0:
            self.answers += 1
            if time.perf_counter() < self._until:
                self._ask()
            elif not self.ended.done():
                self.ended.set_result(None)

    def _fail(self, what: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(RuntimeError(what))

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"the connection ended: {error}")


async def load(request: Mapping[str, Any]) -> dict[str, float]:
    """Asks over many connections for a time."""
    place = urlsplit(request["url"])
    path = f"{place.path}?{place.query}"
    lines = [f"GET {path} HTTP/1.1", f"Host: {place.netloc}", "User-Agent: benchmark", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in request["headers"].items()]
    raw = "\r\n".join([*lines, "", ""]).encode()
    loop = asyncio.get_running_loop()
    began, cpu = time.perf_counter(), time.process_time()
    until = began + request["seconds"]
    made = [
        await loop.create_connection(
            lambda: Connection(raw, str(request["status"]).encode(), until), place.hostname, place.port
        )
        for _ in range(request["connections"])
    ]
    await asyncio.gather(*(connection.ended for _, connection in made))
    seconds = time.perf_counter() - began
    for transport, _ in made:
        transport.close()
    return {
        "answers": sum(connection.answers for _, connection in made),
        "rate": sum(connection.answers for _, connection in made) / seconds,
        "first_byte": statistics.median(moment for _, connection in made for moment in connection.first_bytes),
        "cpu": (time.process_time() - cpu) / seconds,
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(load(json.loads(sys.argv[1])))))
