"""What the catalogue says of a platform: typed, frozen, and every figure with its origin.

The files are `catalog/<platform>.toml`; `catalog.loader` reads them. Nothing here knows a platform by name.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from catalog.facts import Fact, Facts, Kind, Mask, Mode, Model, Observe, ReadBack, SafeZone, Size, Source, T, Text, Url

AuthKind = Literal["oauth1", "oauth2", "atproto_oauth", "none"]

# From what may do most to what may do least: narrowing only moves to the right.
_MODES: tuple[Mode, ...] = ("write", "assisted", "read_only", "none")


class CatalogueError(Exception):
    """A catalogue file cannot be used. The message names the file, the key and what to do."""


class UnknownSlotError(LookupError):
    """No platform in the catalogue has the slot asked for."""


class Assist(Model):
    """How a person sets the picture by hand: numbered steps, and the page where they start."""

    steps: tuple[Text, ...] = Field(min_length=1)
    link: Url


class Slot(Model):
    """One place on a platform that shows a picture. `x.avatar` is the avatar of platform `x`."""

    platform: Text
    kind: Kind
    facts: Facts
    scopes: tuple[Text, ...] = ()
    assist: Assist | None = None
    safe_zones: tuple[SafeZone, ...] = ()

    @property
    def key(self) -> str:
        """Names the slot across the product."""
        return f"{self.platform}.{self.kind}"

    @property
    def wants_picture(self) -> bool:
        """Whether a rendition is of any use here."""
        return self.mode in ("write", "assisted")

    @property
    def mode(self) -> Mode:
        return self.facts.mode.value

    @property
    def observe(self) -> Observe:
        return self.facts.observe.value

    @property
    def read_back(self) -> ReadBack:
        return self.facts.read_back.value

    @property
    def formats(self) -> tuple[str, ...]:
        return self.facts.formats.value

    @property
    def width(self) -> int:
        return self.facts.size.value.width

    @property
    def height(self) -> int:
        return self.facts.size.value.height

    @property
    def min_size(self) -> Size | None:
        return _value(self.facts.min_size)

    @property
    def max_bytes(self) -> int:
        return self.facts.max_bytes.value

    @property
    def mask(self) -> Mask:
        return self.facts.mask.value

    @property
    def animation(self) -> bool:
        return self.facts.animation.value

    @property
    def alpha(self) -> bool:
        return self.facts.alpha.value

    @property
    def alt_text_max(self) -> int | None:
        return _value(self.facts.alt_text_max)

    @property
    def settle_seconds(self) -> int:
        return self.facts.settle_seconds.value

    @property
    def min_interval_seconds(self) -> int:
        return _value(self.facts.min_interval_seconds) or 0

    @property
    def approval_delay_seconds(self) -> int:
        return _value(self.facts.approval_delay_seconds) or 0

    @property
    def perceptual_distance_max(self) -> int:
        return self.facts.perceptual_distance_max.value

    def narrowed(
        self,
        *,
        mode: Mode | None = None,
        max_bytes: int | None = None,
        formats: Collection[str] | None = None,
        alt_text_max: int | None = None,
    ) -> "Slot":
        """Returns a copy under the tighter rules that an instance states about itself. Never widens.

        What is looser than the catalogue is passed over, so an instance's own figures can be handed in as they come.
        `alt_text_max=0` means that it takes none. Raises ValueError if the instance leaves no way to
        send a picture: none of our formats, no bytes, or guidance where there is none to give.
        """
        facts: dict[str, object] = {}
        if mode is not None and _MODES.index(mode) > _MODES.index(self.mode):
            if mode == "assisted" and self.assist is None:
                raise ValueError(f"{self.key}: no steps to set it by hand; narrow it to read_only")
            facts["mode"] = _narrow(self.facts.mode, mode)
        if max_bytes is not None and max_bytes < self.max_bytes:
            if max_bytes <= 0:
                raise ValueError(f"{self.key}: the instance allows {max_bytes} bytes; treat the slot as not writable")
            facts["max_bytes"] = _narrow(self.facts.max_bytes, max_bytes)
        if formats is not None and not set(self.formats) <= set(formats):
            common = tuple(media_type for media_type in self.formats if media_type in formats)
            if not common:
                raise ValueError(f"{self.key}: the instance takes {sorted(formats)}, we make {list(self.formats)}")
            facts["formats"] = _narrow(self.facts.formats, common)
        if alt_text_max is not None and self.facts.alt_text_max and alt_text_max < self.facts.alt_text_max.value:
            facts["alt_text_max"] = _narrow(self.facts.alt_text_max, alt_text_max) if alt_text_max > 0 else None
        return self.model_copy(update={"facts": self.facts.model_copy(update=facts)}) if facts else self

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.mode == "assisted" and self.assist is None:
            raise ValueError("an assisted slot needs [assist] with steps and a link; add them or change the mode")
        if self.min_size and (self.min_size.width > self.width or self.min_size.height > self.height):
            raise ValueError(f"size {self.width} × {self.height} is below min_size; raise size or correct min_size")
        for zone in self.safe_zones:
            if zone.x + zone.width > self.width or zone.y + zone.height > self.height:
                raise ValueError(
                    f"safe zone {zone.name!r} reaches outside {self.width} × {self.height}; give it in rendition pixels"
                )
        return self


class NotAllowed(Model):
    """What the platform does not let an app do, why, and the page that says so."""

    what: Text
    why: Text
    link: Url
    slot: Kind | None = None


class Platform(Model):
    """One platform and its slots."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    name: Text
    homepage: Url
    profile_settings_url: Url
    """Where a person changes the picture by hand. Holds `{instance}` where the platform has many servers."""
    auth: tuple[AuthKind, ...] = Field(min_length=1)
    takes_instance: bool
    """Whether a person must name their server when connecting."""
    scopes: tuple[Text, ...] = ()
    """What to ask for when connecting."""
    not_allowed: tuple[NotAllowed, ...] = ()
    sources: Mapping[str, Source]
    slots: Mapping[Kind, Slot]

    def public(self) -> dict[str, JsonValue]:
        """Returns the platform as JSON for `GET /v1/platforms`: plain values, and `evidence` beside them."""
        view = self.model_dump(mode="json", exclude={"slots"})
        view["slots"] = {kind: _public_slot(slot) for kind, slot in self.slots.items()}
        return view

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.takes_instance != ("{instance}" in self.profile_settings_url):
            raise ValueError(
                "profile_settings_url holds {instance} exactly if takes_instance is true; correct one of them"
            )
        used: set[str] = set()
        for kind, slot in self.slots.items():
            if extra := set(slot.scopes) - set(self.scopes):
                raise ValueError(f"slots.{kind}.scopes: {sorted(extra)} not in the platform's scopes; add them there")
            used |= {fact.source for _, fact in slot.facts.stated()} | {zone.source for zone in slot.safe_zones}
        if unknown := used - set(self.sources):
            raise ValueError(f"no [sources.{min(unknown)}]; add it with title and checked, or correct the name")
        if unused := set(self.sources) - used:
            raise ValueError(f"[sources.{min(unused)}] supports nothing; remove it")
        return self


@dataclass(frozen=True)
class Catalogue:
    """All platforms that this installation knows, by id."""

    platforms: Mapping[str, Platform]

    def __post_init__(self) -> None:
        object.__setattr__(self, "platforms", MappingProxyType(dict(sorted(self.platforms.items()))))

    def slots(self) -> Iterator[Slot]:
        """Yields every slot, in the order of platforms, avatar before banner."""
        for platform in self.platforms.values():
            yield from (platform.slots[kind] for kind in sorted(platform.slots))

    def slot(self, key: str) -> Slot:
        """Returns the slot named `key`, such as `x.avatar`. Raises UnknownSlotError."""
        for slot in self.slots():
            if slot.key == key:
                return slot
        raise UnknownSlotError(f"no slot {key!r}; there are {', '.join(slot.key for slot in self.slots())}")

    @staticmethod
    def fingerprint(slot: Slot) -> str:
        """Returns a short hash of what a rendition of `slot` depends on: it changes when pictures must be made anew.

        It takes the slot and not its key, since an instance may have narrowed it.
        """
        parts = [slot.width, slot.height, slot.min_size, slot.formats, slot.max_bytes, slot.alpha, slot.animation]
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()[:16]


def _value(fact: Fact[T] | None) -> T | None:
    return None if fact is None else fact.value


def _narrow(fact: Fact[T], value: T) -> Fact[T]:
    return fact.model_copy(update={"value": value, "note": "narrowed by the instance"})


def _public_slot(slot: Slot) -> dict[str, JsonValue]:
    view = slot.model_dump(mode="json", exclude={"facts", "platform", "kind"})
    view["key"] = slot.key
    view |= dict.fromkeys(Facts.model_fields)
    evidence: dict[str, JsonValue] = {}
    for name, fact in slot.facts.stated():
        basis = fact.model_dump(mode="json")
        view[name] = basis.pop("value")
        evidence[name] = basis
    view["evidence"] = evidence
    return view
