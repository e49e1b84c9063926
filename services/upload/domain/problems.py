"""All that is wrong with what was sent, told at once."""

from servicekit.errors import FieldViolation, InvalidInputError

# An answer has little room for what is wrong: each takes about 200 bytes of the 8,192 that a client reads.
NAMED_MAX = 10
# As long as the longest name or id that means anything.
SHOWN_MAX = 60


class Problems:
    """Collects what is wrong, each with the path to it; figures go into the error's metadata by the same path."""

    def __init__(self, reason: str) -> None:
        """`reason` is that of the error, unless the first problem has one of its own."""
        self._reason = reason
        self._found: list[FieldViolation] = []
        self._first_reason: str | None = None
        self._figures: dict[str, str] = {}

    def add(self, path: str, sentence: str, *, reason: str | None = None, **figures: object) -> None:
        """Notes a problem. `figures` are limits and actual values."""
        if not self._found:
            self._first_reason = reason
        self._found.append(FieldViolation(path, sentence))
        if len(self._found) <= NAMED_MAX:
            self._figures |= {f"{path}.{name}": str(value) for name, value in figures.items()}

    def raise_if_any(self) -> None:
        """Raises `InvalidInputError` that names each."""
        if not self._found:
            return
        named = self._found[:NAMED_MAX]
        more = len(self._found) - len(named)
        message = named[0].description
        if len(self._found) > 1:
            paths = ", ".join(dict.fromkeys(problem.field for problem in named))
            message = f"Some of it is not right: {paths}{f' and {more:,} more' if more else ''}."
        raise InvalidInputError(
            message, reason=self._first_reason or self._reason, metadata=self._figures, violations=tuple(named)
        )


def shown(name: str) -> str:
    """Returns a name that somebody sent, fit to be repeated in an answer."""
    kept = "".join(character if character.isascii() and character.isprintable() else "?" for character in name)
    return kept if len(kept) <= SHOWN_MAX else f"{kept[: SHOWN_MAX - 1]}…"
