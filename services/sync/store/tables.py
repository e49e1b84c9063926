"""Tables of the sync service."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from servicekit.database import inbox_table, outbox_table

metadata = sa.MetaData()


def _id(name: str, *arguments: sa.schema.SchemaItem, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Uuid(as_uuid=False), *arguments, primary_key=primary_key, nullable=False)


def _text(name: str, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=primary_key, nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


# Connections that were begun. `state_hash`: what comes back through the browser, hashed, so that a copy of the table opens nothing.
connect_attempts = sa.Table(
    "connect_attempts",
    metadata,
    _id("id", primary_key=True),
    _id("owner_id"),
    _text("platform"),
    _text("state_hash"),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    _time("expires_at"),
    _time("used_at", nullable=True),
    sa.UniqueConstraint("state_hash", name="connect_attempts_state_hash"),
)

# `probe_at`: when to see whether the access still works. `expiry_notes`: how often the owner was told that the present access ends.
# `leaving_since`: disconnected as soon as pictures from before are put back.
connections = sa.Table(
    "connections",
    metadata,
    _id("id", primary_key=True),
    _id("owner_id"),
    _text("platform"),
    _text("instance"),
    _text("remote_id"),
    _text("remote_handle"),
    _text("remote_url"),
    _text("state"),
    sa.Column("reason", postgresql.JSONB),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    _time("created_at"),
    _time("checked_at", nullable=True),
    _time("expires_at", nullable=True),
    _time("refresh_at", nullable=True),
    _time("refresh_leased_until", nullable=True),
    sa.Column("grant_version", sa.Integer, nullable=False),
    sa.Column("follows_defaults", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("check_every", sa.Text, nullable=False, server_default="never"),
    sa.Column("time_zone", sa.Text, nullable=False, server_default="UTC"),
    _time("probe_at", nullable=True),
    _time("unreachable_since", nullable=True),
    sa.Column("expiry_notes", sa.Integer, nullable=False, server_default="0"),
    _time("leaving_since", nullable=True),
    sa.UniqueConstraint("owner_id", "platform", "instance", "remote_id", name="connections_identity"),
    sa.Index("connections_of_owner", "owner_id", "id"),
)

sa.Index("connections_to_probe", connections.c.probe_at, postgresql_where=connections.c.probe_at.is_not(None))
sa.Index("connections_leaving", connections.c.leaving_since, postgresql_where=connections.c.leaving_since.is_not(None))

# The slots of connections. `look_at`: when somebody shall look what is there (after connecting).
places = sa.Table(
    "places",
    metadata,
    _id("connection_id", sa.ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    _text("slot", primary_key=True),
    sa.Column("seen", postgresql.JSONB),
    _text("ours_tag"),
    _text("ours_sha256"),
    _time("look_at", nullable=True),
    sa.Column("failed_looks", sa.Integer, nullable=False),
    sa.Column("on_difference", sa.Text, nullable=False, server_default="ask"),
)
sa.Index("places_to_look_at", places.c.look_at, postgresql_where=places.c.look_at.is_not(None))

# Every picture that was found on a platform, so that it can be put back; one without a tag says that there was none. They outlive
# their connection.
snapshots = sa.Table(
    "snapshots",
    metadata,
    _id("id", primary_key=True),
    _id("owner_id"),
    _id("connection_id"),
    _text("slot"),
    _text("tag"),
    _text("url"),
    _text("sha256"),
    _text("object_key"),
    _text("content_type"),
    _text("perceptual_hash"),
    _time("taken_at"),
    sa.UniqueConstraint("connection_id", "slot", "tag", name="snapshots_of_place"),
)

# Registrations of this installation at servers that want one.
registrations = sa.Table(
    "registrations",
    metadata,
    _text("platform", primary_key=True),
    _text("instance", primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    _time("registered_at"),
)

# What servers say of themselves; `terms` is null of one that has not been understood so far.
servers = sa.Table(
    "servers",
    metadata,
    _text("platform", primary_key=True),
    _text("instance", primary_key=True),
    sa.Column("terms", postgresql.JSONB),
    _time("read_again_at"),
)

# What the processor has said last of a picture's revision: `failure` is null when the renditions are there.
image_revisions = sa.Table(
    "image_revisions",
    metadata,
    _id("image_id", primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    _id("owner_id"),
    sa.Column("failure", sa.Text),
    sa.Column("slot_failures", postgresql.JSONB, nullable=False),
    _time("told_at"),
)

renditions = sa.Table(
    "renditions",
    metadata,
    _id("image_id", primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    _text("key", primary_key=True),
    _text("object_key"),
    _text("content_type"),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    _text("sha256"),
    _text("perceptual_hash"),
)

syncs = sa.Table(
    "syncs",
    metadata,
    _id("id", primary_key=True),
    _id("owner_id"),
    sa.Column("image_id", sa.Uuid(as_uuid=False)),
    _text("slot"),
    sa.Column("trigger", sa.Text, nullable=False, server_default="by_hand"),
    _time("created_at"),
    _time("finished_at", nullable=True),
    sa.Column("finish_version", sa.Integer, nullable=False),
    sa.Column("idempotency_key", sa.Text),
    _text("request_hash"),
    sa.UniqueConstraint("owner_id", "idempotency_key", name="syncs_idempotency_key"),
    sa.Index("syncs_of_owner", "owner_id", "id"),
)

# Wants a picture of the library (`image_id`, `revision`), or what was there before (`snapshot_id`). `version` fences: who holds an old
# copy cannot write. `ring_at`: when the doorbell is to ring (again). `deferred_at`: since when it waits until fewer targets of its
# owner are under way on the platform.
targets = sa.Table(
    "targets",
    metadata,
    _id("id", primary_key=True),
    _id("sync_id", sa.ForeignKey("syncs.id", ondelete="CASCADE")),
    _id("owner_id"),
    _id("connection_id"),
    _text("platform"),
    _text("slot"),
    _text("remote_handle"),
    sa.Column("image_id", sa.Uuid(as_uuid=False)),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("snapshot_id", sa.Uuid(as_uuid=False)),
    sa.Column("alt_text", sa.Text, nullable=False, server_default=""),
    _time("requested_at"),
    _time("updated_at"),
    _text("state"),
    sa.Column("reason", postgresql.JSONB),
    sa.Column("attempts", sa.Integer, nullable=False),
    _time("next_attempt_at", nullable=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("submission", postgresql.JSONB),
    sa.Column("seen", postgresql.JSONB),
    sa.Column("failures", sa.Integer, nullable=False),
    _time("failing_since", nullable=True),
    sa.Column("reminders", sa.Integer, nullable=False, server_default="0"),
    _time("leased_until", nullable=True),
    sa.Column("lease", sa.Uuid(as_uuid=False)),
    _time("ring_at", nullable=True),
    _time("deferred_at", nullable=True),
    sa.Index("targets_of_sync", "sync_id"),
    sa.Index("targets_of_place", "connection_id", "slot"),
    sa.Index("targets_of_image", "image_id"),
)
sa.Index("targets_due", targets.c.platform, targets.c.ring_at, postgresql_where=targets.c.ring_at.is_not(None))
sa.Index(
    "targets_deferred",
    targets.c.owner_id,
    targets.c.platform,
    targets.c.deferred_at,
    postgresql_where=targets.c.deferred_at.is_not(None),
)
sa.Index(
    "targets_held_of_owner",
    targets.c.owner_id,
    targets.c.platform,
    postgresql_where=targets.c.leased_until.is_not(None),
)
sa.Index(
    "targets_held_of_place",
    targets.c.connection_id,
    targets.c.slot,
    postgresql_where=targets.c.leased_until.is_not(None),
)

sa.Index(
    "targets_live",
    targets.c.state,
    postgresql_where=targets.c.state.in_(["queued", "sending", "waiting_for_platform", "paused"]),
)

target_steps = sa.Table(
    "target_steps",
    metadata,
    _id("id", primary_key=True),
    _id("target_id", sa.ForeignKey("targets.id", ondelete="CASCADE")),
    _time("at"),
    _text("state"),
    sa.Column("reason", postgresql.JSONB),
    sa.Index("target_steps_of_target", "target_id", "id"),
)

# Until when something must be left alone: a platform, `platform/connection`, or (writes only) `platform/connection/slot`.
holds = sa.Table(
    "holds",
    metadata,
    _text("key", primary_key=True),
    _time("until"),
)

# Servers that have failed lately; who works has no row. `open_until`: nobody calls before, and then one at a time (`probed_until`).
circuits = sa.Table(
    "circuits",
    metadata,
    _text("server", primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("accounts", postgresql.ARRAY(sa.Text), nullable=False),
    _time("failed_at"),
    sa.Column("openings", sa.Integer, nullable=False),
    _time("open_until", nullable=True),
    _time("probed_until", nullable=True),
)

# What owners have chosen as defaults, as it was heard of last.
followed_defaults = sa.Table(
    "followed_defaults",
    metadata,
    _id("owner_id", primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("choices", postgresql.JSONB, nullable=False),
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
