"""The caller's own account."""

from fastapi import APIRouter

from gateway.callers import SignedIn
from gateway.context import GatewayParts
from gateway.schemas.auth import User
from linkarooie.auth.v1 import auth_pb2

router = APIRouter(prefix="/v1", tags=["me"])


@router.get("/me")
async def get_me(gateway: GatewayParts, _: SignedIn) -> User:
    """Returns the account that the token belongs to."""
    answer = await gateway.auth.GetCurrentUser(auth_pb2.GetCurrentUserRequest())
    return User.of(answer.user)
