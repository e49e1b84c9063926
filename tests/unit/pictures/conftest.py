"""What the picture tests share."""

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes bytes to a file whose name says nothing."""

    def write_bytes(content: bytes) -> Path:
        path = tmp_path / f"{zlib.crc32(content):08x}"
        path.write_bytes(content)
        return path

    return write_bytes
