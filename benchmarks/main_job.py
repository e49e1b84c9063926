"""Times the main job on this machine: from upload to ready, and from Sync to verified, and which part takes how much.

A process a service, real servers, the sandbox's platforms as they come (X shows a new picture 2 s after it has taken it).
"Ready to rendering" is how many times as long as the rendering alone it took from the stored original to the ready picture.

usage: .venv/bin/python benchmarks/main_job.py [--uploads] [rounds]
"""

import argparse
import asyncio
import io
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

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


async def upload(installation: Installation, person: Person, content: bytes, times: Times) -> str:
    began = time.monotonic()
    image_id = await person.upload(content)
    times["request"].append(time.monotonic() - began)
    image = await person.ready(image_id)
    times["request to ready"].append(time.monotonic() - began)
    stored, ready = moment(image["created_at"]), moment(image["ready_at"])
    made = made_line(installation.processes["processor"].log, image_id)
    finished, took = moment(made["timestamp"]), made["total_ms"] / 1000
    times["stored to ready"].append(ready - stored)
    times["  stored to taken"].append(finished - took - stored)
    for step in ("look_up", "fetch", "render", "store"):
        times[f"  {step}"].append(made[f"{step}_ms"] / 1000)
    times["  made to ready"].append(ready - finished)
    times["ready to rendering (times)"].append((ready - stored) / (made["render_ms"] / 1000))
    return image_id


def made_line(log: Path, image_id: str) -> dict[str, Any]:
    """Returns what the processor logged of a picture."""
    for line in log.read_text().splitlines():
        if image_id in line:
            words: dict[str, Any] = json.loads(line)
            if words["event"] == "picture_made":
                return words
    raise LookupError(f"the processor logged nothing of {image_id} in {log}")


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


async def measure(installation: Installation, rounds: int, *, syncs: bool) -> None:
    async with installation.person() as person:
        if syncs:
            await person.connect_all(installation.sandbox)
        small: Times = defaultdict(list)
        large: Times = defaultdict(list)
        synced: dict[str, Times] = {platform: defaultdict(list) for platform in PLATFORMS}
        for number in range(rounds):
            image_id = await upload(installation, person, picture(number, width=640), small)
            await upload(installation, person, picture(number, width=4242), large)
            if syncs:
                await sync(person, image_id, synced)
    print(f"\n{rounds} rounds; seconds: median (smallest to largest)\n")
    say("upload, 640 pixels wide", small)
    say("upload, 4242 pixels wide (12 megapixels or more)", large)
    for platform in PLATFORMS if syncs else ():
        say(f"sync, {platform}", synced[platform])


def say(title: str, times: Mapping[str, Sequence[float]]) -> None:
    print(title)
    for part, seconds in times.items():
        print(f"    {part:34} {statistics.median(seconds):7.3f}   ({min(seconds):.3f} to {max(seconds):.3f})")


async def main() -> None:
    parser = argparse.ArgumentParser(description="Times the main job on this machine.")
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    parser.add_argument("--uploads", action="store_true", help="no syncs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="linkarooie-benchmark-") as folder:
        async with installed(Path(folder), *SERVICES) as installation:
            await measure(installation, options.rounds, syncs=not options.uploads)


if __name__ == "__main__":
    asyncio.run(main())
