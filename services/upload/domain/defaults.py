"""Which picture is shown where: choices for everywhere, for a platform, for a single connection. Pure: no I/O."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from servicekit.errors import InvalidInputError
from servicekit.ids import is_id
from services.upload.domain.problems import Problems, shown

SLOTS = ("avatar", "banner")
# Far more than anybody has connections.
CHOICES_MAX = 500


class Scope(StrEnum):
    """How much a choice is for; the narrowest one goes."""

    EVERYWHERE = "everywhere"
    PLATFORM = "platform"
    CONNECTION = "connection"


@dataclass(frozen=True, order=True)
class Place:
    """Where a picture can be chosen for: `scope_id` names the platform or connection, and is empty for everywhere."""

    slot: str
    scope: Scope = Scope.EVERYWHERE
    scope_id: str = ""

    @property
    def path(self) -> str:
        """Names it in what is said to people and programs."""
        if self.scope is Scope.EVERYWHERE:
            return f"{shown(self.slot)}.everywhere"
        return f"{shown(self.slot)}.{self.scope}s.{shown(self.scope_id)}"


AVATAR_EVERYWHERE = Place("avatar")

Choices = Mapping[Place, str]
"""The ids of pictures, by where they are shown."""


@dataclass(frozen=True)
class SlotChoices:
    """What was sent for one kind of slot, whether or not it makes sense. An empty `everywhere` is no choice."""

    slot: str
    everywhere: str = ""
    platforms: Mapping[str, str] = field(default_factory=dict)
    connections: Mapping[str, str] = field(default_factory=dict)

    def choices(self) -> dict[Place, str]:
        chosen = {Place(self.slot): self.everywhere} if self.everywhere else {}
        chosen |= {Place(self.slot, Scope.PLATFORM, one): image_id for one, image_id in self.platforms.items()}
        chosen |= {Place(self.slot, Scope.CONNECTION, one): image_id for one, image_id in self.connections.items()}
        return chosen


@dataclass(frozen=True)
class Defaults:
    """All choices of one owner. Those of deleted pictures are hidden: nobody is shown them until the picture is restored."""

    version: int = 0
    choices: Choices = field(default_factory=dict)
    hidden: Choices = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """Changes with every change by the owner, and when a picture with choices is deleted or restored."""
        if not self.hidden:
            return str(self.version)
        named = "\n".join(f"{place.slot} {place.scope} {place.scope_id}" for place in sorted(self.hidden))
        return f"{self.version}-{hashlib.sha256(named.encode()).hexdigest()[:16]}"

    def replaced_by(self, choices: Choices) -> Self:
        """Returns the next version. What is hidden stays, but where something else is chosen now."""
        hidden = {place: image_id for place, image_id in self.hidden.items() if place not in choices}
        return type(self)(self.version + 1, choices, hidden)


def named_pictures(sent: Sequence[SlotChoices]) -> set[str]:
    """Returns the ids of the pictures that are to be shown. Raises `InvalidInputError` for more choices than there may be."""
    count = sum(bool(one.everywhere) + len(one.platforms) + len(one.connections) for one in sent)
    if count > CHOICES_MAX:
        raise InvalidInputError(
            f"There are {count:,} choices; at most {CHOICES_MAX} are possible.",
            reason="TOO_MANY_CHOICES",
            metadata={"maximum": str(CHOICES_MAX), "actual": str(count)},
        )
    return {image_id for one in sent for image_id in one.choices().values() if is_id(image_id)}


def checked_choices(
    sent: Sequence[SlotChoices], *, pictures: Mapping[str, bool], platforms: Mapping[str, Collection[str]]
) -> dict[Place, str]:
    """Returns what was chosen.

    `pictures` are those of the owner among the named ones, and whether they are deleted; `platforms` the slots of each that take a
    picture. Raises `InvalidInputError` that names each choice that cannot be by its path.
    """
    problems = Problems("DEFAULTS_INVALID")
    chosen: dict[Place, str] = {}
    seen = set[str]()
    for one in sent:
        if one.slot not in SLOTS:
            problems.add(
                shown(one.slot) or "slot", f"There are the slots {' and '.join(SLOTS)}.", reason="SLOT_UNKNOWN"
            )
            continue
        if one.slot in seen:
            problems.add(one.slot, f"The {one.slot} is there twice; send it once.")
            continue
        seen.add(one.slot)
        for place, image_id in one.choices().items():
            _check_place(place, platforms, problems)
            _check_picture(place, image_id, pictures, problems)
            chosen[place] = image_id
    problems.raise_if_any()
    return chosen


def _check_place(place: Place, platforms: Mapping[str, Collection[str]], problems: Problems) -> None:
    name = shown(place.scope_id)
    match place.scope:
        case Scope.PLATFORM if place.scope_id not in platforms:
            problems.add(
                place.path,
                f"There is no platform {name}.",
                reason="PLATFORM_UNKNOWN",
                platforms=", ".join(sorted(platforms)),
            )
        case Scope.PLATFORM if place.slot not in platforms[place.scope_id]:
            problems.add(place.path, f"The platform {name} takes no {place.slot}.", reason="SLOT_UNKNOWN")
        case Scope.CONNECTION if not is_id(place.scope_id):
            problems.add(place.path, f"You have no connection {name}.", reason="CONNECTION_NOT_FOUND")


def _check_picture(place: Place, image_id: str, pictures: Mapping[str, bool], problems: Problems) -> None:
    if image_id not in pictures:
        problems.add(
            place.path,
            f"There is no picture {shown(image_id) or 'without an id'} in your library.",
            reason="IMAGE_NOT_FOUND",
        )
    elif pictures[image_id]:
        problems.add(
            place.path,
            f"You deleted the picture {image_id}; restore it, or choose another one.",
            reason="IMAGE_DELETED",
        )
