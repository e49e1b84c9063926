"""Words for what was changed on the way from an original to a version."""

from servicekit.pictures.model import NAMES, PictureInfo, byte_words
from services.processor.pipeline.encode import LOWEST_QUALITY, QUALITY, Encoded
from services.processor.pipeline.frame import Frame
from services.processor.pipeline.model import Note, RenditionSpec


def size_notes(frame: Frame) -> tuple[Note, ...]:
    """Says where a picture had to be enlarged."""
    if frame.width <= frame.source_width + 0.5 and frame.height <= frame.source_height + 0.5:
        return ()
    have = f"{frame.source_width:.0f} × {frame.source_height:.0f}"
    text = (
        f"Your picture has {have} pixels here and this place shows {frame.width} × {frame.height}, so it was enlarged."
    )
    return (Note("UPSCALED", text),)


def picture_notes(info: PictureInfo, *, was_converted: bool) -> tuple[Note, ...]:
    """Says what every version of the picture leaves out or shows otherwise."""
    notes = []
    if info.frames > 1:
        notes.append(Note("ANIMATION_DROPPED", f"Only the first of {info.frames} frames is used."))
    if was_converted:
        notes.append(Note("CONVERTED_TO_SRGB", "Colours were converted to sRGB, which every screen shows alike."))
    if info.has_location:
        text = "Hidden data was removed, among it the place where the picture was taken."
        notes.append(Note("METADATA_REMOVED", text))
    elif info.has_metadata:
        notes.append(Note("METADATA_REMOVED", "Hidden data, such as camera and date, was removed."))
    return tuple(notes)


def alpha_notes(background: tuple[int, int, int], *, max_bytes: int | None) -> tuple[Note, ...]:
    """Says that transparency was filled: because it does not fit into `max_bytes`, or with None because of the place."""
    colour = "#{:02x}{:02x}{:02x}".format(*background)
    why = (
        "this place shows no transparency"
        if max_bytes is None
        else f"the transparent file would be over the limit of {byte_words(max_bytes)}"
    )
    return (Note("ALPHA_FLATTENED", f"Transparent parts were filled with {colour}, because {why}."),)


def quality_notes(encoded: Encoded, spec: RenditionSpec) -> tuple[Note, ...]:
    """Says where a limit of bytes cost quality."""
    usual = QUALITY.get(encoded.content_type)
    if encoded.quality is None or encoded.quality == usual:
        return ()
    name, limit = NAMES[encoded.content_type], byte_words(spec.max_bytes or 0)
    text = f"Saved as {name} at quality {encoded.quality} instead of {usual} to keep within {limit}."
    if encoded.quality < LOWEST_QUALITY[encoded.content_type]:
        text += " Fine detail was lost."
    return (Note("QUALITY_LOWERED", text),)


def unreachable(spec: RenditionSpec, fewest: int) -> str:
    """Says that no file is small enough, and what helps. `fewest` is the smallest in bytes that was reached."""
    return (
        f"At {spec.width} × {spec.height} pixels the picture takes at least {byte_words(fewest)}, and this place allows "
        f"{byte_words(spec.max_bytes or 0)}. Choose a picture with less fine detail, or cut to a calmer part of it."
    )
