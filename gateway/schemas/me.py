"""One's own account."""

from typing import Any, Literal, cast

from pydantic import AwareDatetime, Field

from gateway.schemas.auth import DisplayName, Email, Password, ReturnTo
from gateway.schemas.common import Answer, Question, Time, time_or_none, word
from linkarooie.auth.v1 import auth_pb2
from servicekit.protobuf import moment
from servicekit.rights import Scope

Action = Literal[
    "registered",
    "signed_in",
    "signed_in_new_device",
    "sign_in_failed",
    "signed_out",
    "session_ended",
    "other_sessions_ended",
    "token_reused",
    "password_reset_requested",
    "password_reset",
    "password_changed",
    "email_change_requested",
    "email_changed",
    "identity_linked",
    "identity_removed",
    "api_key_created",
    "api_key_revoked",
    "looked_up",
    "role_changed",
    "name_changed",
]
Actor = Literal["owner", "staff", "unknown", "operator"]


class UserChange(Question):
    """Changes the account."""

    display_name: DisplayName
    """1 to 100 characters."""


class NewEmail(Question):
    """Asks for another address."""

    email: Email
    """The account has it as soon as the link in the letter there is opened."""


class PasswordChange(Question):
    """Sets another password."""

    current_password: Password | None = None
    """The password of now; null or absent where the account has none."""
    new_password: Password
    """At least 10 characters, at most 128 bytes."""


class Session(Answer):
    """One signed-in device."""

    id: str
    device: str
    """Browser and system, such as `Firefox on Linux`."""
    address: str | None
    """The network address that it was used from last; null when nobody told."""
    created_at: Time
    last_used_at: Time
    """Give or take ten minutes."""
    expires_at: Time
    """When it ends at the latest."""
    current: bool
    """Whether it is the one that asks."""

    @classmethod
    def of(cls, session: auth_pb2.Session) -> "Session":
        return cls(
            id=session.id,
            device=session.device,
            address=session.address or None,
            created_at=moment(session.create_time),
            last_used_at=moment(session.last_used_time),
            expires_at=moment(session.expire_time),
            current=session.current,
        )


class SessionList(Answer):
    """The sessions that are open."""

    items: list[Session]
    """The one used last first."""
    next_page_token: str
    """Always empty: there are too few to page."""


class EndedSessions(Answer):
    """How many sessions were ended."""

    ended: int


class Identity(Answer):
    """An account at a provider that its owner can sign in with."""

    id: str
    provider: str
    """The provider's id, such as `google`."""
    provider_label: str
    """For people, such as `Google`."""
    name: str | None
    """The address or name that the provider told when it was last used; null when it told none."""
    created_at: Time
    last_used_at: Time | None
    """Null if never."""

    @classmethod
    def of(cls, identity: auth_pb2.Identity) -> "Identity":
        return cls(
            id=identity.id,
            provider=identity.provider,
            provider_label=identity.provider_label,
            name=identity.name or None,
            created_at=moment(identity.create_time),
            last_used_at=time_or_none(identity.last_used_time, present=identity.HasField("last_used_time")),
        )


class IdentityList(Answer):
    """What somebody can sign in with, oldest first."""

    items: list[Identity]
    next_page_token: str
    """Always empty: there are too few to page."""


class NewIdentity(Question):
    """Begins to link a provider."""

    provider: str = Field(min_length=1, max_length=60)
    """The provider's id, see `GET /v1/auth/providers`."""
    return_to: ReturnTo = "/settings/sign-in"
    """Where in the web client to go on afterwards."""


class ApiKey(Answer):
    """A key for programs."""

    id: str
    name: str
    prefix: str
    """How the key begins, to recognise it by."""
    scopes: list[str]
    """What it may do."""
    created_at: Time
    expires_at: Time | None
    """Null if it does not end by itself."""
    last_used_at: Time | None
    """Give or take a minute; null if never."""

    @classmethod
    def of(cls, key: auth_pb2.ApiKey) -> "ApiKey":
        return cls(**_api_key(key))


def _api_key(key: auth_pb2.ApiKey) -> dict[str, Any]:  # the fields of the model
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": list(key.scopes),
        "created_at": moment(key.create_time),
        "expires_at": time_or_none(key.expire_time, present=key.HasField("expire_time")),
        "last_used_at": time_or_none(key.last_used_time, present=key.HasField("last_used_time")),
    }


class ApiKeyList(Answer):
    """The keys that are not revoked, newest first."""

    items: list[ApiKey]
    next_page_token: str
    """Always empty: there are too few to page."""


class NewApiKey(Question):
    """Asks for a key."""

    name: str = Field(max_length=400)
    """1 to 100 characters."""
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    """What it may do."""
    expires_at: AwareDatetime | None = None
    """When it ends, RFC 3339 with an offset; null or absent for a key that does not end by itself."""


class MadeApiKey(ApiKey):
    """A new key, with the key itself."""

    secret: str
    """The whole key, for `Authorization: Bearer …`. It is shown this one time."""

    @classmethod
    def made(cls, answer: auth_pb2.CreateApiKeyResponse) -> "MadeApiKey":
        return cls(**_api_key(answer.api_key), secret=answer.secret)


class Activity(Answer):
    """One line of what happened to an account."""

    id: str
    action: Action
    at: Time
    actor: Actor
    """Who did it: the owner, staff, somebody unknown, or the operator by a command on the server."""
    device: str | None
    """Browser and system, such as `Firefox on Linux`; null when nobody told."""
    address: str | None
    """The network address; null when nobody told."""
    detail: str | None
    """What the action is about, such as the name of a key, a provider's name or the new address."""

    @classmethod
    def of(cls, activity: auth_pb2.Activity) -> "Activity":
        return cls(
            id=activity.id,
            action=cast("Action", word(auth_pb2.ActivityAction, activity.action)),
            at=moment(activity.event_time),
            actor=cast("Actor", word(auth_pb2.Actor, activity.actor)),
            device=activity.device or None,
            address=activity.address or None,
            detail=activity.detail or None,
        )


class ActivityList(Answer):
    """A page of what happened, newest first."""

    items: list[Activity]
    next_page_token: str
    """Empty on the last page."""
