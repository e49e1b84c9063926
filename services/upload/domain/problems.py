"""All that is wrong with what was sent, told at once."""

from servicekit.errors import FieldViolation, InvalidInputError

# An answer has little room for what is wrong: each takes about 200 bytes of the 8,192 that a client reads.
NAMED_MAX = 10
# As long as the longest name or id that means anything.
SHOWN_MAX = 60


class Problems:
    """Collects what is wrong, each with the path to it."""

    def __init__(self, reason: str) -> None:
        """`reason` is that of the error, unless the first problem has one of its own."""
        self._reason = reason
        self._found: list[FieldViolation] = []
        self._first_reason: str | None = None
        self._figures: dict[str, str] = {}

    def add(self, path: str, sentence: str, *, reason: str | None = None, **figures: object) -> None:
        """Notes a problem. `figures` are limits and actual values: those of the first are the error's metadata."""
        if not self._found:
            self._first_reason = reason
            self._figures = {"field": path} | {name: str(value) for name, value in figures.items()}
        self._found.append(FieldViolation(path, sentence))

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
    start = name[:SHOWN_MAX]
    kept = "".join(character if character.isascii() and character.isprintable() else "?" for character in start)
    return kept if len(name) <= SHOWN_MAX else f"{kept}…"
