"""What is made of a picture: one recipe for each slot that the catalogue wants filled, and our own thumbnails. Pure: no I/O."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property

from catalog import Catalogue
from catalog.facts import SafeZone
from catalog.model import Slot
from servicekit.pictures.lanes import Lane
from servicekit.pictures.model import JPEG, PNG
from services.processor.pipeline import Edit, Fit, Mask, Rectangle, RenditionSpec, Zone, ZoneKind, recipe_version

# Event ids are derived from what happened, so that a repeated delivery publishes the same event again.
EVENT_IDS = uuid.UUID("6f6c1c0e-5f0a-4a57-9a39-3f1f2a1d7c55")
PLAIN = "plain"


@dataclass(frozen=True)
class Recipe:
    """How one variant is made. `platform` and `slot` are empty for pictures of our own."""

    key: str
    platform: str
    slot: str
    spec: RenditionSpec

    @cached_property
    def version(self) -> str:
        """Changes when the result would. Asked again and again for each picture, so it is worked out once."""
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
    return sorted([*slots, *_thumbnails(), _avatar()], key=lambda recipe: recipe.key)


def _avatar() -> Recipe:
    """What the public avatar addresses are made from: shown round in most places, and as large as anybody asks for."""
    spec = RenditionSpec(key="avatar.1024", width=1024, height=1024, formats=(JPEG, PNG), alpha=True, mask=Mask.CIRCLE)
    return Recipe(key=spec.key, platform="", slot="", spec=spec)


def _thumbnails() -> list[Recipe]:
    """The library's own pictures: the whole picture, made to fit, at one and two pixels a point, and a large view.

    One is JPEG, for programs that read nothing else.
    """
    formats = {
        320: ("image/webp", "image/avif"),
        640: ("image/webp", "image/avif", "image/jpeg"),
        1280: ("image/webp",),
    }
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


@dataclass(frozen=True)
class Job:
    """A picture to make all variants of."""

    image_id: str
    owner_id: str
    # Where the original is in the object store, and its hash, lower-case hex.
    object_key: str
    sha256: str
    revision: int
    # Which try this is for the revision, as whoever asked counts them; 1 is the first.
    attempt: int
    edit: Edit
    lane: Lane
    # What is done in single slots instead, by the key of the recipe.
    overrides: Mapping[str, Edit] = field(default_factory=dict)


def by_edit(job: Job, all_recipes: Sequence[Recipe]) -> Mapping[Edit, Sequence[Recipe]]:
    """Groups the recipes by what is done to the picture for them. The job's own edit comes first, even if no recipe is left for it."""
    groups: dict[Edit, list[Recipe]] = {job.edit: []}
    for recipe in all_recipes:
        groups.setdefault(job.overrides.get(recipe.key, job.edit), []).append(recipe)
    return groups


def fingerprint(all_recipes: Sequence[Recipe]) -> str:
    """Names the recipes in force: changes when any result would."""
    text = "\n".join(f"{recipe.key} {recipe.version}" for recipe in all_recipes)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def event_id(kind: str, job: Job, recipes_fingerprint: str) -> str:
    """Returns the id of the event that tells of one result: the same when the job is repeated, another for another try."""
    return str(uuid.uuid5(EVENT_IDS, f"{kind} {job.image_id} {job.revision} {job.attempt} {recipes_fingerprint}"))


def announcement_id(recipes_fingerprint: str, now: datetime, *, window_seconds: int) -> str:
    """Returns the id of the event that tells of the recipes in force: the same for all who tell it within one window."""
    window = int(now.timestamp()) // window_seconds
    return str(uuid.uuid5(EVENT_IDS, f"recipes {recipes_fingerprint} {window}"))


def edit_name(edit: Edit) -> str:
    """Names an edit by its effect; that of none is `plain`.

    What the owner left alone is not in it, so that a kind of edit that is added later renames none that exist.
    """
    untouched = asdict(Edit())
    changes = {name: value for name, value in asdict(edit).items() if value != untouched[name]}
    if not changes:
        return PLAIN
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:16]


def folder(job: Job, edit: Edit) -> str:
    """Returns where variants of an original are stored: named by what they are made from, so they are made once."""
    return f"variants/{job.owner_id}/{job.sha256}/{edit_name(edit)}"


def original_key(owner_id: str, sha256: str) -> str:
    """Returns where an original is in the object store, as the upload service names it."""
    return f"originals/{owner_id}/{sha256}"
