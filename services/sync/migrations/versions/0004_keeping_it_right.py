"""Schedules, policies, probes, and putting back what was there before."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for column in (
        sa.Column("follows_defaults", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("check_every", sa.Text(), nullable=False, server_default="never"),
        sa.Column("time_zone", sa.Text(), nullable=False, server_default="UTC"),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unreachable_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expiry_notes", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("leaving_since", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("connections", column)
    # Those that are there are probed spread over an hour.
    op.execute(
        "UPDATE connections SET probe_at = now() + make_interval(secs => abs(hashtext(id::text)) % 3600) WHERE state = 'healthy'"
    )
    for name, column in (("connections_to_probe", "probe_at"), ("connections_leaving", "leaving_since")):
        op.create_index(name, "connections", [column], unique=False, postgresql_where=sa.text(f"{column} IS NOT NULL"))
    op.add_column("places", sa.Column("on_difference", sa.Text(), nullable=False, server_default="ask"))
    op.alter_column("syncs", "image_id", nullable=True)
    op.add_column("syncs", sa.Column("trigger", sa.Text(), nullable=False, server_default="by_hand"))
    op.alter_column("targets", "image_id", nullable=True)
    op.add_column("targets", sa.Column("snapshot_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("targets", sa.Column("reminders", sa.Integer(), nullable=False, server_default="0"))
