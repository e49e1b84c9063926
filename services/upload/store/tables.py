"""Tables of the upload service."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from servicekit.database import inbox_table, outbox_table

metadata = sa.MetaData()

# What is searched: words without the marks between them, so that `IMG_1234.jpg` is found by 1234.
WORDS = (
    "to_tsvector('simple'::regconfig,"
    " regexp_replace(title || ' ' || file_name || ' ' || alt_text, '[^[:alnum:]]+', ' ', 'g'))"
)

_NEWEST_FIRST = sa.text("id DESC NULLS LAST")

# Server defaults are for replicas of the version before, which run while the schema is this one already.
images = sa.Table(
    "images",
    metadata,
    sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("object_key", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("alt_text", sa.Text, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("failure_reason", sa.Text, nullable=False),
    sa.Column("failure_message", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("ready_at", sa.DateTime(timezone=True)),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    sa.Column("asked_at", sa.DateTime(timezone=True)),
    sa.Column("made_at", sa.DateTime(timezone=True)),
    sa.Column("faces", postgresql.JSONB, nullable=False, server_default="[]"),
    sa.Column("placeholder", sa.LargeBinary, nullable=False, server_default=""),
    sa.Column("title", sa.Text, nullable=False, server_default=""),
    sa.Column("published", sa.Boolean, nullable=False, server_default=sa.false()),
    # Grows with every change by the owner.
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("edited", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    # The perceptual hash of the picture as it was uploaded, shape and colours; null and empty until it was ready once.
    sa.Column("look_bits", sa.BigInteger),
    sa.Column("look_colours", sa.LargeBinary, nullable=False, server_default=""),
    # The fingerprint of the recipes that its variants were made by, and when it was last asked to have them made by the present ones.
    sa.Column("recipes", sa.Text, nullable=False, server_default=""),
    sa.Column("refresh_asked_at", sa.DateTime(timezone=True)),
    sa.Column("words", postgresql.TSVECTOR, sa.Computed(WORDS, persisted=True)),
    sa.UniqueConstraint("owner_id", "idempotency_key", name="images_idempotency_key"),
    # Sorted as no other index is, see `NEWEST_FIRST`.
    sa.Index("images_of_library", "owner_id", _NEWEST_FIRST, postgresql_where=sa.text("deleted_at IS NULL")),
    sa.Index(
        "images_deleted",
        "owner_id",
        _NEWEST_FIRST,
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
        postgresql_include=["deleted_at"],
    ),
    sa.Index("images_to_purge", "deleted_at", postgresql_where=sa.text("deleted_at IS NOT NULL")),
    sa.Index("images_of_file", "owner_id", "sha256", _NEWEST_FIRST),
    sa.Index("images_processing", "created_at", postgresql_where=sa.text("state = 'processing'")),
    sa.Index(
        "images_outdated", "owner_id", "recipes", postgresql_where=sa.text("state = 'ready' AND deleted_at IS NULL")
    ),
    sa.Index("images_by_recipes", "recipes", "id", postgresql_where=sa.text("state = 'ready' AND deleted_at IS NULL")),
)

# How lists of pictures are sorted. Of no picture the id is null, but by saying where nulls go this is not the order of the primary key: read
# along that, a page would cost as much as all that others have uploaded since, and for large libraries Postgres takes that for cheap.
NEWEST_FIRST = images.c.id.desc().nulls_last()

variants = sa.Table(
    "variants",
    metadata,
    sa.Column("image_id", sa.Uuid(as_uuid=False), sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("slot", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("perceptual_hash", sa.Text, nullable=False),
    sa.Column("object_key", sa.Text, nullable=False),
    sa.Column("recipe_version", sa.Text, nullable=False),
    sa.Column("notes", postgresql.JSONB, nullable=False),
    sa.Column("frame", postgresql.JSONB(none_as_null=True)),
    sa.Index("variants_by_object", "object_key"),
)

# What was done to a picture, from its second revision on; the first is the picture as it was uploaded.
revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("image_id", sa.Uuid(as_uuid=False), sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("edits", postgresql.JSONB, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)

# Which picture is shown where. `scope` is `everywhere`, `platform` or `connection`; `scope_id` names which, and is empty for everywhere.
defaults = sa.Table(
    "defaults",
    metadata,
    sa.Column("owner_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("slot", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("scope_id", sa.Text, primary_key=True),
    sa.Column("image_id", sa.Uuid(as_uuid=False), sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
    sa.Index("defaults_of_image", "image_id"),
)

# One row an owner: held while something that all of their pictures share is changed.
libraries = sa.Table(
    "libraries",
    metadata,
    sa.Column("owner_id", sa.Uuid(as_uuid=False), primary_key=True),
    # Of originals, each file once, also those of deleted pictures.
    sa.Column("used_bytes", sa.BigInteger, nullable=False, server_default="0"),
    # Grows with every change of the defaults.
    sa.Column("defaults_version", sa.Integer, nullable=False, server_default="0"),
)

# Which addresses give somebody's avatar to everybody, and what they are made from, as other services have told.
avatars = sa.Table(
    "avatars",
    metadata,
    sa.Column("owner_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("by_handle", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("by_email", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("handle", sa.Text, nullable=False, server_default=""),
    sa.Column("handle_version", sa.Integer, nullable=False, server_default="0"),
    # Lower-case hex; empty while no address was told.
    sa.Column("email_sha256", sa.Text, nullable=False, server_default=""),
    sa.Column("email_md5", sa.Text, nullable=False, server_default=""),
    sa.Column("email_version", sa.Integer, nullable=False, server_default="0"),
    sa.Index("avatars_by_handle", "handle"),
    sa.Index("avatars_by_sha256", "email_sha256"),
    sa.Index("avatars_by_md5", "email_md5"),
)

# Uploads that go directly to the store.
uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("object_key", sa.Text, nullable=False),
    # As declared.
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("alt_text", sa.Text, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("image_id", sa.Uuid(as_uuid=False)),
    sa.Column("failure_reason", sa.Text, nullable=False, server_default=""),
    sa.Column("failure_message", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("owner_id", "idempotency_key", name="uploads_idempotency_key"),
    sa.Index("uploads_pending", "expires_at", postgresql_where=sa.text("state = 'pending'")),
    sa.Index("uploads_of_owner_pending", "owner_id", postgresql_where=sa.text("state = 'pending'")),
    sa.Index("uploads_settled", "expires_at", postgresql_where=sa.text("state <> 'pending'")),
)

# Which address an import with an idempotency key was for, and what became of it.
imports = sa.Table(
    "imports",
    metadata,
    sa.Column("owner_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("idempotency_key", sa.Text, primary_key=True),
    sa.Column("url_sha256", sa.Text, nullable=False),
    sa.Column("image_id", sa.Uuid(as_uuid=False), sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
    sa.Index("imports_of_image", "image_id"),
)

# One row: the recipes in force, as the processor told last.
recipes = sa.Table(
    "recipes",
    metadata,
    sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("single", name="recipes_one_row"),
)

# Folders of the object store that nobody refers to, and since when that is known.
unreferenced = sa.Table(
    "unreferenced",
    metadata,
    sa.Column("folder", sa.Text, primary_key=True),
    sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
