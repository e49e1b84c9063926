"""Files that can be looked at."""

from collections.abc import Sequence
from typing import Literal, cast

from gateway.media import MediaLinks
from gateway.schemas.common import Answer, word
from linkarooie.processor.v1 import processor_pb2


class Note(Answer):
    """Something that was changed on the way from the original, and why."""

    code: str
    """UPPER_SNAKE, for programs."""
    text: str
    """One sentence for people."""


class Rectangle(Answer):
    """A part of a picture, in fractions of its width and height from the top left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, box: processor_pb2.Rectangle) -> "Rectangle":
        return cls(left=box.left, top=box.top, right=box.right, bottom=box.bottom)


FrameReason = Literal["whole", "crop", "focus", "faces", "saliency", "centre"]


class Frame(Rectangle):
    """The part of the picture that a variant shows, and why this part."""

    reason: FrameReason
    """`whole`: all of it. `crop`: the owner's cut. `focus`: around the owner's point. `faces`: around the faces. `saliency`: around
    what catches the eye. `centre`: the middle, since nothing stands out."""


class Thumbnail(Answer):
    """A small picture for showing another one. The same size comes in more than one format: choose the first that can be shown."""

    url: str
    """Relative to this API's own address; good for at least a day."""
    content_type: str
    width: int
    height: int

    @classmethod
    def of(cls, variant: processor_pb2.Variant, links: MediaLinks) -> "Thumbnail":
        return cls(
            url=links.to(variant.object_key, name=variant.key.replace(".", "-")),
            content_type=variant.content_type,
            width=variant.width,
            height=variant.height,
        )


# Our own pictures that are shown by address; others of ours are for other ends.
THUMBNAIL = "thumbnail."
# The one that is offered in several formats at one address, JPEG among them.
PREVIEW = "thumbnail.640."
# The best first: the smaller file of the same quality. The last is what every program reads.
PREVIEW_FORMATS = ("image/avif", "image/webp", "image/jpeg")


def thumbnails_of(variants: Sequence[processor_pb2.Variant], links: MediaLinks) -> list[Thumbnail]:
    """Returns the thumbnails for browsers, which choose by format: without JPEG, which they all could read but none should."""
    return [
        Thumbnail.of(variant, links)
        for variant in variants
        if variant.key.startswith(THUMBNAIL) and variant.content_type != PREVIEW_FORMATS[-1]
    ]


def preview_url_of(variants: Sequence[processor_pb2.Variant], links: MediaLinks) -> str | None:
    """Returns the address of the picture that suits who asks; None before there is one."""
    made = {variant.content_type: variant.object_key for variant in variants if variant.key.startswith(PREVIEW)}
    keys = [made[content_type] for content_type in PREVIEW_FORMATS if content_type in made]
    if not keys:
        return None
    folder = keys[-1].rpartition("/")[0]
    beside = [key for key in keys[:-1] if key.rpartition("/")[0] == folder]
    return links.to(keys[-1], name="preview", alternatives=beside)


class Variant(Answer):
    """One finished file: what a platform gets in a slot, or a picture of our own."""

    key: str
    """The slot it is for, such as `x.avatar`, or a picture of our own, such as `thumbnail.320.webp`."""
    platform: str | None
    """Null for pictures of our own."""
    slot: str | None
    """`avatar` or `banner`; null for pictures of our own."""
    content_type: str
    width: int
    height: int
    bytes: int
    sha256: str
    notes: list[Note]
    """What was changed and why, most important first."""
    frame: Frame | None
    """The part of the picture that it shows; null where it was not noted."""
    url: str
    """Relative to this API's own address; good for at least a day."""

    @classmethod
    def of(cls, variant: processor_pb2.Variant, links: MediaLinks) -> "Variant":
        return cls(
            key=variant.key,
            platform=variant.platform or None,
            slot=variant.slot or None,
            content_type=variant.content_type,
            width=variant.width,
            height=variant.height,
            bytes=variant.bytes,
            sha256=variant.sha256,
            notes=[Note(code=note.code, text=note.text) for note in variant.notes],
            frame=frame_of(variant.frame),
            url=links.to(variant.object_key, name=variant.key.replace(".", "-")),
        )


class VariantList(Answer):
    """All variants of a picture."""

    items: list[Variant]
    """Sorted by key; empty until the picture is ready."""
    next_page_token: str
    """Always empty: there are too few to page."""
    revision: int
    """The revision that they were made from."""


def frame_of(frame: processor_pb2.Frame) -> Frame | None:
    """Returns what part a variant shows; None where it was not noted."""
    if frame.reason == processor_pb2.FRAME_REASON_UNSPECIFIED:
        return None
    reason = cast("FrameReason", word(processor_pb2.FrameReason, frame.reason))
    return Frame(left=frame.box.left, top=frame.box.top, right=frame.box.right, bottom=frame.box.bottom, reason=reason)
