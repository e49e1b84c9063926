"""The key that makes a creation safe to repeat: the same key again gets the first answer."""

from servicekit.errors import InvalidInputError

# As long as any client makes them (a UUID has 36), and short enough for an index.
MAX_CHARACTERS = 200


def check_key(key: str) -> str | None:
    """Returns the key; None where none was sent. Raises `InvalidInputError` for one that is too long or cannot be stored."""
    if len(key) > MAX_CHARACTERS or not key.isprintable():
        raise InvalidInputError.of_field(
            "idempotency_key", f"An idempotency key has at most {MAX_CHARACTERS} characters, all of them printable."
        )
    return key or None
