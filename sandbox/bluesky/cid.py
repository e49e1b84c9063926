"""Makes the content ids (CIDv1) of blobs and records, with the small part of DAG-CBOR that records need.

Written from the IPLD specifications for CIDv1, multihash and DAG-CBOR.
"""

import base64
import hashlib
from typing import Any

_RAW, _DAG_CBOR = 0x55, 0x71


def blob_cid(data: bytes) -> str:
    """Returns the id of bytes as they are."""
    return _cid(_RAW, data)


def record_cid(record: Any) -> str:  # Any: JSON
    """Returns the id of a record, given in its JSON form; raises `ValueError` for what a record cannot hold."""
    return _cid(_DAG_CBOR, encode(record))


def _cid(codec: int, data: bytes) -> str:
    raw = bytes((1, codec, 0x12, 0x20)) + hashlib.sha256(data).digest()
    return "b" + base64.b32encode(raw).decode().lower().rstrip("=")


def encode(value: Any) -> bytes:  # Any: JSON
    """Encodes JSON as DAG-CBOR; `{"$link": …}` and `{"$bytes": …}` become what they stand for."""
    match value:
        case None:
            return b"\xf6"
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case str():
            text = value.encode()
            return _head(3, len(text)) + text
        case list():
            return _head(4, len(value)) + b"".join(map(encode, value))
        case {"$link": str(link)} if len(value) == 1:
            raw = b"\0" + _unpadded(base64.b32decode, link[1:].upper(), 8)
            return _head(6, 42) + _head(2, len(raw)) + raw
        case {"$bytes": str(text)} if len(value) == 1:
            raw = _unpadded(base64.b64decode, text, 4)
            return _head(2, len(raw)) + raw
        case dict():
            pairs = sorted(((key.encode(), item) for key, item in value.items()), key=lambda one: (len(one[0]), one[0]))
            return _head(5, len(pairs)) + b"".join(encode(key.decode()) + encode(item) for key, item in pairs)
        case _:
            raise ValueError(f"a record cannot hold {type(value).__name__} values")


def _head(major: int, number: int) -> bytes:
    for size, mark in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if number < 24:
            return bytes((major << 5 | number,))
        if number < 1 << 8 * size:
            return bytes((major << 5 | mark,)) + number.to_bytes(size)
    raise ValueError(f"{number} is too large for a record")


def _unpadded(decode: Any, text: str, group: int) -> bytes:  # Any: two decoders with different optional parameters
    raw: bytes = decode(text + "=" * (-len(text) % group))
    return raw
