"""What an owner wants done to a picture. Data on the picture, never a change of its original. Pure: no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from services.upload.domain.image import Rectangle


@dataclass(frozen=True)
class Point:
    """A place in a picture, in fractions of its width and height from the top left corner."""

    x: float
    y: float


@dataclass(frozen=True)
class Edit:
    """The upright picture is first turned, then mirrored, then cut.

    `crop` and `focus` are places in the turned and mirrored picture, which is what the owner sees when choosing them.
    """

    quarter_turns: int = 0
    """Clockwise, 0 to 3."""
    mirrored: bool = False
    crop: Rectangle | None = None
    """Nothing outside is ever shown; None means the whole picture."""
    focus: Point | None = None
    """What should stay in view where a shape cuts more off; None leaves it to us."""
    background: int | None = None
    """0xRRGGBB, shows through where a place knows no transparency; None means white."""


PLAIN = Edit()


@dataclass(frozen=True)
class Edits:
    """All that is done to a picture: everywhere, and in single slots (by their key, such as `x.avatar`) instead."""

    base: Edit = PLAIN
    overrides: Mapping[str, Edit] = field(default_factory=dict)

    @property
    def changes_anything(self) -> bool:
        return self != Edits()

    def without_repetitions(self) -> Self:
        """Returns the same without the overrides that do what is done everywhere anyway, sorted by key."""
        kept = {key: edit for key, edit in sorted(self.overrides.items()) if edit != self.base}
        return type(self)(self.base, kept)
