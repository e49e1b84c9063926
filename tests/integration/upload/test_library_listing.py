"""Listing costs the same whatever the library's size, and whatever others have: along an index, whichever page it is.

All rows of this file are added in one transaction that is never committed.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from system.library_rows import Rows, add_others

from servicekit.database import Database
from servicekit.ids import new_id, utc_now
from servicekit.pages import PageRequest
from services.upload.domain.image import ImageFilter
from services.upload.settings import UploadSettings
from services.upload.store.images import page_query, thumbnails_query

OWN, OTHERS = 100_000, 10_000
PAGE = 30


@pytest.fixture(scope="module")
async def session(service_settings: Callable[..., Any]) -> AsyncIterator[Any]:
    """A transaction in which somebody has 100,000 pictures, and others have theirs."""
    database = Database(service_settings(UploadSettings), schema="upload")
    async with database.sessions() as opened:
        await opened.execute(sa.text("SET LOCAL statement_timeout = 0"))
        await add_others(opened, first=1, last=OTHERS)
        await ROWS.add(opened, thumbnails=20_000)
        await opened.execute(sa.text("ANALYZE images, variants"))
        yield opened
    await database.stop()


ROWS = Rows(new_id(), 1, OWN)


async def plan_of(session: Any, query: sa.Select[Any]) -> list[dict[str, Any]]:
    """Returns the steps of the plan that Postgres makes for a query."""
    compiled = query.compile(dialect=postgresql.psycopg.dialect(), compile_kwargs={"render_postcompile": True})
    connection = await session.connection()
    explained = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", compiled.params)
    plan = explained.scalar_one()
    return list(_steps((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _steps(inner)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (ImageFilter(), "images_of_library"),
        (ImageFilter(deleted=True), "images_deleted"),
        (ImageFilter(sha256="0" * 64), "images_of_file"),
    ],
    ids=["library", "deleted", "file"],
)
@pytest.mark.parametrize("page", ["first", "late"])
async def test_a_page_is_read_along_an_index_that_has_its_order(
    session: Any, wanted: ImageFilter, index: str, page: str
) -> None:
    after = await ROWS.id_of(session, OWN // 2) if page == "late" else None
    query = page_query(ROWS.owner_id, PageRequest(PAGE, after), wanted, deleted_since=utc_now() - timedelta(days=30))

    steps = await plan_of(session, query)

    assert [step["Node Type"] for step in steps] == ["Limit", "Index Scan"]
    assert steps[-1]["Index Name"] == index
    assert "owner_id" in steps[-1]["Index Cond"]
    assert ("id <" in steps[-1]["Index Cond"]) == (page == "late")


async def test_the_thumbnails_of_a_page_are_found_by_their_key(session: Any) -> None:
    ids = [await ROWS.id_of(session, OWN - number) for number in range(PAGE)]

    steps = await plan_of(session, thumbnails_query(ids))

    reads = [step for step in steps if "Relation Name" in step]
    assert {step["Relation Name"] for step in reads} == {"variants"}
    assert "Seq Scan" not in {step["Node Type"] for step in reads}
    assert len((await session.execute(thumbnails_query(ids))).all()) == PAGE * 4
