"""Measures whether finding due work costs more the more targets there are: the sweeper's query and a worker's claim, amid resting targets.

On a real Postgres of its own. Twenty targets are due in each round, whatever else is there.

usage: .venv/bin/python benchmarks/sync_due_work.py [TARGETS…]
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from devstack import DevStack
from linkarooie.development import server_settings
from servicekit.database import Database
from servicekit.ids import new_id, utc_now
from servicekit.migrations import migrate
from servicekit.settings import DatabaseSettings, ServiceSettings, load_settings
from services.sync.app import MIGRATIONS
from services.sync.lifecycle import MOST_OF_OWNER
from services.sync.store import Store

PLATFORM = "x"
DUE = 20
ROUNDS = 41
# So many rows in one statement, to show how far it is.
AT_ONCE = 250_000

ADD = """
INSERT INTO targets (id, sync_id, owner_id, connection_id, platform, slot, remote_handle, image_id, revision, requested_at, updated_at,
    state, attempts, version, failures, ring_at)
SELECT gen_random_uuid(), :sync_id, gen_random_uuid(), gen_random_uuid(), :platform, 'avatar', '@ada', gen_random_uuid(), 1, now(), now(),
    :state, 1, 1, 0, :ring_at
FROM generate_series(1, :count)
"""


class BenchmarkSettings(ServiceSettings, DatabaseSettings):
    service = "sync"


async def add(database: Database, sync_id: str, count: int, *, due: bool) -> None:
    async with database.sessions() as session:
        await session.execute(sa.text("SET statement_timeout = 0"))
        for first in range(0, count, AT_ONCE):
            rows = min(AT_ONCE, count - first)
            values = {"sync_id": sync_id, "platform": PLATFORM, "count": rows}
            state, ring_at = ("queued", utc_now()) if due else ("verified", None)
            await session.execute(sa.text(ADD), {**values, "state": state, "ring_at": ring_at})
            await session.commit()
            if not due:
                print(f"\r{first + rows:,} targets", end="", file=sys.stderr, flush=True)


async def measured(database: Database, sync_id: str) -> tuple[float, float]:
    """Returns the milliseconds of a sweep that finds what is due, and of a claim."""
    stores, sweeps, claims = partial(Store, database), [], []
    for _ in range(ROUNDS):
        await add(database, sync_id, DUE, due=True)
        now = utc_now()
        later = now + timedelta(minutes=2)
        async with stores() as store:
            began = time.perf_counter()
            due = await store.claim_rings([PLATFORM, "bluesky"], now=now, again_at=later, limit=200)
            await store.commit()
            sweeps.append(time.perf_counter() - began)
        assert len(due) == DUE
        async with stores() as store:
            began = time.perf_counter()
            target = await store.claim(due[0][0], lease=new_id(), now=now, until=later, most_of_owner=MOST_OF_OWNER)
            await store.commit()
            claims.append(time.perf_counter() - began)
        assert target is not None
        async with database.sessions() as session:
            await session.execute(sa.text("DELETE FROM targets WHERE ring_at IS NOT NULL"))
            await session.commit()
    return 1000 * statistics.median(sweeps), 1000 * statistics.median(claims)


async def main(counts: list[int]) -> None:
    with tempfile.TemporaryDirectory(prefix="linkarooie-benchmark-") as folder:
        async with DevStack(Path(folder), durable=False) as stack:
            os.environ.update(server_settings(stack.endpoints))
            settings = load_settings(BenchmarkSettings)
            await asyncio.to_thread(migrate, settings, schema="sync", directory=MIGRATIONS)
            database, sync_id, there = Database(settings, schema="sync"), new_id(), 0
            async with database.sessions() as session:
                values = "(id, owner_id, image_id, slot, created_at, finish_version, request_hash)"
                await session.execute(
                    sa.text(f"INSERT INTO syncs {values} VALUES (:id, :id, :id, 'avatar', now(), 0, '')"),  # a constant
                    {"id": sync_id},
                )
                await session.commit()
            print(f"milliseconds, median of {ROUNDS}\n")
            print("| targets | find what is due | claim one |\n| ---: | ---: | ---: |")
            for count in counts:
                await add(database, sync_id, count - there, due=False)
                there = count
                async with database.engine.connect() as connection:
                    await connection.execution_options(isolation_level="AUTOCOMMIT")
                    await connection.execute(sa.text("SET statement_timeout = 0"))
                    await connection.execute(sa.text("VACUUM (ANALYZE) targets"))
                sweep, claim = await measured(database, sync_id)
                print(f"\r| {count:,} | {sweep:.1f} | {claim:.1f} |", flush=True)
            await database.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", type=int, nargs="*", default=[1_000, 100_000, 5_000_000])
    asyncio.run(main(sorted(parser.parse_args().targets)))
