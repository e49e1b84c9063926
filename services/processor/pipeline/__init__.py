"""Turns an original into every version that is asked for: decode once, frame, resample, encode.

Pure picture code: `render` runs in a picture worker and knows nothing of services.
"""

from services.processor.pipeline.model import (
    PIPELINE_VERSION,
    Edit,
    Fit,
    FrameReason,
    Look,
    Mask,
    Note,
    Point,
    Rectangle,
    RenderResult,
    Rendition,
    RenditionFailure,
    RenditionSpec,
    Zone,
    ZoneKind,
    recipe_version,
)
from services.processor.pipeline.rendering import preview, render

__all__ = [
    "PIPELINE_VERSION",
    "Edit",
    "Fit",
    "FrameReason",
    "Look",
    "Mask",
    "Note",
    "Point",
    "Rectangle",
    "RenderResult",
    "Rendition",
    "RenditionFailure",
    "RenditionSpec",
    "Zone",
    "ZoneKind",
    "preview",
    "recipe_version",
    "render",
]
