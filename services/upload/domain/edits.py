"""What an owner wants done to a picture. Data on the picture, never a change of its original. Pure: no I/O."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from services.upload.domain.image import Image, ImageState, Rectangle
from services.upload.domain.problems import Problems, shown

# Less than that shows nothing that anybody could tell, at any size.
CROP_MIN_PIXELS = 16
# Far more than there are slots: a list that is longer is not looked through.
OVERRIDES_MAX = 100
# Older ones are forgotten when another comes.
REVISIONS_KEPT = 100
WHITE = 0xFFFFFF


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

    def tidied(self) -> Self:
        """Returns the same without what does nothing, so that what does the same is equal and its files are made once."""
        return replace(
            self,
            crop=None if self.crop == Rectangle(0, 0, 1, 1) else self.crop,
            background=None if self.background == WHITE else self.background,
        )


PLAIN = Edit()


@dataclass(frozen=True)
class Edits:
    """All that is done to a picture: everywhere, and in single slots (by their key, such as `x.avatar`) instead."""

    base: Edit = PLAIN
    overrides: Mapping[str, Edit] = field(default_factory=dict)

    @property
    def changes_anything(self) -> bool:
        return self != Edits()

    def only(self, slots: Collection[str]) -> Self:
        """Returns the same without the overrides of places that there are not any more."""
        return type(self)(self.base, {key: edit for key, edit in self.overrides.items() if key in slots})

    def without_repetitions(self) -> Self:
        """Returns the same without the overrides that do what is done everywhere anyway, sorted by key."""
        kept = {key: edit for key, edit in sorted(self.overrides.items()) if edit != self.base}
        return type(self)(self.base, kept)


@dataclass(frozen=True)
class Revision:
    """What is done to a picture, as of one of its revisions. The first is the picture as it was uploaded."""

    number: int
    edits: Edits
    created_at: datetime

    @property
    def id(self) -> str:
        """Names it within its picture; what page tokens hold."""
        return str(self.number)


def revised(image: Image, edits: Edits, now: datetime) -> Image:
    """Returns the picture as its next revision, whose variants are still to be made."""
    return replace(
        image,
        revision=image.revision + 1,
        version=image.version + 1,
        edited=edits.changes_anything,
        state=ImageState.PROCESSING,
        attempt=1,
        failure_reason="",
        failure_message="",
        asked_at=now,
        # Of the revision before: whatever comes for this one is newer, even by a clock that is behind.
        made_at=None,
    )


def checked_edits(
    base: Edit, overrides: Sequence[tuple[str, Edit]], *, width: int, height: int, slots: Collection[str]
) -> Edits:
    """Returns what was asked for, without what does nothing. The sizes are those of the upright picture.

    Raises `InvalidInputError` (EDIT_INVALID, SLOT_UNKNOWN) that names each value that makes no sense by its path.
    """
    problems = Problems("EDIT_INVALID")
    _check(base, "base", width, height, problems)
    if len(overrides) > OVERRIDES_MAX:
        problems.add(
            "overrides",
            f"There are changes for {len(overrides):,} single places; at most {OVERRIDES_MAX} are possible.",
            maximum=OVERRIDES_MAX,
            actual=len(overrides),
        )
        problems.raise_if_any()
    seen = set[str]()
    for key, edit in overrides:
        path = f"overrides.{shown(key)}"
        if key in seen:
            problems.add(path, f"{shown(key)} is named twice; name it once.")
        elif key not in slots:
            problems.add(
                path,
                f"There is no place {shown(key)} that takes a picture.",
                reason="SLOT_UNKNOWN",
                slots=", ".join(sorted(slots)),
            )
        seen.add(key)
        _check(edit, path, width, height, problems)
    problems.raise_if_any()
    return Edits(base.tidied(), {key: edit.tidied() for key, edit in overrides}).without_repetitions()


def _check(edit: Edit, path: str, width: int, height: int, problems: Problems) -> None:
    if edit.quarter_turns not in range(4):
        problems.add(
            f"{path}.quarter_turns",
            f"A picture is turned by 0 to 3 quarters, not by {edit.quarter_turns}.",
            minimum=0,
            maximum=3,
            actual=edit.quarter_turns,
        )
    if edit.quarter_turns % 2:
        width, height = height, width
    if edit.crop is not None:
        _check_crop(edit.crop, f"{path}.crop", width, height, problems)
    # Not a number is neither more nor less than any, so what is right is asked for rather than what is wrong.
    if edit.focus is not None and not (0 <= edit.focus.x <= 1 and 0 <= edit.focus.y <= 1):
        problems.add(
            f"{path}.focus",
            f"The point to keep in view lies inside the picture, from 0 to 1 in each direction; this is {edit.focus.x:g}, {edit.focus.y:g}.",
            minimum=0,
            maximum=1,
            actual=f"x={edit.focus.x:g} y={edit.focus.y:g}",
        )
    if edit.background is not None and not 0 <= edit.background <= WHITE:
        problems.add(
            f"{path}.background",
            f"A colour is a number from 0 to 0xFFFFFF, red, green and blue; this is {edit.background:#x}.",
            minimum=0,
            maximum=WHITE,
            actual=edit.background,
        )


def _check_crop(crop: Rectangle, path: str, width: int, height: int, problems: Problems) -> None:
    actual = f"left={crop.left:g} top={crop.top:g} right={crop.right:g} bottom={crop.bottom:g}"
    if not all(0 <= edge <= 1 for edge in (crop.left, crop.top, crop.right, crop.bottom)):
        problems.add(
            path,
            f"The part to show lies inside the picture, from 0 to 1 in each direction; this is {actual}.",
            minimum=0,
            maximum=1,
            actual=actual,
        )
        return
    if crop.left >= crop.right or crop.top >= crop.bottom:
        problems.add(
            path, f"The left edge comes before the right one, and top before bottom; this is {actual}.", actual=actual
        )
        return
    # Fractions of 16 pixels are seldom exact.
    across, down = round((crop.right - crop.left) * width, 3), round((crop.bottom - crop.top) * height, 3)
    if across < CROP_MIN_PIXELS or down < CROP_MIN_PIXELS:
        problems.add(
            path,
            f"The part to show has {across:g} × {down:g} pixels of the picture's {width} × {height};"
            f" take at least {CROP_MIN_PIXELS} in each direction.",
            minimum_pixels=CROP_MIN_PIXELS,
            actual=f"{across:g} × {down:g}",
        )


def edits_json(edits: Edits) -> dict[str, Any]:  # JSON
    """Returns edits as they are stored: what is left alone is left out."""
    return {
        "base": _edit_json(edits.base),
        "overrides": {key: _edit_json(edit) for key, edit in edits.overrides.items()},
    }


def edits_of_json(stored: Mapping[str, Any]) -> Edits:  # JSON
    """Reads what `edits_json` wrote."""
    overrides = {key: _edit_of_json(edit) for key, edit in sorted(stored["overrides"].items())}
    return Edits(_edit_of_json(stored["base"]), overrides)


def _edit_json(edit: Edit) -> dict[str, Any]:  # JSON
    untouched = asdict(PLAIN)
    return {name: value for name, value in asdict(edit).items() if value != untouched[name]}


def _edit_of_json(stored: Mapping[str, Any]) -> Edit:  # JSON
    values = dict(stored)
    if "crop" in values:
        values["crop"] = Rectangle(**values["crop"])
    if "focus" in values:
        values["focus"] = Point(**values["focus"])
    return Edit(**values)
