"""The successor of a spent refresh token is kept for a short while, since two tabs of a browser may race.

It is sealed under a key that only the spent token yields, so that the database alone reveals no token.
"""

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12  # the size that AES-GCM is defined for
KEY_PURPOSE = b"linkarooie refresh token successor v1"


def seal_successor(successor: str, *, spent: str, session_id: str) -> bytes:
    """Encrypts a token so that only the one spent for it, in the same session, opens it."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(_key(spent)).encrypt(nonce, successor.encode(), session_id.encode())


def open_successor(sealed: bytes, *, spent: str, session_id: str) -> str:
    """Returns the successor of a spent token. Raises `cryptography.exceptions.InvalidTag` for another token or session."""
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    return AESGCM(_key(spent)).decrypt(nonce, ciphertext, session_id.encode()).decode()


def _key(spent: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=KEY_PURPOSE).derive(spent.encode())
