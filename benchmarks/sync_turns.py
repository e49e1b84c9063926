"""Measures how many places one worker of the sync service brings to their picture, and how many it can wait for at once.

The worker is the product's own, with its consumer, relay and sweeper, on one core of its own; Postgres, NATS and the object store are real ones. The
platform is a small HTTP server beside it, spoken to by an adapter of this file. Each target is looked at, sent to, looked at again, and
the picture that is found there fetched, decoded and kept.

usage: .venv/bin/python benchmarks/sync_turns.py rate [targets] | flight [targets] | request [places]
"""

import argparse
import asyncio
import base64
import hashlib
import io
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
import uvloop
from PIL import Image

from catalog import load_catalogue
from devstack import DevStack
from linkarooie.development import server_settings
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processes import free_port
from servicekit import topology
from servicekit.bus import Bus
from servicekit.consumers import Consumer
from servicekit.database import Database
from servicekit.ids import new_id, utc_now
from servicekit.migrations import migrate
from servicekit.object_store import ObjectStore
from servicekit.outbound import Outbound
from servicekit.outbox import OutboxRelay
from servicekit.periodic import PeriodicTask
from servicekit.pictures.perceptual import perceptual_hash
from servicekit.pictures.workers import PictureWorkers
from servicekit.settings import load_settings
from services.sync import store
from services.sync.app import MIGRATIONS, build_worker
from services.sync.domain.connection import Connection, Grant, RemoteAccount
from services.sync.domain.outcomes import Accepted, Success
from services.sync.domain.target import Target, TargetState
from services.sync.lifecycle import add_target
from services.sync.places import Platforms
from services.sync.platforms.base import (
    MOST_CONNECTIONS,
    Adapter,
    Api,
    AuthStart,
    Kind,
    Observation,
    Picture,
    Session,
    json_of,
)
from services.sync.reconciler import Reconciler
from services.sync.settings import SyncSettings
from services.sync.store.renditions import Rendition
from services.sync.store.tables import targets as targets_table
from services.sync.store.targets import Sync
from services.sync.sweeper import Sweeper

# Any one of the catalogue that shows a picture as soon as it has taken it.
PLATFORM = "mastodon"
# Places of one owner. Fewer than may be under way at once, so that nothing but the worker limits it.
PLACES = 50


# The platform: a process of its own


@dataclass
class Site:
    """Accounts and their pictures, in memory; every call about an account takes `delay` seconds."""

    delay: float
    pictures: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    now: int = 0
    most: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode().split("\r\n")
                method, path, _ = line.split(" ")
                headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines if each)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                answer = await self.answer(method, path, body)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, method: str, path: str, body: bytes) -> bytes:
        if path == "/most":
            return str(self.most).encode()
        kind, _, name = path.lstrip("/").partition("/")
        if kind == "picture":
            return self.files[name]
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.delay)
        self.now -= 1
        if method == "PUT":
            tag = hashlib.sha256(body).hexdigest()
            self.files[tag] = body
            self.pictures[name] = tag
        return json.dumps({"tag": self.pictures.get(name, "")}).encode()


async def serve(port: int, delay: float) -> None:
    server = await asyncio.start_server(Site(delay).serve, "127.0.0.1", port, backlog=4096)
    print("ready", flush=True)
    await server.serve_forever()


class LocalAdapter(Adapter):
    """Speaks to it."""

    def __init__(self, api: Api, base_url: str) -> None:
        super().__init__(api)
        self._base_url = base_url

    async def begin_auth(self, *, callback_url: str, state: str, instance: str) -> AuthStart:
        raise NotImplementedError

    async def revoke(self, session: Session) -> None:
        raise NotImplementedError

    async def whoami(self, session: Session) -> RemoteAccount:
        return session.account

    async def observe(self, session: Session, slot: Kind) -> Observation:  # noqa: ARG002
        tag = str(json_of(await self.api.call("GET", self._address(session)))["tag"])
        return (
            Observation(f"{self._base_url}/picture/{tag}", f"{session.account.remote_id} {tag}")
            if tag
            else Observation()
        )

    async def submit(self, session: Session, slot: Kind, picture: Picture) -> Success:  # noqa: ARG002
        await self.api.call("PUT", self._address(session), content=picture.content, writes=True)
        return Accepted()

    def _address(self, session: Session) -> str:
        return f"{self._base_url}/me/{session.account.remote_id}"


# The worker, and what it has to do


@dataclass
class Bench:
    database: Database
    relay: OutboxRelay
    consumer: Consumer
    sweep: PeriodicTask
    deferred: PeriodicTask
    stores: Any  # makes `Store`
    worker: Any  # `Worker`
    rendition: Rendition

    async def add(self, owners: int, places: int) -> None:
        """Stores connected accounts, and for each a target, as if their owners had pressed the button."""
        tokens, now = self.worker.tokens, utc_now()
        for _ in range(owners):
            owner_id = new_id()
            async with self.stores() as unit:
                sync = Sync(new_id(), owner_id, self.rendition.image_id, "avatar", utc_now(), "")
                await unit.add_sync(sync)
                for _ in range(places):
                    id_ = new_id()
                    account = RemoteAccount(id_, f"@{id_}", "")
                    sealed = tokens.seal(id_, owner_id, Grant({"token": "secret"}))
                    connection = Connection(id_, owner_id, PLATFORM, account, sealed, now)
                    await unit.add_connection(connection, ["avatar"], look_at=now)
                    target = Target(
                        id=new_id(),
                        sync_id=sync.id,
                        owner_id=owner_id,
                        connection_id=id_,
                        platform=PLATFORM,
                        slot="avatar",
                        remote_handle=account.handle,
                        image_id=self.rendition.image_id,
                        revision=1,
                        requested_at=utc_now(),
                        updated_at=utc_now(),
                    )
                    await add_target(unit, target)
                await unit.commit()

    async def verified(self, count: int, *, every_seconds: float = 0.5) -> float:
        """Waits until so many targets are verified; returns the seconds that it took. Asking often is work, too."""
        began = time.monotonic()
        while True:
            async with self.stores() as unit:
                query = sa.select(targets_table.c.state, sa.func.count()).group_by(targets_table.c.state)
                states = {row[0]: row[1] for row in await unit.session.execute(query)}
            if states.get(TargetState.VERIFIED, 0) >= count:
                return time.monotonic() - began
            if time.monotonic() - began > 300:
                raise SystemExit(f"not done: {states}")
            await asyncio.sleep(every_seconds)


def memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def run(stack: DevStack, delay: float, measure: Any) -> None:
    port = free_port()
    site = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "serve", str(port), str(delay), stdout=asyncio.subprocess.PIPE
    )
    assert site.stdout is not None
    await site.stdout.readline()
    os.environ.update(server_settings(stack.endpoints))
    os.environ["LINKAROOIE_SYNC_VAULT_KEYS"] = f"k:{base64.b64encode(bytes(32)).decode()}"
    settings = load_settings(SyncSettings).model_copy(update={"read_timeout_seconds": 30.0})
    await asyncio.to_thread(migrate, settings, schema="sync", directory=MIGRATIONS)
    bus, database, objects = Bus(settings, name="sync"), Database(settings, schema="sync"), ObjectStore(settings)
    await bus.start()
    await topology.ensure_topology(bus, settings, platforms=[PLATFORM])
    await objects.start()
    relay = OutboxRelay(database, bus, store.outbox, store.inbox)
    stores = partial(store.Store, database, committed=relay.ring)
    queue = asyncio.Semaphore(settings.database_pool_size)
    queued = partial(store.QueuedStore, database, queue, clock=utc_now, committed=relay.ring)
    async with PictureWorkers(1) as pictures:
        # Where there are two cores, the worker has the first to itself, apart from what the system puts there.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        worker = build_worker(settings, stores=queued, objects=objects, workers=pictures, clock=utc_now)
        base_url = f"http://127.0.0.1:{port}"
        api = Api(Outbound(trusted_hosts=[base_url], max_connections=MOST_CONNECTIONS), 30.0, 30.0)
        worker = replace(worker, platforms=Platforms(load_catalogue(), {PLATFORM: LocalAdapter(api, base_url)}, {}))
        sweeper = Sweeper(stores, worker.platforms, worker.tokens, worker.looker, utc_now)
        consumer = Consumer(
            bus,
            topology.sync_jobs_of(PLATFORM),
            {events.TargetDue: Reconciler(worker).answer_doorbell},
            message=events.TargetDue,
            ack_wait_seconds=settings.consumer_ack_wait_seconds,
        )
        sweep = PeriodicTask("sweep", sweeper.ring_for_due, every_seconds=settings.sweep_seconds)
        deferred = PeriodicTask("deferred", sweeper.ring_for_deferred, every_seconds=settings.sweep_seconds)
        bench = Bench(database, relay, consumer, sweep, deferred, stores, worker, await rendition(objects, stores))
        await measure(bench)
        most = await api.call("GET", f"{base_url}/most")
        print(f"most calls at the platform at once: {most.text()}")
        for part in (sweep, deferred, consumer, relay):
            await part.stop()
        await api.close()
    await objects.stop()
    await database.stop()
    await bus.stop()
    site.terminate()
    await site.wait()


async def start(bench: Bench) -> None:
    for part in (bench.relay, bench.consumer, bench.sweep, bench.deferred):
        await part.start()


async def rendition(objects: ObjectStore, stores: Any) -> Rendition:
    picture = Image.linear_gradient("L").resize((400, 400)).convert("RGB")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    content = out.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        await objects.put_file(f"variants/{sha256}", Path(file.name), content_type="image/jpeg")
    made = Rendition(
        new_id(), 1, f"{PLATFORM}.avatar", f"variants/{sha256}", "image/jpeg", len(content), sha256, perceptual_hash(picture).hex()
    )  # fmt: skip
    async with stores() as unit:
        await unit.add_renditions(made.image_id, 1, new_id(), [made], {}, told_at=utc_now())
        await unit.commit()
    return made


async def rate(bench: Bench, count: int) -> None:
    await bench.add(max(1, count // PLACES), PLACES)
    count = max(1, count // PLACES) * PLACES
    cpu = time.process_time()
    await start(bench)
    seconds = await bench.verified(count)
    cpu = time.process_time() - cpu
    each = f"{1000 * cpu / count:.1f} ms of its core each, so {count / cpu:.0f}/s a core"
    print(f"{count} targets in {seconds:.1f} s: {count / seconds:.0f}/s; {each}")


async def flight(bench: Bench, count: int) -> None:
    await bench.add(count // PLACES, PLACES)
    before = memory_mb()
    await start(bench)
    waiting = asyncio.create_task(bench.verified(count // PLACES * PLACES))
    began, seen = time.monotonic(), []
    while not waiting.done():
        await asyncio.sleep(1)
        seen.append(memory_mb())
    last = f"{seen[-1]:.0f} MB at the end"
    print(
        f"{count} targets in {time.monotonic() - began:.0f} s; memory {before:.0f} MB before, at most {max(seen):.0f} MB, {last}"
    )
    print("every 5 s:", " ".join(f"{each:.0f}" for each in seen[::5]))


async def request(bench: Bench, places: int) -> None:
    await start(bench)
    done = 0
    times: dict[int, list[float]] = {}
    for number in (1, 1, 1, places, places, places):
        await bench.add(1, number)
        done += number
        times.setdefault(number, []).append(await bench.verified(done, every_seconds=0.05))
    one, many = (min(times[number]) for number in (1, places))
    print(
        f"one place: {one:.2f} s; {places} places of one request: {many:.2f} s; {100 * (many / one - 1):.0f} % longer"
    )


MEASURES: Mapping[str, tuple[Any, int, float]] = {
    "rate": (rate, 2000, 0.0),
    "flight": (flight, 4000, 10.0),
    "request": (request, 50, 2.0),
}


async def main(name: str, count: int, delay: float) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="linkarooie-benchmark-") as folder:
        async with DevStack(Path(folder), durable=False) as stack:
            await run(stack, delay, lambda bench: MEASURES[name][0](bench, count))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(int(sys.argv[2]), float(sys.argv[3])))
        raise SystemExit
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=MEASURES)
    parser.add_argument("count", type=int, nargs="?")
    parser.add_argument("--delay", type=float, help="seconds that the platform takes to answer")
    arguments = parser.parse_args()
    _, usual, usual_delay = MEASURES[arguments.name]
    delay = usual_delay if arguments.delay is None else arguments.delay
    # As the product runs.
    uvloop.run(main(arguments.name, arguments.count or usual, delay))
