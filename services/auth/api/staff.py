"""For those who help people."""

from typing import Any

import grpc

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from servicekit.errors import InvalidInputError
from servicekit.identity import Role, current_caller
from servicekit.pages import PageRequest
from servicekit.protobuf import timestamp
from services.auth.api.messages import activity_message, role_value, user_message
from services.auth.use_cases.staff import Staff

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name

ACTIVITIES_A_PAGE = 20
ROLES = {role_value(role): role for role in Role}


class StaffApi(auth_pb2_grpc.AuthServiceServicer):
    _staff: Staff

    async def LookUpAccount(
        self, request: auth_pb2.LookUpAccountRequest, context: Context
    ) -> auth_pb2.LookUpAccountResponse:
        view = await self._staff.look_up(current_caller(), user_id=request.user_id, email=request.email)
        return auth_pb2.LookUpAccountResponse(
            account=auth_pb2.Account(
                user=user_message(view.user),
                provider_labels=view.provider_labels,
                open_sessions=view.open_sessions,
                api_keys=view.api_keys,
                last_sign_in_time=timestamp(view.last_sign_in_at),
            )
        )

    async def ListAccountActivities(
        self, request: auth_pb2.ListAccountActivitiesRequest, context: Context
    ) -> auth_pb2.ListAccountActivitiesResponse:
        asked = PageRequest.parse(request.page_size, request.page_token, default=ACTIVITIES_A_PAGE)
        page = await self._staff.activities(current_caller(), request.user_id, asked)
        return auth_pb2.ListAccountActivitiesResponse(
            activities=[activity_message(activity) for activity in page.items], next_page_token=page.next_page_token
        )

    async def SetRole(self, request: auth_pb2.SetRoleRequest, context: Context) -> auth_pb2.SetRoleResponse:
        role = ROLES.get(request.role)
        if role is None:
            raise InvalidInputError.of_field("role", "Choose one of the roles user, support and admin.")
        user = await self._staff.set_role(request.user_id, role, by=current_caller())
        return auth_pb2.SetRoleResponse(user=user_message(user))
