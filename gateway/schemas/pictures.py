"""Files that can be looked at."""

from gateway.media import MediaLinks
from gateway.schemas.common import Answer
from linkarooie.processor.v1 import processor_pb2


class Note(Answer):
    """Something that was changed on the way from the original, and why."""

    code: str
    """UPPER_SNAKE, for programs."""
    text: str
    """One sentence for people."""


class Thumbnail(Answer):
    """A small picture for showing another one."""

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


class Variant(Answer):
    """One finished file: what a platform gets in a slot, or a picture of our own."""

    key: str
    """The slot it is for, such as `x.avatar`, or a picture of our own, such as `thumbnail.320`."""
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
