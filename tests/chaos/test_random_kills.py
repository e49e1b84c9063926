"""Sync workers die at any moment while people change their minds and platforms fail: what comes of it is right, or says why it is not.

LINKAROOIE_CHAOS_SECONDS says for how long (30); LINKAROOIE_CHAOS_SEED repeats the choices of another run, as far as chance is theirs.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from system import PLATFORMS, Installation, Person, eventually, unlike_any_other

SECONDS = float(os.environ.get("LINKAROOIE_CHAOS_SECONDS", "30"))
SEED = int(os.environ.get("LINKAROOIE_CHAOS_SEED") or random.randrange(10**6))
REPLICAS = ("sync", "sync/2")
SLOTS = ("avatar", "banner")
# The stand-ins count calls as the platforms do: a long run uses up what X allows in a quarter of an hour, and its targets say so.
EXPLAINED = ("paused", "RATE_LIMITED")
RESTING = ("verified", "differs", "needs_you", "failed", "cancelled", "superseded")
PICTURES = 5
# Longer than any waiting time that a few failures in a row lead to.
SETTLED_WITHIN_SECONDS = 180

FAULTS: list[dict[str, Any]] = [
    {},
    {"fail": "500", "times": 2},
    {"fail": "500", "only": "read", "times": 2},
    {"fail": "drop", "times": 1},
    {"fail": "drop", "only": "write", "times": 1},
    {"fail": "hang", "only": "write", "times": 1},
    {"fail": "429", "times": 1, "retry_after_seconds": 2},
    {"lose_answer": True, "times": 1},
    {"hold_answer": True, "times": 1},
    {"silent_reject": True, "times": 1},
    {"slow_seconds": 4},
    {"expire_tokens": True},
]
# Where access does not end by itself, this ends it for good.
NOT_FOR = {"x": ("expire_tokens",), "mastodon": ("expire_tokens",)}


@dataclass
class Chaos:
    """Everything that happens, by one source of chance, and what was asked for."""

    installation: Installation
    person: Person
    pictures: list[str]
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    asked: dict[str, list[str]] = field(default_factory=lambda: {slot: [] for slot in SLOTS})
    killed: int = 0
    refused: int = 0

    async def kill_workers(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(0.2, 4))
            name = self.chance.choice(REPLICAS)
            await self.installation.kill(name)
            self.killed += 1
            await self.installation.start(name)

    async def break_platforms(self) -> None:
        while True:
            platform, fault = self.chance.choice(PLATFORMS), self.chance.choice(FAULTS)
            if not fault.keys() & set(NOT_FOR.get(platform, ())):
                await self.installation.switch(platform, **fault)
            await asyncio.sleep(self.chance.uniform(0.2, 2))

    async def change_minds(self) -> None:
        for number in range(10**6):
            slot = self.chance.choice(SLOTS)
            image_id = self.pictures[number % len(self.pictures)]
            wanted = {"image_id": image_id, "slot": slot, "connection_ids": []}
            # The key makes the question safe to repeat while nobody answers it.
            headers = {"idempotency-key": f"{SEED}-{number}"}
            while True:
                try:
                    answer = await self.person.http.post("/v1/syncs", json=wanted, headers=headers)
                except httpx2.TransportError:
                    answer = None
                if answer is not None and answer.status_code == 202:
                    self.asked[slot].append(answer.json()["id"])
                    break
                self.refused += 1
                await asyncio.sleep(0.3)
            await asyncio.sleep(self.chance.uniform(0.5, 4))

    async def rage(self, seconds: float) -> None:
        """Lets all of it happen at once for a while."""
        tasks = [asyncio.create_task(each()) for each in (self.kill_workers, self.break_platforms, self.change_minds)]
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def calm(self) -> None:
        """Brings everything back."""
        for platform in PLATFORMS:
            await self.installation.switch(platform)
        ended = [name for name in REPLICAS if not self.installation.processes[name].runs]
        await self.installation.start(*ended)


def how(target: dict[str, Any]) -> tuple[str, str]:
    """Returns the state of a target, and the reason for it."""
    return target["state"], (target["reason"] or {}).get("code", "")


@pytest.fixture
async def chaos(installation: Installation, person: Person) -> AsyncIterator[Chaos]:
    await person.connect_all(installation.sandbox)
    pictures = [await person.upload(unlike_any_other()) for _ in range(PICTURES)]
    for image_id in pictures:
        await person.ready(image_id)
    async with installation.replica("sync/2"):
        yield Chaos(installation, person, pictures)


async def test_whoever_dies_each_place_ends_right_or_says_why_and_is_not_written_to_without_need(chaos: Chaos) -> None:
    installation, person = chaos.installation, chaos.person
    places = [(platform, slot) for platform in PLATFORMS for slot in SLOTS]
    before = {place: await installation.changes(*place) for place in places}

    await chaos.rage(SECONDS)
    await chaos.calm()

    async def unsettled() -> list[dict[str, Any]]:
        syncs = [await person.get(f"/v1/syncs/{sync_id}") for slot in SLOTS for sync_id in chaos.asked[slot]]
        live = [target for sync in syncs if sync["state"] != "finished" for target in sync["targets"]]
        return [target for target in live if target["state"] not in RESTING and how(target) != EXPLAINED]

    async def all_is_settled() -> bool:
        left = await unsettled()
        # Who dies while an access is renewed may lose the new one.
        for platform in {
            target["platform"] for target in left if (target["reason"] or {}).get("code") == "AUTH_REVOKED"
        }:
            await person.connect_all(installation.sandbox, only=platform)
        return not left

    try:
        await eventually(all_is_settled, within_seconds=SETTLED_WITHIN_SECONDS, every_seconds=1)
    except AssertionError as error:
        raise AssertionError(f"seed {SEED}: not settled: {await unsettled()}") from error

    ends: dict[str, int] = {}
    for slot in SLOTS:
        sent: dict[str, int] = dict.fromkeys(PLATFORMS, 0)
        for sync_id in chaos.asked[slot]:
            for target in (await person.get(f"/v1/syncs/{sync_id}"))["targets"]:
                sent[target["platform"]] += target["attempts"] > 0
                is_newest = sync_id == chaos.asked[slot][-1]
                ends[" ".join(how(target))] = ends.get(" ".join(how(target)), 0) + 1
                if target["state"] != "verified":
                    assert target["reason"]["message"], (SEED, target)
                # A platform that swallowed a picture is said to show another; nothing else may be left of the newest wish.
                is_explained = target["state"] == "differs" or how(target) == EXPLAINED
                assert not is_newest or target["state"] == "verified" or is_explained, (SEED, target)
        for platform in PLATFORMS:
            changes = await installation.changes(platform, slot) - before[platform, slot]
            assert changes <= sent[platform], (SEED, platform, slot, "more changes than pictures were sent")
    for platform in PLATFORMS:
        history = (await installation.account(platform))["history"]
        assert not any(change["removed"] for change in history), (SEED, platform, "a picture was taken away")
    asked = {slot: len(chaos.asked[slot]) for slot in SLOTS}
    print(f"seed {SEED}: {chaos.killed} kills, {chaos.refused} refusals, asked {asked}, ends {ends}")
