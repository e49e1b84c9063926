"""Opaque tokens: to their owner a text to hand back, to us nothing but a hash."""

import hashlib
import secrets

TOKEN_BYTES = 32


def new_token() -> str:
    """Makes a token of 256 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> bytes:
    """Returns what is stored of a token. A plain hash is enough: nobody guesses 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
