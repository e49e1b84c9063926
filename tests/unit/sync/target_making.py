"""Targets for tests, and the moment at which they are made."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.sync.domain.target import Rules, Seen, Target

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RULES = Rules("Plat", mode="write", settle_seconds=5)
OLD = Seen(NOW, "https://p.test/old.jpg", "old", "aa")


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def looked(seconds: float, tag: str, *, wanted: bool = False) -> Seen:
    return replace(OLD, at=at(seconds), tag=tag, perceptual_hash=f"hash of {tag}", is_wanted=wanted)


def target(**changes: Any) -> Target:
    made = Target(
        id="t",
        sync_id="s",
        owner_id="o",
        connection_id="c",
        platform="plat",
        slot="avatar",
        remote_handle="@ada",
        image_id="i",
        revision=1,
        requested_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **changes)


def middle(low: float, high: float) -> float:
    return (low + high) / 2
