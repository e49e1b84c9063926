"""What is done to a picture."""

from typing import Annotated

from pydantic import Field

from gateway.schemas.common import Answer, Question, Time
from linkarooie.processor.v1 import processor_pb2
from linkarooie.upload.v1 import upload_pb2
from servicekit.protobuf import moment

# Judged by the service, which knows the picture: its refusal names limits and actual values in `metadata`.
Fraction = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})]
Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
SlotKey = Annotated[str, Field(max_length=100, description="A slot of the catalogue, such as `x.avatar`.")]


class Crop(Question):
    """A part of the picture, in fractions of its width and height from the top left corner."""

    left: Fraction
    top: Fraction
    right: Fraction
    """More than `left`."""
    bottom: Fraction
    """More than `top`."""


class Focus(Question):
    """A place in the picture, in fractions of its width and height from the top left corner."""

    x: Fraction
    y: Fraction


class Edit(Question):
    """What is done to the upright picture: it is turned, then mirrored, then cut. Places are those of the turned and mirrored picture."""

    quarter_turns: int = Field(default=0, ge=0, le=3)
    """Clockwise."""
    mirrored: bool = False
    """Left and right swapped."""
    crop: Crop | None = None
    """Nothing outside is ever shown; null means the whole picture."""
    focus: Focus | None = None
    """What should stay in view where a shape cuts more off; null leaves it to us."""
    background: Colour | None = None
    """Shows through transparent parts where a place knows no transparency; null means white."""

    @classmethod
    def of(cls, edit: processor_pb2.Edit) -> "Edit":
        crop, focus = edit.crop, edit.focus
        return cls(
            quarter_turns=edit.quarter_turns,
            mirrored=edit.mirrored,
            crop=(
                Crop(left=crop.left, top=crop.top, right=crop.right, bottom=crop.bottom)
                if edit.HasField("crop")
                else None
            ),
            focus=Focus(x=focus.x, y=focus.y) if edit.HasField("focus") else None,
            background=f"#{edit.background:06x}" if edit.HasField("background") else None,
        )

    def message(self) -> processor_pb2.Edit:
        """Returns the contract's form of it."""
        return processor_pb2.Edit(
            quarter_turns=self.quarter_turns,
            mirrored=self.mirrored,
            crop=processor_pb2.Rectangle(**self.crop.model_dump()) if self.crop else None,
            focus=processor_pb2.Point(**self.focus.model_dump()) if self.focus else None,
            background=int(self.background[1:], 16) if self.background else None,
        )


class Edits(Question):
    """All that shall be done to a picture."""

    base: Edit = Field(default_factory=Edit)
    """Everywhere, but for the slots below."""
    overrides: dict[SlotKey, Edit] = Field(default_factory=dict, max_length=100)
    """What is done in single slots instead, by the slot's key."""

    def message(self) -> upload_pb2.Edits:
        """Returns the contract's form of it."""
        return upload_pb2.Edits(
            base=self.base.message(),
            overrides=[
                processor_pb2.SlotEdit(key=key, edit=edit.message()) for key, edit in sorted(self.overrides.items())
            ],
        )


class Revision(Answer):
    """What is done to a picture, as of one of its revisions."""

    number: int
    """Counted from 1, which is the picture as it was uploaded."""
    base: Edit
    """Everywhere, but for the slots below."""
    overrides: dict[str, Edit]
    """What is done in single slots instead, by the slot's key."""
    created_at: Time

    @classmethod
    def of(cls, revision: upload_pb2.Revision) -> "Revision":
        return cls(
            number=revision.number,
            base=Edit.of(revision.edits.base),
            overrides={one.key: Edit.of(one.edit) for one in revision.edits.overrides},
            created_at=moment(revision.create_time),
        )


class RevisionList(Answer):
    """A page of a picture's revisions, newest first."""

    items: list[Revision]
    next_page_token: str
    """Empty on the last page."""


class PreviewWanted(Question):
    """Asks how one slot would look."""

    slot: SlotKey
    """The slot's key in the catalogue, such as `x.avatar`."""
    edit: Edit = Field(default_factory=Edit)
    """What to do to the picture; nothing of it is kept."""
