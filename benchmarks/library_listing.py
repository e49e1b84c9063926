"""Measures whether a library's calls cost more the larger it is: one owner's 100 pictures beside another's 100,000, amid millions of others'.

The use cases of the upload service on a real Postgres of its own; thumbnails are part of what is read. Rounds alternate between the two.

usage: .venv/bin/python benchmarks/library_listing.py [--others N] [--own N] [--rounds N]
"""

import argparse
import asyncio
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa
import structlog

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from system.library_rows import Rows, add_others  # noqa: E402

from devstack import DevStack  # noqa: E402
from linkarooie.development import server_settings  # noqa: E402
from servicekit.database import Database  # noqa: E402
from servicekit.ids import new_id, utc_now  # noqa: E402
from servicekit.migrations import migrate  # noqa: E402
from servicekit.pages import PageRequest  # noqa: E402
from servicekit.settings import load_settings  # noqa: E402
from services.upload.domain.image import ImageFilter  # noqa: E402
from services.upload.domain.quota import Quota  # noqa: E402
from services.upload.operator import MIGRATIONS, OperatorSettings  # noqa: E402
from services.upload.store import Store  # noqa: E402
from services.upload.use_cases.library import Library  # noqa: E402

SMALL = 100
PAGE = 30
# So many rows in one statement, to show how far it is.
AT_ONCE = 250_000
Call = Callable[[], Awaitable[object]]


async def fill(database: Database, small: Rows, large: Rows, others: int) -> None:
    async with database.sessions() as session:
        await session.execute(sa.text("SET statement_timeout = 0"))
        for first in range(1, others + 1, AT_ONCE):
            await add_others(session, first=first, last=min(first + AT_ONCE - 1, others))
            await session.commit()
            print(f"\r{min(first + AT_ONCE - 1, others):,} rows of others", end="", file=sys.stderr, flush=True)
        for rows in (small, large):
            await rows.add(session)
        await session.commit()
    print(file=sys.stderr)
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(sa.text("SET statement_timeout = 0"))
        await connection.execute(sa.text("VACUUM (ANALYZE) images, variants"))


async def calls(database: Database, library: Library, rows: Rows) -> dict[str, Call]:
    """Returns what is measured, by name."""
    count = rows.last + 1 - rows.first
    async with database.sessions() as session:
        newest, late = await rows.id_of(session, rows.last), await rows.id_of(session, rows.first + count * 2 // 5)
    sha256 = (await library.get(newest, owner_id=rows.owner_id)).image.sha256

    def page(after: str | None, **wanted: object) -> Call:
        return partial(
            library.page,
            PageRequest(PAGE, after),
            ImageFilter(**wanted),
            owner_id=rows.owner_id,  # type: ignore[arg-type]
        )

    return {
        "first page": page(None),
        "a late page": page(late),
        "deleted pictures": page(None, deleted=True),
        "the pictures of a file": page(None, sha256=sha256),
        "search for a frequent word": page(None, text="img"),
        "search for a single picture": page(None, text=f"img {rows.first + 1}"),
        "how full it is": partial(library.fullness, owner_id=rows.owner_id),
        "pictures that look alike": partial(library.similar, newest, owner_id=rows.owner_id),
    }


async def milliseconds(call: Call) -> float:
    began = time.perf_counter()
    await call()
    return (time.perf_counter() - began) * 1000


async def main(others: int, own: int, rounds: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="linkarooie-benchmark-") as folder:
        async with DevStack(Path(folder), durable=False) as stack:
            os.environ.update(server_settings(stack.endpoints))
            settings = load_settings(OperatorSettings)
            await asyncio.to_thread(migrate, settings, schema=settings.service, directory=MIGRATIONS)
            database = Database(settings, schema=settings.service)
            # In the middle of the others' time, so that much has come after.
            middle = others // 2
            small = Rows(new_id(), middle + 1, middle + SMALL)
            large = Rows(new_id(), middle + 1, middle + own)
            await fill(database, small, large, others)
            library = Library(partial(Store, database), Quota(0, 30), timedelta(days=30), utc_now)
            measured = [await calls(database, library, rows) for rows in (small, large)]
            print(f"{others:,} pictures of others; milliseconds, median of {rounds}\n")
            print(f"| call | {SMALL:,} pictures | {own:,} pictures | ratio |\n| --- | ---: | ---: | ---: |")
            for name in measured[0]:
                times: list[list[float]] = [[], []]
                for _ in range(rounds + 3):
                    for kept, by_name in zip(times, measured, strict=True):
                        kept.append(await milliseconds(by_name[name]))
                few, many = (statistics.median(kept[3:]) for kept in times)  # the first ones fill caches
                print(f"| {name} | {few:.1f} | {many:.1f} | {many / few:.2f} |")
            await database.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--others", type=int, default=5_000_000)
    parser.add_argument("--own", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=41)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.others, arguments.own, arguments.rounds))
