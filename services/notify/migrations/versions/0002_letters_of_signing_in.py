"""Addresses that change, and letters that hold a secret for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("recipients", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("letters", sa.Column("secret_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("letters", "secret_until")
    op.drop_column("recipients", "version")
