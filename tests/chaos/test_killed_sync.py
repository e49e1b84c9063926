"""The sync process dies at every moment of its work; each platform ends with the picture, after exactly one change."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from system import PLATFORMS, WRITE_TIMEOUT_SECONDS, Installation, Person, eventually, unlike_any_other

from services.sync.turn import MARGIN


@dataclass(frozen=True)
class Moment:
    """Where the process dies: in a call that the platform was made to hold, in which its target is in a state.

    `is_changed` says whether the platform has the new picture by then.
    """

    name: str
    switches: dict[str, Any]
    state: str
    is_changed: bool


# So who takes over still sees the old picture, and must not take it for a sign that nothing was sent.
LONGER_THAN_A_LEASE_SECONDS = WRITE_TIMEOUT_SECONDS + MARGIN.total_seconds() + 4

MOMENTS = [
    Moment("while it looks first", {"fail": "hang", "only": "read", "times": 1}, "queued", is_changed=False),
    Moment("while it sends", {"fail": "hang", "only": "write", "times": 1}, "sending", is_changed=False),
    Moment(
        "before it hears the answer",
        {"hold_answer": True, "times": 1, "slow_seconds": LONGER_THAN_A_LEASE_SECONDS},
        "sending",
        is_changed=True,
    ),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name.replace(" ", "_"))
async def test_every_platform_is_verified_after_one_change_though_sync_is_killed(
    installation: Installation, person: Person, moment: Moment
) -> None:
    await person.connect_all(installation.sandbox)
    image_id = await person.upload(unlike_any_other())
    await person.ready(image_id)
    before = {platform: await installation.changes(platform) for platform in PLATFORMS}
    for platform in PLATFORMS:
        await installation.switch(platform, **moment.switches)

    sync_id = await person.sync(image_id)
    for platform in PLATFORMS:
        await eventually(lambda platform=platform: installation.struck(platform), every_seconds=0.02)
    for target in (await person.get(f"/v1/syncs/{sync_id}"))["targets"]:
        assert target["state"] == moment.state, target
    await installation.kill("sync")

    for platform in PLATFORMS:
        assert await installation.changes(platform) == before[platform] + moment.is_changed
        if not moment.switches.get("slow_seconds"):
            await installation.switch(platform)
    await installation.start("sync")
    await asyncio.gather(*(person.comes_to(sync_id, platform, "verified") for platform in PLATFORMS))

    for platform in PLATFORMS:
        assert await installation.changes(platform) == before[platform] + 1

    async def is_told() -> bool:
        return len(await person.notices("sync.finished")) == 1

    await eventually(is_told)
