"""Attempts to make a picture's variants, what was seen in it, and which part of it each variant shows.

The new columns have defaults, so that replicas of the version before go on writing rows.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("images", sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("images", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("images", sa.Column("made_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("images", sa.Column("faces", postgresql.JSONB(), nullable=False, server_default="[]"))
    op.add_column("images", sa.Column("placeholder", sa.LargeBinary(), nullable=False, server_default=""))
    op.create_index("images_processing", "images", ["created_at"], postgresql_where=sa.text("state = 'processing'"))
    op.add_column("variants", sa.Column("frame", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("variants", "frame")
    op.drop_index("images_processing", "images")
    for column in ("placeholder", "faces", "made_at", "asked_at", "attempt"):
        op.drop_column("images", column)
