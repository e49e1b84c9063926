"""Frames and looks between the contract and the domain, both ways."""

from collections.abc import Iterable

from linkarooie.processor.v1 import processor_pb2
from servicekit.pictures.perceptual import PerceptualHash
from services.upload.domain.image import THUMBNAILS, Frame, FrameReason, Look, Rectangle, Variant

REASONS = {
    FrameReason.WHOLE: processor_pb2.FRAME_REASON_WHOLE,
    FrameReason.CROP: processor_pb2.FRAME_REASON_CROP,
    FrameReason.FOCUS: processor_pb2.FRAME_REASON_FOCUS,
    FrameReason.FACES: processor_pb2.FRAME_REASON_FACES,
    FrameReason.SALIENCY: processor_pb2.FRAME_REASON_SALIENCY,
    FrameReason.CENTRE: processor_pb2.FRAME_REASON_CENTRE,
}
_KNOWN = {said: reason for reason, said in REASONS.items()}


def read_frame(made: processor_pb2.Variant) -> Frame | None:
    """Returns what part a variant shows; None where that is not said, or for a reason that only a newer version knows."""
    reason = _KNOWN.get(made.frame.reason)
    return None if reason is None else Frame(_read_rectangle(made.frame.box), reason)


def read_look(look: processor_pb2.Look) -> Look:
    return Look(tuple(_read_rectangle(face) for face in look.faces), look.placeholder)


def _read_rectangle(box: processor_pb2.Rectangle) -> Rectangle:
    return Rectangle(box.left, box.top, box.right, box.bottom)


def write_frame(frame: Frame | None) -> processor_pb2.Frame | None:
    return None if frame is None else processor_pb2.Frame(box=_write_rectangle(frame.box), reason=REASONS[frame.reason])


def write_look(look: Look) -> processor_pb2.Look:
    return processor_pb2.Look(faces=[_write_rectangle(face) for face in look.faces], placeholder=look.placeholder)


def _write_rectangle(box: Rectangle) -> processor_pb2.Rectangle:
    return processor_pb2.Rectangle(left=box.left, top=box.top, right=box.right, bottom=box.bottom)


def hash_of(variants: Iterable[Variant]) -> PerceptualHash | None:
    """Returns how a picture looks: as its largest thumbnail does. None where there is none, or its hash is not readable."""
    own = [variant for variant in variants if variant.key.startswith(THUMBNAILS)]
    if not own:
        return None
    try:
        return PerceptualHash.from_hex(max(own, key=lambda variant: variant.width * variant.height).perceptual_hash)
    except ValueError:
        return None
