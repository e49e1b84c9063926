"""Seals what is secret even from those who can read our store or our bus: AES-256-GCM, bound to the account, the thing and the field it belongs to.

Sealed form: one byte with the length of the key's id, the id, a 96-bit random nonce, the ciphertext with its tag.
"""

import base64
import binascii
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import AfterValidator, SecretStr

KEY_BYTES = 32
NONCE_BYTES = 12


class VaultError(Exception):
    """The sealed thing cannot be opened: its key is missing, it was altered, or it belongs somewhere else."""


@dataclass(frozen=True)
class VaultKey:
    id: str
    key: bytes = field(repr=False)


def parse_keys(text: str) -> tuple[VaultKey, ...]:
    """Reads `id:base64, id2:base64`, each key 32 bytes long. Raises `ValueError` that says which entry is wrong, never its key."""
    keys = []
    for number, entry in enumerate(text.replace(",", " ").split(), start=1):
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not key_id or not key_id.isascii() or len(key_id) > 255 or len(key) != KEY_BYTES:
            raise ValueError(f"entry {number} is not id:key with a base64 key of {KEY_BYTES} bytes")
        keys.append(VaultKey(key_id, key))
    if not keys:
        raise ValueError("there is no key; write id:key with a base64 key of 32 bytes")
    if len({key.id for key in keys}) != len(keys):
        raise ValueError("two keys have the same id")
    return tuple(keys)


def _readable(value: SecretStr) -> SecretStr:
    parse_keys(value.get_secret_value())
    return value


VaultKeys = Annotated[SecretStr, AfterValidator(_readable)]
"""A setting that holds such keys: the first seals, all open."""


class Vault:
    """Seals with the first key and opens with any, so that keys can be changed one after the other.

    `setting` is the variable that holds the keys, for messages; `newest` the id of the key that seals.
    """

    def __init__(self, keys: SecretStr, *, setting: str, random: Callable[[int], bytes] = os.urandom) -> None:
        self._setting = setting
        parsed = parse_keys(keys.get_secret_value())
        self.newest = parsed[0].id
        self._ciphers = {key.id: AESGCM(key.key) for key in parsed}
        self._random = random

    def seal(self, values: Mapping[str, str], *, user: str, thing: str, field: str) -> bytes:
        """Seals a mapping for one field of one thing of one user."""
        nonce = self._random(NONCE_BYTES)
        key_id = self.newest.encode("ascii")
        plain = json.dumps(dict(values), separators=(",", ":")).encode()
        sealed = self._ciphers[self.newest].encrypt(nonce, plain, _binding(user, thing, field))
        return bytes([len(key_id)]) + key_id + nonce + sealed

    def open(self, sealed: bytes, *, user: str, thing: str, field: str) -> dict[str, str]:
        """Opens what `seal` made for the same user, thing and field. Raises `VaultError`."""
        length = sealed[0] if sealed else 0
        key_id = sealed[1 : 1 + length].decode("ascii", "replace")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise VaultError(f"there is no vault key {key_id!r}: add it to {self._setting}")
        start = 1 + length + NONCE_BYTES
        try:
            plain = cipher.decrypt(sealed[1 + length : start], sealed[start:], _binding(user, thing, field))
        except (InvalidTag, ValueError) as error:
            raise VaultError("the sealed value was altered, or belongs to something else") from error
        values: dict[str, str] = json.loads(plain)
        return values


def _binding(user: str, thing: str, field: str) -> bytes:
    # Ids hold no bar, so no two bindings read the same.
    return f"{user}|{thing}|{field}".encode()
