"""Edits between the contract and the domain, both ways."""

from linkarooie.processor.v1 import processor_pb2
from linkarooie.upload.v1 import upload_pb2
from services.upload.domain.edits import Edit, Edits, Point
from services.upload.domain.image import Rectangle


def read_edit(message: processor_pb2.Edit) -> Edit:
    """Returns an edit as it was sent, whether or not it makes sense."""
    crop, focus = message.crop, message.focus
    return Edit(
        quarter_turns=message.quarter_turns,
        mirrored=message.mirrored,
        crop=Rectangle(crop.left, crop.top, crop.right, crop.bottom) if message.HasField("crop") else None,
        focus=Point(focus.x, focus.y) if message.HasField("focus") else None,
        background=message.background if message.HasField("background") else None,
    )


def write_edit(edit: Edit) -> processor_pb2.Edit:
    crop, focus = edit.crop, edit.focus
    return processor_pb2.Edit(
        quarter_turns=edit.quarter_turns,
        mirrored=edit.mirrored,
        crop=(
            processor_pb2.Rectangle(left=crop.left, top=crop.top, right=crop.right, bottom=crop.bottom)
            if crop
            else None
        ),
        focus=processor_pb2.Point(x=focus.x, y=focus.y) if focus else None,
        background=edit.background,
    )


def write_overrides(edits: Edits) -> list[processor_pb2.SlotEdit]:
    return [processor_pb2.SlotEdit(key=key, edit=write_edit(edit)) for key, edit in sorted(edits.overrides.items())]


def write_edits(edits: Edits) -> upload_pb2.Edits:
    return upload_pb2.Edits(base=write_edit(edits.base), overrides=write_overrides(edits))
