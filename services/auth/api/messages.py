"""What several parts of the API answer with, as the contract writes it."""

from linkarooie.auth.v1 import auth_pb2
from servicekit.identity import Role
from servicekit.protobuf import timestamp
from services.auth.domain.account import User
from services.auth.domain.activity import Activity
from services.auth.use_cases.sessions import OpenedSession, SessionTokens
from services.auth.use_cases.trail import action_value


def user_message(user: User) -> auth_pb2.User:
    return auth_pb2.User(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        create_time=timestamp(user.created_at),
        role=role_value(user.role),
        has_password=user.password_hash is not None,
    )


def role_value(role: Role) -> auth_pb2.Role.ValueType:
    return auth_pb2.Role.Value(f"ROLE_{role.name}")


def tokens_message(tokens: SessionTokens) -> auth_pb2.SessionTokens:
    return auth_pb2.SessionTokens(
        access_token=tokens.access.text,
        access_expire_time=timestamp(tokens.access.expires_at),
        refresh_token=tokens.refresh_token,
        refresh_expire_time=timestamp(tokens.refresh_expires_at),
    )


def signed_in_message(opened: OpenedSession) -> auth_pb2.SignedIn:
    return auth_pb2.SignedIn(
        user=user_message(opened.user), tokens=tokens_message(opened.tokens), device_token=opened.device_token
    )


def activity_message(activity: Activity) -> auth_pb2.Activity:
    return auth_pb2.Activity(
        id=activity.id,
        action=action_value(activity.action),
        event_time=timestamp(activity.at),
        actor=auth_pb2.Actor.Value(f"ACTOR_{activity.actor.name}"),
        device=activity.device,
        address=activity.address,
        detail=activity.detail,
    )
