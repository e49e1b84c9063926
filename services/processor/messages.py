"""Edits and variants in the words of the contracts, both ways."""

from linkarooie.processor.v1 import processor_pb2
from services.processor.pipeline import Edit, FrameReason, Look, Point, Rectangle, Rendition, RenditionFailure

FRAME_REASONS = {
    FrameReason.WHOLE: processor_pb2.FRAME_REASON_WHOLE,
    FrameReason.CROP: processor_pb2.FRAME_REASON_CROP,
    FrameReason.FOCUS: processor_pb2.FRAME_REASON_FOCUS,
    FrameReason.FACES: processor_pb2.FRAME_REASON_FACES,
    FrameReason.SALIENCY: processor_pb2.FRAME_REASON_SALIENCY,
    FrameReason.CENTRE: processor_pb2.FRAME_REASON_CENTRE,
}


def edit_of(message: processor_pb2.Edit) -> Edit:
    """Reads an edit. Raises ValueError that says which part makes no sense."""
    if message.background > 0xFFFFFF:
        raise ValueError(f"background is {message.background:#x}; a colour is 0xRRGGBB, at most 0xffffff")
    white = Edit().background
    red, green, blue = message.background.to_bytes(3)
    crop, focus = message.crop, message.focus
    return Edit(
        quarter_turns=message.quarter_turns,
        mirrored=message.mirrored,
        crop=Rectangle(crop.left, crop.top, crop.right, crop.bottom) if message.HasField("crop") else None,
        focus=Point(focus.x, focus.y) if message.HasField("focus") else None,
        background=(red, green, blue) if message.HasField("background") else white,
    )


def overrides_of(message: processor_pb2.RenderImage) -> dict[str, Edit]:
    """Reads what is done in single slots, by the recipe's key. Raises ValueError that names the slot whose edit makes no sense."""
    overrides = {}
    for override in message.overrides:
        try:
            overrides[override.key] = edit_of(override.edit)
        except ValueError as error:
            raise ValueError(f"{override.key}: {error}") from error
    return overrides


def variant_message(made: Rendition, *, object_key: str) -> processor_pb2.Variant:
    """Tells of a finished file. Platform and slot are the recipe's to say."""
    return processor_pb2.Variant(
        key=made.key,
        content_type=made.content_type,
        width=made.width,
        height=made.height,
        bytes=made.bytes,
        sha256=made.sha256,
        perceptual_hash=made.perceptual_hash,
        object_key=object_key,
        recipe_version=made.recipe_version,
        notes=[processor_pb2.VariantNote(code=note.code, text=note.text) for note in made.notes],
        frame=processor_pb2.Frame(box=_rectangle(made.box), reason=FRAME_REASONS[made.frame_reason]),
    )


def failure_message(failed: RenditionFailure, version: str) -> processor_pb2.VariantFailure:
    """Tells of a file that cannot be made by a version of a recipe."""
    return processor_pb2.VariantFailure(
        key=failed.key, reason=failed.reason, message=failed.message, recipe_version=version
    )


def look_message(look: Look) -> processor_pb2.Look:
    """Tells what was seen in a picture."""
    return processor_pb2.Look(faces=[_rectangle(face) for face in look.faces], placeholder=look.placeholder)


def _rectangle(box: Rectangle) -> processor_pb2.Rectangle:
    return processor_pb2.Rectangle(left=box.left, top=box.top, right=box.right, bottom=box.bottom)
