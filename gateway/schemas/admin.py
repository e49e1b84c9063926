"""Accounts, as the installation's staff see them."""

from gateway.schemas.auth import Role, User
from gateway.schemas.common import Answer, Question, Time, time_or_none
from linkarooie.auth.v1 import auth_pb2


class Account(Answer):
    """What staff may see of an account: never its tokens, never its pictures."""

    user: User
    provider_labels: list[str]
    """The names of the providers that it is linked to."""
    open_sessions: int
    api_keys: int
    last_sign_in_at: Time | None
    """Null if nobody has signed in yet."""

    @classmethod
    def of(cls, account: auth_pb2.Account) -> "Account":
        return cls(
            user=User.of(account.user),
            provider_labels=list(account.provider_labels),
            open_sessions=account.open_sessions,
            api_keys=account.api_keys,
            last_sign_in_at=time_or_none(account.last_sign_in_time, present=account.HasField("last_sign_in_time")),
        )


class RoleChange(Question):
    """Gives a role."""

    role: Role
