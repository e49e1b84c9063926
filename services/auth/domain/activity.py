"""The audit trail: what happened to an account, who did it, and from where."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What happened. The words are stored; the contract's ActivityAction says what each means."""

    REGISTERED = "registered"
    SIGNED_IN = "signed_in"
    SIGNED_IN_NEW_DEVICE = "signed_in_new_device"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    SESSION_ENDED = "session_ended"
    OTHER_SESSIONS_ENDED = "other_sessions_ended"
    TOKEN_REUSED = "token_reused"  # noqa: S105  # a word
    PASSWORD_RESET_REQUESTED = "password_reset_requested"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    IDENTITY_LINKED = "identity_linked"
    IDENTITY_REMOVED = "identity_removed"
    API_KEY_CREATED = "api_key_created"
    API_KEY_REVOKED = "api_key_revoked"
    LOOKED_UP = "looked_up"
    ROLE_CHANGED = "role_changed"
    NAME_CHANGED = "name_changed"


class Actor(StrEnum):
    """Who did it."""

    OWNER = "owner"
    STAFF = "staff"
    UNKNOWN = "unknown"
    OPERATOR = "operator"


TOLD_BY_LETTER = frozenset(
    {
        Action.SIGNED_IN_NEW_DEVICE,
        Action.TOKEN_REUSED,
        Action.PASSWORD_RESET,
        Action.PASSWORD_CHANGED,
        Action.EMAIL_CHANGED,
        Action.IDENTITY_LINKED,
        Action.IDENTITY_REMOVED,
        Action.API_KEY_CREATED,
        Action.ROLE_CHANGED,
    }
)
"""What somebody should hear of who did not do it."""


@dataclass(frozen=True)
class Activity:
    """One line of the trail. `actor_id` is the account of staff, for admins' eyes."""

    id: str
    user_id: str
    action: Action
    actor: Actor
    at: datetime
    device: str = ""
    address: str = ""
    detail: str = ""
    actor_id: str | None = None

    def as_owner_sees_it(self) -> "Activity":
        """Returns the line without the place where staff worked, which is nobody's business but the installation's."""
        return replace(self, device="", address="") if self.actor is Actor.STAFF else self
