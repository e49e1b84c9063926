"""When the processor told what is known of a picture's revision: what it tells later counts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "image_revisions",
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("'epoch'")),
    )
    op.alter_column("image_revisions", "told_at", server_default=None)


def downgrade() -> None:
    op.drop_column("image_revisions", "told_at")
