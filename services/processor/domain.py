"""What is made of a picture: one recipe for each slot that the catalogue wants filled, and our own thumbnails. Pure: no I/O."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from catalog import Catalogue
from catalog.facts import SafeZone
from catalog.model import Slot
from services.processor.pipeline import Fit, Mask, Rectangle, RenditionSpec, Zone, ZoneKind, recipe_version

# Event ids are derived from what happened, so that a repeated delivery publishes the same event again.
EVENT_IDS = uuid.UUID("6f6c1c0e-5f0a-4a57-9a39-3f1f2a1d7c55")


@dataclass(frozen=True)
class Recipe:
    """How one variant is made. `platform` and `slot` are empty for pictures of our own."""

    key: str
    platform: str
    slot: str
    spec: RenditionSpec

    @property
    def version(self) -> str:
        return recipe_version(self.spec)


def recipes(catalogue: Catalogue) -> Sequence[Recipe]:
    """Returns all recipes, sorted by key."""
    slots = [
        Recipe(
            key=slot.key,
            platform=slot.platform,
            slot=slot.kind,
            spec=RenditionSpec(
                key=slot.key,
                width=slot.width,
                height=slot.height,
                formats=slot.formats,
                max_bytes=slot.max_bytes,
                alpha=slot.alpha,
                mask=Mask(slot.mask),
                zones=tuple(_zone(zone, slot) for zone in slot.safe_zones),
            ),
        )
        for slot in catalogue.slots()
        if slot.wants_picture
    ]
    return sorted([*slots, *_thumbnails()], key=lambda recipe: recipe.key)


def _thumbnails() -> list[Recipe]:
    """The library's own pictures: the whole picture, made to fit, at one and two pixels a point, and a large view."""
    formats = {320: ("image/webp", "image/avif"), 640: ("image/webp", "image/avif"), 1280: ("image/webp",)}
    specs = [
        RenditionSpec(
            key=f"thumbnail.{side}.{format.removeprefix('image/')}",
            width=side,
            height=side,
            formats=(format,),
            fit=Fit.INSIDE,
            alpha=True,
        )
        for side, wanted in formats.items()
        for format in wanted
    ]
    return [Recipe(key=spec.key, platform="", slot="", spec=spec) for spec in specs]


def _zone(zone: SafeZone, slot: Slot) -> Zone:
    across, down = slot.width, slot.height
    return Zone(
        ZoneKind(zone.kind),
        Rectangle(zone.x / across, zone.y / down, (zone.x + zone.width) / across, (zone.y + zone.height) / down),
    )


def fingerprint(all_recipes: Sequence[Recipe]) -> str:
    """Names the recipes in force: changes when any result would."""
    text = "\n".join(f"{recipe.key} {recipe.version}" for recipe in all_recipes)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def event_id(kind: str, image_id: str, revision: int, recipes_fingerprint: str) -> str:
    """Returns the id of the event that tells of one result."""
    return str(uuid.uuid5(EVENT_IDS, f"{kind} {image_id} {revision} {recipes_fingerprint}"))


def folder(owner_id: str, sha256: str, recipes_fingerprint: str) -> str:
    """Returns where the variants of an original are stored: named by what they are made from, so they are made once."""
    return f"variants/{owner_id}/{sha256}/{recipes_fingerprint}"
