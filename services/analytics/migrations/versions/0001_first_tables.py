"""First tables."""

from datetime import UTC, datetime
from itertools import pairwise

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("at", "id"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("events_of_owner", "events", ["owner_id", "kind", "at"], unique=False)
    # The service makes the later ones, a few months ahead.
    now = datetime.now(UTC)
    counted = now.year * 12 + now.month - 1
    months = [datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(counted - 3, counted + 5)]
    for month, following in pairwise(months):
        op.execute(
            f"CREATE TABLE events_{month:%Y_%m} PARTITION OF events"
            f" FOR VALUES FROM ('{month.isoformat()}') TO ('{following.isoformat()}')"
        )
    op.create_table(
        "targets",
        sa.Column("target_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rested_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("target_id"),
    )
    op.create_index("targets_of_owner", "targets", ["owner_id", "rested_at"], unique=False)


def downgrade() -> None:
    op.drop_table("targets")
    op.drop_table("events")
