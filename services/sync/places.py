"""What the catalogue and the adapters say together: which slots there are, what may be done there, by whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog import Catalogue, Platform, Slot
from services.sync.domain.server import ServerTerms
from services.sync.domain.target import Rules
from services.sync.fitting import narrowed
from services.sync.platforms.base import Adapter, Unavailable

# How the catalogue says that a slot can be looked at.
_SEEN_BY = ("api", "public_url")


@dataclass(frozen=True)
class Platforms:
    """The platforms as this installation can serve them."""

    catalogue: Catalogue
    adapters: Mapping[str, Adapter]
    unavailable: Mapping[str, Unavailable]

    def slot(self, platform: str, kind: str, terms: ServerTerms | None = None) -> Slot | None:
        """Returns a slot as the catalogue and the terms of a server have it; None where the platform has none of this kind."""
        known = self.catalogue.platforms.get(platform)
        slot = None if known is None else next((slot for slot in known.slots.values() if slot.kind == kind), None)
        return None if slot is None else narrowed(slot, terms)

    def name(self, platform: str) -> str:
        known = self.catalogue.platforms.get(platform)
        return platform if known is None else known.name

    def rules(self, platform: str, kind: str) -> Rules:
        """Returns what decides about targets of a slot; of a slot that is gone, that nothing can be done."""
        slot = self.slot(platform, kind)
        if slot is None:
            return Rules(self.name(platform), mode="none", settle_seconds=0, observable=False)
        return Rules(
            platform_name=self.name(platform),
            mode=slot.mode,
            settle_seconds=slot.settle_seconds,
            assist_link=None if slot.assist is None else slot.assist.link,
            observable=slot.observe in _SEEN_BY and platform in self.adapters,
        )

    def instructions(self, platform: str, kind: str) -> Sequence[str]:
        """Returns the steps of setting a picture by hand; none where there is no such way."""
        slot = self.slot(platform, kind)
        return () if slot is None or slot.assist is None else slot.assist.steps

    def connectable_slots(self, platform: Platform) -> tuple[str, ...]:
        """Returns the kinds of slots of a platform that have a picture to look at."""
        return tuple(
            sorted(kind for kind, slot in platform.slots.items() if slot.mode != "none" and slot.observe in _SEEN_BY)
        )

    def setup_steps(self, platform: str) -> Sequence[str]:
        """Returns what the operator has to do before accounts of a platform can be connected here; nothing where they can, or nothing helps."""
        return self.unavailable[platform].steps if platform in self.unavailable else ()

    def why_not(self, platform: str) -> str:
        """Returns why accounts of a platform cannot be connected here; empty where they can."""
        if platform in self.adapters:
            return ""
        if platform in self.unavailable:
            return self.unavailable[platform].reason
        return f"Linkarooie cannot connect to {self.name(platform)} yet."
