"""Chooses the file format of a version: what the place takes, shows best, and has room for."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from PIL import Image

from servicekit.pictures.model import PNG
from services.processor.pipeline.encode import ByteLimitUnreachableError, Encoded, Encoder
from services.processor.pipeline.flatten import flattened, opaque
from services.processor.pipeline.model import KEEPS_ALPHA, WRITABLE, Note, RenditionSpec
from services.processor.pipeline.notes import alpha_notes, quality_notes


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """A version's file, and what it cost to get there."""

    encoded: Encoded
    # What could be seen through was filled.
    is_flattened: bool
    notes: tuple[Note, ...]


class Cut:
    """The pixels of one part at one size, for all places that show them."""

    def __init__(self, image: Image.Image, background: tuple[int, int, int]) -> None:
        self.width, self.height = image.size
        self.background = background
        self._encoder = Encoder(opaque(image))

    @property
    def has_alpha(self) -> bool:
        """Something can be seen through."""
        return self._encoder.image.mode == "RGBA"

    @property
    def as_it_is(self) -> Encoder:
        return self._encoder

    @cached_property
    def filled(self) -> Encoder:
        """Without transparency."""
        return Encoder(flattened(self._encoder.image, self.background)) if self.has_alpha else self._encoder


def choose_file(cut: Cut, spec: RenditionSpec) -> ChosenFile:
    """Encodes in the first format that can show the picture within the limit; flattens it where none keeps alpha.

    Where no format fits at a quality that looks right, one is made that at least fits.
    Raises ByteLimitUnreachableError.
    """
    formats = [content_type for content_type in spec.formats if content_type in WRITABLE]
    keeping = [content_type for content_type in formats if spec.alpha and content_type in KEEPS_ALPHA]
    if cut.has_alpha and keeping:
        with suppress(ByteLimitUnreachableError):
            return _chosen(cut.as_it_is, keeping, spec, is_flattened=False, notes=())
    limit = spec.max_bytes if keeping else None
    flattening = alpha_notes(cut.background, max_bytes=limit) if cut.has_alpha else ()
    # A photograph as PNG is many times larger for nothing, so PNG comes last whatever the order.
    formats = sorted(formats, key=PNG.__eq__)
    with suppress(ByteLimitUnreachableError):
        return _chosen(cut.filled, formats, spec, is_flattened=cut.has_alpha, notes=flattening)
    return _chosen(cut.filled, formats, spec, is_flattened=cut.has_alpha, notes=flattening, last_resort=True)


def _chosen(
    encoder: Encoder,
    formats: list[str],
    spec: RenditionSpec,
    *,
    is_flattened: bool,
    notes: tuple[Note, ...],
    last_resort: bool = False,
) -> ChosenFile:
    """Encodes in the first of the formats that fits. Raises ByteLimitUnreachableError."""
    reached = []
    for content_type in formats:
        try:
            encoded = encoder.encode(content_type, spec.max_bytes, last_resort=last_resort)
        except ByteLimitUnreachableError as error:
            reached.append(error.fewest)
        else:
            return ChosenFile(encoded, is_flattened, (*notes, *quality_notes(encoded, spec)))
    raise ByteLimitUnreachableError(min(reached))
