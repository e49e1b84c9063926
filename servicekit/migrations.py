"""Schema migrations: one Alembic history a service, in the service's own schema."""

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory

from servicekit.settings import DatabaseSettings


def migrate(settings: DatabaseSettings, *, schema: str, directory: Path) -> None:
    """Brings a service's schema to the newest revision. Waits while another process does the same.

    `directory` is the service's `migrations` folder. Blocks: call it from a thread or a command. Raises what Alembic and the driver raise.
    """
    engine = _engine(settings, schema)
    with engine.begin() as connection:
        _lock(connection, schema)
        exists = sa.text("SELECT 1 FROM information_schema.schemata WHERE schema_name = :schema")
        if connection.execute(exists, {"schema": schema}).first() is None:
            connection.execute(sa.schema.CreateSchema(schema))
        config = _config(directory)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


@cache
def newest_revision(directory: Path) -> str | None:
    """Returns the revision that the code expects."""
    return ScriptDirectory.from_config(_config(directory)).get_current_head()


def run_environment(metadata: sa.MetaData) -> None:
    """What each service's `migrations/env.py` calls: runs within the transaction and lock that `migrate` holds."""
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=False
    )
    with context.begin_transaction():
        context.run_migrations()


def _config(directory: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(directory))
    config.set_main_option("path_separator", "os")
    return config


def _engine(settings: DatabaseSettings, schema: str) -> sa.Engine:
    options = f"-c search_path={schema} -c lock_timeout=5s -c timezone=UTC"
    return sa.create_engine(
        settings.database_url.get_secret_value(), poolclass=sa.NullPool, connect_args={"options": options}
    )


def _lock(connection: sa.Connection, schema: str) -> None:
    # lock_timeout does not bound advisory locks; waiting for the other migration is what we want here.
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"migrate {schema}"})
