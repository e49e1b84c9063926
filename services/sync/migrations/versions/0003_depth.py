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


def downgrade() -> None:
    op.drop_column("targets", "alt_text")
    op.drop_table("servers")
