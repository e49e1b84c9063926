"""Whether a file and its description fit a place as its server has it, and what is said where they do not."""

from catalog import Slot
from services.sync.domain import outcomes as o
from services.sync.domain import reasons
from services.sync.domain.outcomes import PlatformError
from services.sync.domain.reasons import Reason
from services.sync.domain.server import ServerTerms
from services.sync.platforms.base import Picture

_KILOBYTE, _MEGABYTE = 1_000, 1_000_000
ELLIPSIS = "…"


def narrowed(slot: Slot, terms: ServerTerms | None) -> Slot:
    """Returns a slot of the catalogue under the terms of a server; read only where those leave no way to send anything."""
    stated = None if terms is None else terms.slots.get(slot.kind)
    if stated is None:
        return slot
    try:
        return slot.narrowed(
            mode=stated.mode,
            max_bytes=stated.max_bytes,
            formats=stated.formats,
            alt_text_max=stated.alt_text_max,
        )
    except ValueError:
        return slot.narrowed(mode="read_only")


def check_fits(picture: Picture, slot: Slot, *, server: str) -> None:
    """Raises `PlatformError` for what a server would refuse, see `misfit`."""
    problem = misfit(picture.content_type, len(picture.content), slot, server=server)
    if problem is not None:
        raise PlatformError(problem)


def misfit(content_type: str, size: int, slot: Slot, *, server: str) -> o.Problem | None:
    """Returns why a server would refuse a file of so many bytes; None where it fits.

    The files are made for the catalogue's limits, which nearly every server allows. The rest is for the person to decide: a
    smaller file would be a worse picture, or a still one where the person chose one that moves.
    """
    if not slot.wants_picture:
        return o.Unsupported(f"{server} has no {slot.kind} that could be set.")
    if content_type not in slot.formats:
        names, own = " or ".join(_format(each) for each in slot.formats), _format(content_type)
        advice = "Choose another picture, one that does not move."
        return o.InvalidImage(f"{server} takes {names} here, and this file is a {own}. {advice}")
    if size > slot.max_bytes:
        limit, own = _size(slot.max_bytes), _size(size)
        advice = "Choose a picture with fewer details, or one that does not move."
        return o.InvalidImage(f"{server} takes files up to {limit} here, and this one has {own}. {advice}")
    return None


def fitted_alt_text(text: str, slot: Slot) -> str:
    """Returns a description as the place takes it: whole, cut at a word, or none."""
    limit = slot.alt_text_max or 0
    if len(text) <= limit:
        return text
    if limit < 2:
        return ""
    head = text[: limit - 1]
    words, _, rest = head.rpartition(" ")
    # Only where the cut goes through a word, and not where a single word fills nearly all of it.
    if not text[limit - 1].isspace() and len(rest) < limit / 2:
        head = words
    return head.rstrip(" ,;:.-–—") + ELLIPSIS


def notes_on(alt_text: str, slot: Slot, *, place: str) -> list[Reason]:
    """Returns what a person should know of a description before it is sent; nothing where all is well."""
    if not alt_text or not slot.wants_picture:
        return []
    limit = slot.alt_text_max or 0
    if not limit:
        return [reasons.alt_text_not_taken(place)]
    if len(alt_text) > limit:
        return [reasons.alt_text_shortened(place, limit, len(alt_text))]
    return []


def _format(content_type: str) -> str:
    return content_type.removeprefix("image/").upper().replace("WEBP", "WebP")


def _size(count: int) -> str:
    unit, name = (_MEGABYTE, "MB") if count >= _MEGABYTE else (_KILOBYTE, "kB")
    return f"{count / unit:.3g} {name}" if count >= _KILOBYTE else f"{count} bytes"
