"""Compares the delivery of a picture from the gateway's memory with the object store's own, and a "not modified" with a whole answer.

A real gateway process and a real SeaweedFS, the same load on both from a process of its own (`delivery_load.py`), side by side in every round.
The object store is asked by a presigned address, as it would be if pictures were sent from there. The file is warm on both sides. Ratios
are the medians of the rounds' ratios, so that what else the machine does counts on both sides.

usage: .venv/bin/python benchmarks/delivery.py [--rounds 7] [--seconds 3] [--connections 16] [--kilobytes 100]
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import uvloop
from minio import Minio
from pydantic import SecretStr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from system.installation import Installation, installed  # noqa: E402

from gateway.delivery import etag_of  # noqa: E402
from gateway.media import MediaLinks  # noqa: E402
from servicekit.ids import utc_now  # noqa: E402
from servicekit.object_store import ObjectStore  # noqa: E402
from servicekit.settings import ObjectStoreSettings  # noqa: E402

KEY = "variants/0192f0c1-0000-7000-8000-000000000000/benchmark/plain/file.webp"
LOAD = Path(__file__).with_name("delivery_load.py")


async def loaded(url: str, server: psutil.Process, **request: Any) -> dict[str, float]:
    """Runs the load in a process of its own."""
    text = json.dumps({"url": url, "headers": {}, "status": 200, **request})
    before = sum(server.cpu_times()[:2])
    process = await asyncio.create_subprocess_exec(sys.executable, LOAD, text, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the load failed")
    result: dict[str, float] = json.loads(out)
    result["milliseconds"] = (sum(server.cpu_times()[:2]) - before) * 1000 / result["answers"]
    return result


async def measure(installation: Installation, options: argparse.Namespace) -> None:
    place = installation.endpoints
    settings = ObjectStoreSettings(
        s3_endpoint=place.s3_endpoint, s3_access_key=place.s3_access_key, s3_secret_key=place.s3_secret_key
    )
    objects = ObjectStore(settings)
    file = installation.folder / "file"
    file.write_bytes(os.urandom(options.kilobytes * 1000))
    await objects.put_file(KEY, file, content_type="image/webp")
    await objects.stop()
    signer = Minio(
        urlsplit(place.s3_endpoint).netloc, place.s3_access_key, place.s3_secret_key, secure=False, region="us-east-1"
    )
    store = signer.presigned_get_object(place.s3_bucket, KEY)
    key = installation.environment["LINKAROOIE_GATEWAY_MEDIA_KEY"]
    gateway = installation.url + MediaLinks(SecretStr(key), utc_now).to(KEY, name="benchmark")
    known = {"headers": {"If-None-Match": etag_of(KEY)}, "status": 304}
    weed = next(
        child for child in psutil.Process().children(recursive=True) if "weed" in child.name()
    )  # the store that we started
    python = psutil.Process(installation.processes["gateway"].pid)
    cases: dict[str, tuple[str, psutil.Process, dict[str, Any]]] = {
        "store": (store, weed, {}),
        "gateway": (gateway, python, {}),
        "gateway, 304": (gateway, python, known),
    }
    many = {"seconds": options.seconds, "connections": options.connections}
    one = {"seconds": min(1.0, options.seconds), "connections": 1}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
    for number in range(-1, options.rounds):
        for name, (url, server, more) in cases.items():
            result = await loaded(url, server, **many, **more)
            result["first_byte"] = (await loaded(url, server, **one, **more))["first_byte"]
            if number >= 0:  # the first round warms up
                found[name].append(result)
    print(
        f"{options.kilobytes} kB, {options.connections} connections, {options.rounds} rounds of {options.seconds} s\n"
    )
    print(
        "| who | answers/s | first byte, ms | CPU of the server | CPU of the load |\n| --- | ---: | ---: | ---: | ---: |"
    )
    for name, results in found.items():
        middle = {what: statistics.median(result[what] for result in results) for what in results[0]}
        print(
            f"| {name} | {middle['rate']:.0f} | {middle['first_byte'] * 1000:.2f} | {middle['milliseconds']:.3f} | {middle['cpu']:.2f} |"
        )
    print()
    say("gateway ÷ store, answers/s", found["gateway"], found["store"], "rate")
    say("gateway ÷ store, first byte of one connection", found["gateway"], found["store"], "first_byte")
    say("gateway ÷ store, CPU of an answer", found["gateway"], found["store"], "milliseconds")
    say("304 ÷ 200 of the gateway, answers/s", found["gateway, 304"], found["gateway"], "rate")
    say("304 of the gateway ÷ 200 of the store, answers/s", found["gateway, 304"], found["store"], "rate")


def say(title: str, of: list[dict[str, float]], to: list[dict[str, float]], what: str) -> None:
    ratios = [one[what] / other[what] for one, other in zip(of, to, strict=True)]
    print(f"{title}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


async def main() -> None:
    parser = argparse.ArgumentParser(description="Compares the delivery of pictures with the object store's own.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--kilobytes", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="linkarooie-benchmark-") as folder:
        async with installed(Path(folder), "auth", "gateway") as installation:
            await measure(installation, options)


if __name__ == "__main__":
    uvloop.run(main())
