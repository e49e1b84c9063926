"""Makes every version of one picture: the single entry, to be run in a picture worker."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from servicekit.pictures.decode import decode
from servicekit.pictures.model import AVIF, JPEG, NAMES, PNG, WEBP, PictureInfo, PictureLimits, byte_words
from servicekit.pictures.perceptual import perceptual_hash
from servicekit.pictures.probe import probe
from services.processor.pipeline.encode import QUALITY, ByteLimitUnreachableError, Encoded, encode
from services.processor.pipeline.frame import Frame, choose_frame
from services.processor.pipeline.look import PREVIEW_SIDE, look_at
from services.processor.pipeline.model import (
    KEEPS_ALPHA,
    WRITABLE,
    Edit,
    Look,
    Note,
    RenderResult,
    Rendition,
    RenditionFailure,
    RenditionSpec,
    recipe_version,
)
from services.processor.pipeline.resample import HEADROOM, Pyramid

_SUFFIXES = {JPEG: "jpg", PNG: "png", WEBP: "webp", AVIF: "avif"}
_TURNS = {1: Image.Transpose.ROTATE_270, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_90}


def render(
    source: Path, edit: Edit, specs: Sequence[RenditionSpec], out_dir: Path, limits: PictureLimits | None = None
) -> RenderResult:
    """Makes all versions of the picture file and writes them to `out_dir`. The same input gives the same bytes.

    Raises PictureRefused if the file is not an accepted picture. A version that cannot be made does not stop the others.
    """
    info = probe(source, limits or PictureLimits())
    width, height = (info.height, info.width) if edit.quarter_turns % 2 else (info.width, info.height)
    # What is seen moves a frame and never shrinks it, so the pixels needed are known before looking.
    unseen = [choose_frame(spec, width, height, edit, Look()) for spec in specs]
    scale = HEADROOM * max((frame.scale for frame in unseen), default=1)
    decoded = decode(source, info, scale=scale)
    pyramid = Pyramid(_turned(decoded.image, edit))
    look = look_at(pyramid.inside(PREVIEW_SIDE))
    frames = [choose_frame(spec, width, height, edit, look) for spec in specs]
    picture_notes = _picture_notes(info, decoded.was_converted)
    made: dict[str, Rendition | RenditionFailure] = {}
    outcomes = []
    for spec, frame in zip(specs, frames, strict=True):
        recipe = recipe_version(spec)
        if recipe not in made:
            made[recipe] = _make(pyramid, spec, frame, edit, picture_notes, out_dir)
        outcomes.append(replace(made[recipe], key=spec.key))
    return RenderResult(
        tuple(outcome for outcome in outcomes if isinstance(outcome, Rendition)),
        tuple(outcome for outcome in outcomes if isinstance(outcome, RenditionFailure)),
        look,
    )


def _turned(image: Image.Image, edit: Edit) -> Image.Image:
    if edit.quarter_turns:
        image = image.transpose(_TURNS[edit.quarter_turns])
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if edit.mirrored else image


def _make(
    pyramid: Pyramid, spec: RenditionSpec, frame: Frame, edit: Edit, picture_notes: tuple[Note, ...], out_dir: Path
) -> Rendition | RenditionFailure:
    image = pyramid.cut(frame.box, frame.width, frame.height)
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    notes = _size_notes(frame)
    try:
        image, content_type, encoded, encoding_notes = _encoded(image, spec, edit)
    except ByteLimitUnreachableError as error:
        return RenditionFailure(spec.key, "BYTE_LIMIT_UNREACHABLE", _unreachable(spec, error.fewest))
    recipe = recipe_version(spec)
    path = out_dir / f"{recipe}.{_SUFFIXES[content_type]}"
    path.write_bytes(encoded.content)
    return Rendition(
        key=spec.key,
        recipe_version=recipe,
        content_type=content_type,
        width=image.width,
        height=image.height,
        bytes=len(encoded.content),
        sha256=hashlib.sha256(encoded.content).hexdigest(),
        perceptual_hash=perceptual_hash(image).hex(),
        box=frame.box,
        frame_reason=frame.reason,
        path=path,
        quality=encoded.quality,
        notes=(*notes, *encoding_notes, *picture_notes),
    )


def _encoded(image: Image.Image, spec: RenditionSpec, edit: Edit) -> tuple[Image.Image, str, Encoded, tuple[Note, ...]]:
    """Encodes in the first format that can show the picture within the limit; flattens it where none keeps alpha.

    Returns what was encoded, too. Raises ByteLimitUnreachableError.
    """
    formats = [content_type for content_type in spec.formats if content_type in WRITABLE]
    flattened: tuple[Note, ...] = ()
    if image.mode == "RGBA":
        why = "this place shows no transparency"
        for content_type in formats if spec.alpha else ():
            if content_type in KEEPS_ALPHA:
                try:
                    encoded = encode(image, content_type, spec.max_bytes)
                except ByteLimitUnreachableError:
                    why = f"the transparent file would be over the limit of {byte_words(spec.max_bytes or 0)}"
                else:
                    return image, content_type, encoded, _quality_notes(encoded, content_type, spec)
        backdrop = Image.new("RGBA", image.size, (*edit.background, 255))
        image = Image.alpha_composite(backdrop, image).convert("RGB")
        colour = "#{:02x}{:02x}{:02x}".format(*edit.background)
        flattened = (Note("ALPHA_FLATTENED", f"Transparent parts were filled with {colour}, because {why}."),)
    # A photograph as PNG is many times larger for nothing, so PNG comes last whatever the order.
    reached = []
    for content_type in sorted(formats, key=PNG.__eq__):
        try:
            encoded = encode(image, content_type, spec.max_bytes)
        except ByteLimitUnreachableError as error:
            reached.append(error.fewest)
        else:
            return image, content_type, encoded, (*flattened, *_quality_notes(encoded, content_type, spec))
    raise ByteLimitUnreachableError(min(reached))


def _quality_notes(encoded: Encoded, content_type: str, spec: RenditionSpec) -> tuple[Note, ...]:
    usual = QUALITY.get(content_type)
    if encoded.quality == usual:
        return ()
    limit = byte_words(spec.max_bytes or 0)
    text = f"Saved as {NAMES[content_type]} at quality {encoded.quality} instead of {usual} to keep within {limit}."
    return (Note("QUALITY_LOWERED", text),)


def _size_notes(frame: Frame) -> tuple[Note, ...]:
    if frame.width <= frame.source_width + 0.5 and frame.height <= frame.source_height + 0.5:
        return ()
    have = f"{frame.source_width:.0f} × {frame.source_height:.0f}"
    text = (
        f"Your picture has {have} pixels here and this place shows {frame.width} × {frame.height}, so it was enlarged."
    )
    return (Note("UPSCALED", text),)


def _picture_notes(info: PictureInfo, was_converted: bool) -> tuple[Note, ...]:
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


def _unreachable(spec: RenditionSpec, fewest: int) -> str:
    return (
        f"At {spec.width} × {spec.height} pixels the picture takes at least {byte_words(fewest)}, and this place allows "
        f"{byte_words(spec.max_bytes or 0)}. Choose a picture with less fine detail, or cut to a calmer part of it."
    )
