"""Refresh tokens: opaque to their owner, and to us nothing but a hash.

The successor of a spent token is kept for a short while, since two tabs of a browser may race; it is sealed under a key
that only the spent token yields, so that the database alone reveals no token.
"""

import hashlib
import os
import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOKEN_BYTES = 32
NONCE_BYTES = 12  # the size that AES-GCM is defined for
KEY_PURPOSE = b"linkarooie refresh token successor v1"


def new_refresh_token() -> str:
    """Makes a token of 256 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> bytes:
    """Returns what is stored of a token. A plain hash is enough: nobody guesses 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


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
