"""Times the main job on this machine: from upload to ready, and from Sync to verified, and which part takes how much.

A process a service, real servers, the sandbox's platforms as they come (X shows a new picture 2 s after it has taken it).

usage: .venv/bin/python benchmarks/main_job.py [rounds]
"""

import asyncio
import io
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from system.installation import Installation, installed  # noqa: E402
from system.person import Person  # noqa: E402
from system.pictures import photograph  # noqa: E402

SERVICES = ("auth", "profile", "upload", "processor", "sync", "notify", "analytics", "gateway")
PLATFORMS = ("x", "mastodon", "bluesky")
Times = dict[str, list[float]]


# Sixteen pictures of two photographs that no platform takes for one another.
TURNS = [None, *Image.Transpose]


def picture(number: int, *, width: int) -> bytes:
    """A real photograph, turned and enlarged to the width."""
    turn = TURNS[number // 2 % len(TURNS)]
    with Image.open(io.BytesIO(photograph(("china.jpg", "flower.jpg")[number % 2]))) as small:
        turned = small.copy() if turn is None else small.transpose(turn)
    large = turned.resize((width, width * turned.height // turned.width), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    large.save(file, "JPEG", quality=92)
    return file.getvalue()


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def upload(person: Person, content: bytes, times: Times) -> str:
    began = time.monotonic()
    image_id = await person.upload(content)
    times["request"].append(time.monotonic() - began)
    image = await person.ready(image_id)
    times["request to ready"].append(time.monotonic() - began)
    times["stored to ready"].append(moment(image["ready_at"]) - moment(image["created_at"]))
    return image_id


async def sync(person: Person, image_id: str, times: Mapping[str, Times]) -> None:
    sync_id = await person.sync(image_id)
    for platform in PLATFORMS:
        target = await person.comes_to(sync_id, platform, "verified")
        steps = (await person.get(f"/v1/targets/{target['id']}/history"))["items"]
        at: dict[str, float] = {}
        for step in steps:
            at.setdefault(step["state"], moment(step["at"]))
        asked = moment(steps[0]["at"])
        times[platform]["asked to sending (a first look)"].append(at["sending"] - asked)
        times[platform]["sending to accepted"].append(at["waiting_for_platform"] - at["sending"])
        times[platform]["accepted to verified"].append(at["verified"] - at["waiting_for_platform"])
        times[platform]["asked to verified"].append(at["verified"] - asked)


async def measure(installation: Installation, rounds: int) -> None:
    async with installation.person() as person:
        await person.connect_all(installation.sandbox)
        small: Times = defaultdict(list)
        large: Times = defaultdict(list)
        synced: dict[str, Times] = {platform: defaultdict(list) for platform in PLATFORMS}
        for number in range(rounds):
            image_id = await upload(person, picture(number, width=640), small)
            await upload(person, picture(number, width=4242), large)
            await sync(person, image_id, synced)
    print(f"\n{rounds} rounds; seconds: median (smallest to largest)\n")
    say("upload, 640 pixels wide", small)
    say("upload, 4242 pixels wide (12 megapixels or more)", large)
    for platform in PLATFORMS:
        say(f"sync, {platform}", synced[platform])


def say(title: str, times: Mapping[str, Sequence[float]]) -> None:
    print(title)
    for part, seconds in times.items():
        print(f"    {part:34} {statistics.median(seconds):6.2f}   ({min(seconds):.2f} to {max(seconds):.2f})")


async def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory(prefix="linkarooie-benchmark-") as folder:
        async with installed(Path(folder), *SERVICES) as installation:
            await measure(installation, rounds)


if __name__ == "__main__":
    asyncio.run(main())
