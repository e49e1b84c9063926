"""Tables of the auth service."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from servicekit.database import inbox_table, outbox_table

metadata = sa.MetaData()


def _id(
    name: str, *arguments: sa.schema.SchemaItem, primary_key: bool = False, nullable: bool = False
) -> sa.Column[str]:
    return sa.Column(name, sa.Uuid(as_uuid=False), *arguments, primary_key=primary_key, nullable=nullable)


def _user(*, nullable: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return _id("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=nullable, primary_key=primary_key)


def _text(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=primary_key, nullable=nullable)


def _bytes(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, primary_key=primary_key, nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


# Every address here is confirmed: what is not yet is in `challenges`.
users = sa.Table(
    "users",
    metadata,
    _id("id", primary_key=True),
    _text("email"),
    _text("email_key"),
    _text("display_name"),
    _text("password_hash", nullable=True),
    _time("created_at"),
    _text("role"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("email_key", name="users_email_key"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    _id("id", primary_key=True),
    _user(),
    _text("device"),
    _text("address"),
    _time("created_at"),
    _time("last_used_at"),
    _time("ends_at"),
    _time("ended_at", nullable=True),
    _text("end_reason"),
    sa.Index("sessions_of_user", "user_id", "id"),
    sa.Index("sessions_ends_at", "ends_at"),
    sa.Index("sessions_ended_at", "ended_at", postgresql_where=sa.text("ended_at IS NOT NULL")),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    _bytes("hash", primary_key=True),
    _id("session_id", sa.ForeignKey("sessions.id", ondelete="CASCADE")),
    _time("created_at"),
    _time("expires_at"),
    _time("spent_at", nullable=True),
    _bytes("sealed_successor", nullable=True),
    sa.Index("refresh_tokens_of_session", "session_id"),
    sa.Index("refresh_tokens_expires_at", "expires_at"),
    sa.Index("refresh_tokens_sealed", "spent_at", postgresql_where=sa.text("sealed_successor IS NOT NULL")),
)

# By what a device is known again: the token that it was handed, or what it calls itself and the network that it is in, hashed.
devices = sa.Table(
    "devices",
    metadata,
    _user(primary_key=True),
    _bytes("key_hash", primary_key=True),
    _time("seen_at"),
    sa.Index("devices_seen_at", "seen_at"),
)

# What is asked of somebody by letter, or on the way to one. `token_hash`: of the link's token, so that a copy of the table opens nothing.
challenges = sa.Table(
    "challenges",
    metadata,
    _id("id", primary_key=True),
    _text("purpose"),
    _bytes("token_hash", nullable=True),
    _text("email"),
    _text("email_key"),
    _user(nullable=True),
    _text("display_name"),
    _text("password_hash", nullable=True),
    _text("provider", nullable=True),
    _text("subject", nullable=True),
    _text("identity_name", nullable=True),
    _time("created_at"),
    _time("expires_at"),
    _time("used_at", nullable=True),
    sa.UniqueConstraint("token_hash", name="challenges_token_hash"),
    sa.Index("challenges_of_address", "email_key", "created_at"),
    sa.Index("challenges_of_user", "user_id"),
    sa.Index("challenges_expires_at", "expires_at"),
)

# How often signing in has failed, by a hash of account, place or both.
throttles = sa.Table(
    "throttles",
    metadata,
    _bytes("key", primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    _time("last_failed_at"),
    sa.Index("throttles_last_failed_at", "last_failed_at"),
)

identities = sa.Table(
    "identities",
    metadata,
    _id("id", primary_key=True),
    _user(),
    _text("provider"),
    _text("subject"),
    _text("name"),
    _time("created_at"),
    _time("last_used_at", nullable=True),
    sa.UniqueConstraint("provider", "subject", name="identities_provider_subject"),
    sa.Index("identities_of_user", "user_id"),
)

# Sign-ins with a provider that were begun.
flows = sa.Table(
    "flows",
    metadata,
    _id("id", primary_key=True),
    _bytes("state_hash"),
    _text("provider"),
    _user(nullable=True),  # whose account the identity is to be linked to; none for a sign-in
    _id("session_id", nullable=True),
    _bytes("browser_hash"),
    _bytes("sealed"),
    _text("return_to"),
    _time("expires_at"),
    _time("used_at", nullable=True),
    sa.UniqueConstraint("state_hash", name="flows_state_hash"),
    sa.Index("flows_expires_at", "expires_at"),
    sa.Index("flows_of_user", "user_id"),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    _id("id", primary_key=True),
    _user(),
    _text("name"),
    _text("prefix"),
    _bytes("hash"),
    sa.Column("scopes", postgresql.ARRAY(sa.Text), nullable=False),
    _time("created_at"),
    _time("expires_at", nullable=True),
    _time("last_used_at", nullable=True),
    _time("revoked_at", nullable=True),
    sa.UniqueConstraint("hash", name="api_keys_hash"),
    sa.Index("api_keys_of_user", "user_id", "id"),
    sa.Index("api_keys_revoked_at", "revoked_at", postgresql_where=sa.text("revoked_at IS NOT NULL")),
)

# The first that `signs_from` lets sign, newest first, does. `retires_at`: when it is published no more.
signing_keys = sa.Table(
    "signing_keys",
    metadata,
    _text("id", primary_key=True),
    sa.Column("public_jwk", postgresql.JSONB, nullable=False),
    _bytes("sealed"),
    _time("signs_from"),
    _time("retires_at", nullable=True),
)

# The audit trail. A trigger refuses to change or to remove a line; without a reference to `users`, so that it outlives them.
activities = sa.Table(
    "activities",
    metadata,
    _id("id", primary_key=True),
    _id("user_id"),
    _text("action"),
    _text("actor"),
    _id("actor_id", nullable=True),
    _time("at"),
    _text("device"),
    _text("address"),
    _text("detail"),
    sa.Index("activities_of_user", "user_id", "id"),
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
