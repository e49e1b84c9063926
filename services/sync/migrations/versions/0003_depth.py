"""What servers say of themselves, and the description that goes with a picture."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "servers",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("read_again_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "instance"),
    )
    op.add_column("targets", sa.Column("alt_text", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "circuits",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("accounts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probed_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("server"),
    )
    op.add_column("targets", sa.Column("deferred_at", sa.DateTime(timezone=True), nullable=True))
    # Few rows each, however many targets there are.
    op.create_index(
        "targets_deferred",
        "targets",
        ["owner_id", "platform", "deferred_at"],
        unique=False,
        postgresql_where=sa.text("deferred_at IS NOT NULL"),
    )
    op.create_index(
        "targets_held_of_owner",
        "targets",
        ["owner_id", "platform"],
        unique=False,
        postgresql_where=sa.text("leased_until IS NOT NULL"),
    )
    op.create_index(
        "targets_held_of_place",
        "targets",
        ["connection_id", "slot"],
        unique=False,
        postgresql_where=sa.text("leased_until IS NOT NULL"),
    )
    # By platform: what waits for one of them is not searched for the others.
    op.create_index(
        "targets_due",
        "targets",
        ["platform", "ring_at"],
        unique=False,
        postgresql_where=sa.text("ring_at IS NOT NULL"),
    )
    op.drop_index("targets_to_ring", table_name="targets")


def downgrade() -> None:
    op.create_index(
        "targets_to_ring", "targets", ["ring_at"], unique=False, postgresql_where=sa.text("ring_at IS NOT NULL")
    )
    op.drop_index("targets_due", table_name="targets")
    op.drop_index("targets_held_of_place", table_name="targets")
    op.drop_index("targets_held_of_owner", table_name="targets")
    op.drop_index("targets_deferred", table_name="targets")
    op.drop_column("targets", "deferred_at")
    op.drop_table("circuits")
    op.drop_column("targets", "alt_text")
    op.drop_table("servers")
