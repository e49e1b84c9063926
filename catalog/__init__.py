"""The platforms as data: which pictures they show, in what shape, and what their APIs allow."""

from catalog.facts import Fact, Facts, Kind, Mode, SafeZone, Size, Source
from catalog.loader import load_catalogue
from catalog.model import Assist, Catalogue, CatalogueError, NotAllowed, Platform, Slot, UnknownSlotError

__all__ = [
    "Assist",
    "Catalogue",
    "CatalogueError",
    "Fact",
    "Facts",
    "Kind",
    "Mode",
    "NotAllowed",
    "Platform",
    "SafeZone",
    "Size",
    "Slot",
    "Source",
    "UnknownSlotError",
    "load_catalogue",
]
