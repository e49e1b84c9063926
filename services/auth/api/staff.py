"""For those who help people."""

from typing import Any

import grpc

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name


class StaffApi(auth_pb2_grpc.AuthServiceServicer):
    async def LookUpAccount(
        self, request: auth_pb2.LookUpAccountRequest, context: Context
    ) -> auth_pb2.LookUpAccountResponse:
        raise NotImplementedError

    async def ListAccountActivities(
        self, request: auth_pb2.ListAccountActivitiesRequest, context: Context
    ) -> auth_pb2.ListAccountActivitiesResponse:
        raise NotImplementedError

    async def SetRole(self, request: auth_pb2.SetRoleRequest, context: Context) -> auth_pb2.SetRoleResponse:
        raise NotImplementedError
