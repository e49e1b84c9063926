"""How much a library may hold. Pure: no I/O."""

from dataclasses import dataclass

from servicekit.errors import PreconditionError


@dataclass(frozen=True)
class Quota:
    """How many bytes the originals of one owner may have together; 0 means as many as they like."""

    bytes: int
    # Deleted pictures count until they cannot be restored any more.
    restore_days: int

    def holds(self, used: int, more: int) -> bool:
        """Tells whether so many more bytes fit. What needs no more room always fits."""
        return self.bytes == 0 or more == 0 or used + more <= self.bytes

    def exceeded(self, used: int, more: int) -> PreconditionError:
        """Makes the error that says what is full, by how much, and what to do."""
        return PreconditionError(
            f"Your library is full: {_megabytes(used)} of {_megabytes(self.bytes)} MB are used and this picture has {_megabytes(more)} MB."
            " Delete pictures that you do not need: their room comes back when you delete them for good among the deleted pictures,"
            f" or by itself {self.restore_days} {'day' if self.restore_days == 1 else 'days'} later. Or upload a smaller file.",
            reason="QUOTA_EXCEEDED",
            metadata={"used_bytes": str(used), "quota_bytes": str(self.bytes), "bytes": str(more)},
        )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f}" if count >= 10_000_000 else f"{count / 1e6:.1f}"
