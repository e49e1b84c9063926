"""Refusals of what is too much, whichever way it comes. Pure: no I/O."""

from servicekit.errors import InvalidInputError


def too_many_bytes(max_bytes: int, actual: int | None = None) -> InvalidInputError:
    """Makes the refusal of a file that is too large; of one that was not read to its end nobody knows how large."""
    known = {} if actual is None else {"bytes": str(actual)}
    return InvalidInputError(
        f"The file is larger than {max_bytes / 1e6:.0f} MB. Export it smaller, or as JPEG, and try again.",
        reason="TOO_MANY_BYTES",
        metadata={"max_bytes": str(max_bytes), **known},
    )
