"""The library: names, deletion with a way back, revisions, defaults, quotas, avatars, direct uploads, recipes in force.

New columns have defaults, so that replicas of the version before go on writing rows.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

WORDS = (
    "to_tsvector('simple'::regconfig,"
    " regexp_replace(title || ' ' || file_name || ' ' || alt_text, '[^[:alnum:]]+', ' ', 'g'))"
)
# As no other index is sorted: lists say so too, so that none is read along the primary key.
NEWEST_FIRST = sa.text("id DESC NULLS LAST")
IN_LIBRARY = sa.text("deleted_at IS NULL")
DELETED = sa.text("deleted_at IS NOT NULL")
PENDING = sa.text("state = 'pending'")
READY = sa.text("state = 'ready' AND deleted_at IS NULL")


def upgrade() -> None:
    _extend_images()
    op.create_index("variants_by_object", "variants", ["object_key"])
    op.create_table(
        "revisions",
        sa.Column("image_id", sa.Uuid(as_uuid=False), sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("edits", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("image_id", "number"),
    )
    op.create_table(
        "defaults",
        sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Text(), nullable=False),
        sa.Column("image_id", sa.Uuid(as_uuid=False), sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "slot", "scope", "scope_id"),
    )
    op.create_index("defaults_of_image", "defaults", ["image_id"])
    _create_libraries()
    _create_avatars()
    _create_uploads()
    op.create_table(
        "recipes",
        sa.Column("single", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("single"),
        sa.CheckConstraint("single", name="recipes_one_row"),
    )
    op.create_table(
        "unreferenced",
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("folder"),
    )


def _extend_images() -> None:
    op.add_column("images", sa.Column("title", sa.Text(), nullable=False, server_default=""))
    op.execute(r"UPDATE images SET title = regexp_replace(file_name, '\.[^.]*$', '')")
    op.add_column("images", sa.Column("published", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("images", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("images", sa.Column("edited", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("images", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("images", sa.Column("look_bits", sa.BigInteger(), nullable=True))
    op.add_column("images", sa.Column("look_colours", sa.LargeBinary(), nullable=False, server_default=""))
    op.add_column("images", sa.Column("recipes", sa.Text(), nullable=False, server_default=""))
    op.add_column("images", sa.Column("refresh_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("images", sa.Column("words", postgresql.TSVECTOR(), sa.Computed(WORDS, persisted=True)))
    op.drop_index("images_of_owner", "images")
    op.create_index("images_of_library", "images", ["owner_id", NEWEST_FIRST], postgresql_where=IN_LIBRARY)
    op.create_index(
        "images_deleted",
        "images",
        ["owner_id", NEWEST_FIRST],
        postgresql_where=DELETED,
        postgresql_include=["deleted_at"],
    )
    op.create_index("images_to_purge", "images", ["deleted_at"], postgresql_where=DELETED)
    op.create_index("images_of_file", "images", ["owner_id", "sha256", NEWEST_FIRST])
    op.create_index("images_outdated", "images", ["owner_id", "recipes"], postgresql_where=READY)
    op.create_index("images_by_recipes", "images", ["recipes", "id"], postgresql_where=READY)


def _create_libraries() -> None:
    op.create_table(
        "libraries",
        sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("used_bytes", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("defaults_version", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("owner_id"),
    )
    op.execute(
        "INSERT INTO libraries (owner_id, used_bytes) SELECT owner_id, sum(bytes)"
        " FROM (SELECT DISTINCT owner_id, sha256, bytes FROM images) AS files GROUP BY owner_id"
    )


def _create_avatars() -> None:
    op.create_table(
        "avatars",
        sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("by_handle", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("by_email", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("handle", sa.Text(), nullable=False, server_default=""),
        sa.Column("handle_version", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("email_sha256", sa.Text(), nullable=False, server_default=""),
        sa.Column("email_md5", sa.Text(), nullable=False, server_default=""),
        sa.Column("email_version", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("owner_id"),
    )
    op.create_index("avatars_by_handle", "avatars", ["handle"])
    op.create_index("avatars_by_sha256", "avatars", ["email_sha256"])
    op.create_index("avatars_by_md5", "avatars", ["email_md5"])


def _create_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("alt_text", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("image_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("failure_reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("failure_message", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("owner_id", "idempotency_key", name="uploads_idempotency_key"),
    )
    op.create_index("uploads_pending", "uploads", ["expires_at"], postgresql_where=PENDING)
    op.create_index("uploads_of_owner_pending", "uploads", ["owner_id"], postgresql_where=PENDING)
    op.create_index("uploads_settled", "uploads", ["expires_at"], postgresql_where=sa.text("state <> 'pending'"))
    op.create_table(
        "imports",
        sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("url_sha256", sa.Text(), nullable=False),
        sa.Column("image_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "idempotency_key"),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], ondelete="CASCADE"),
    )
    op.create_index("imports_of_image", "imports", ["image_id"])


def downgrade() -> None:
    for table in ("unreferenced", "recipes", "imports", "uploads", "avatars", "libraries", "defaults", "revisions"):
        op.drop_table(table)
    op.drop_index("variants_by_object", "variants")
    for index in (
        "images_by_recipes",
        "images_outdated",
        "images_of_file",
        "images_to_purge",
        "images_deleted",
        "images_of_library",
    ):
        op.drop_index(index, "images")
    op.create_index("images_of_owner", "images", ["owner_id", "id"])
    # The computed column first: it is made from another.
    for column in (
        "words",
        "refresh_asked_at",
        "recipes",
        "look_colours",
        "look_bits",
        "deleted_at",
        "edited",
        "version",
        "published",
        "title",
    ):
        op.drop_column("images", column)
