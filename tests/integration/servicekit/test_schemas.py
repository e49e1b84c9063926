"""What the migrations make is what the code expects."""

import asyncio
from importlib import import_module

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from devstack import Endpoints
from linkarooie.services import BY_NAME, SERVICES


@pytest.mark.parametrize("name", [service.name for service in SERVICES if service.has_database])
async def test_the_migrations_of_a_service_make_the_tables_of_its_store(stack: Endpoints, name: str) -> None:
    metadata = import_module(f"{BY_NAME[name].package}.store").metadata

    def is_modelled(_item: object, _name: str | None, kind: str, reflected: bool, model: object) -> bool:
        # Partitions and Alembic's own table are nobody's model.
        return not (kind == "table" and reflected and model is None)

    def differences() -> list[object]:
        engine = sa.create_engine(stack.postgres[name], connect_args={"options": f"-c search_path={name}"})
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_object": is_modelled})
            found = compare_metadata(context, metadata)
        engine.dispose()
        return list(found)

    assert await asyncio.to_thread(differences) == []
