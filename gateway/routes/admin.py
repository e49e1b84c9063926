"""For the installation's staff."""

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.pages import PageSize, PageToken
from gateway.problems import told
from gateway.schemas.admin import Account, RoleChange
from gateway.schemas.auth import Email, User
from gateway.schemas.me import Activity, ActivityList
from linkarooie.auth.v1 import auth_pb2
from servicekit.errors import InvalidInputError

router = APIRouter(prefix="/v1/admin", tags=["admin"], route_class=AdmittedRoute)


@router.get("/accounts", responses=told(404))
async def look_up_account(
    gateway: GatewayParts,
    email: Annotated[Email | None, Query(description="The account's address.")] = None,
    user_id: Annotated[str | None, Query(max_length=36, description="Or its id.")] = None,
) -> Account:
    """Finds an account by its address or id. Its owner sees that somebody looked."""
    if (email is None) == (user_id is None):
        raise InvalidInputError.of_field("email", "Name the account by email or by user_id, and not by both.")
    which = (
        auth_pb2.LookUpAccountRequest(user_id=user_id)
        if user_id is not None
        else auth_pb2.LookUpAccountRequest(email=email or "")
    )
    answer = await gateway.auth.LookUpAccount(which)
    return Account.of(answer.account)


@router.get("/accounts/{user_id}/activity", responses=told(404))
async def list_account_activity(
    user_id: str, gateway: GatewayParts, page_size: PageSize = 0, page_token: PageToken = ""
) -> ActivityList:
    """Returns what happened to somebody's account. Its owner sees that somebody looked."""
    answer = await gateway.auth.ListAccountActivities(
        auth_pb2.ListAccountActivitiesRequest(user_id=user_id, page_size=page_size, page_token=page_token)
    )
    return ActivityList(
        items=[Activity.of(activity) for activity in answer.activities], next_page_token=answer.next_page_token
    )


@router.put("/accounts/{user_id}/role", responses=told(404, 409))
async def set_role(user_id: str, change: RoleChange, gateway: GatewayParts) -> User:
    """Gives an account a role and ends its sessions, so that it counts at once."""
    role = auth_pb2.Role.Value(f"ROLE_{change.role.upper()}")
    answer = await gateway.auth.SetRole(auth_pb2.SetRoleRequest(user_id=user_id, role=role))
    return User.of(answer.user)
