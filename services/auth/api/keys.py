"""Keys: those that sign, and those for programs."""

from typing import Any

import grpc

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name


class KeysApi(auth_pb2_grpc.AuthServiceServicer):
    async def ListEndedSessions(
        self, request: auth_pb2.ListEndedSessionsRequest, context: Context
    ) -> auth_pb2.ListEndedSessionsResponse:
        raise NotImplementedError

    async def ExchangeApiKey(
        self, request: auth_pb2.ExchangeApiKeyRequest, context: Context
    ) -> auth_pb2.ExchangeApiKeyResponse:
        raise NotImplementedError

    async def ListApiKeys(self, request: auth_pb2.ListApiKeysRequest, context: Context) -> auth_pb2.ListApiKeysResponse:
        raise NotImplementedError

    async def CreateApiKey(
        self, request: auth_pb2.CreateApiKeyRequest, context: Context
    ) -> auth_pb2.CreateApiKeyResponse:
        raise NotImplementedError

    async def DeleteApiKey(
        self, request: auth_pb2.DeleteApiKeyRequest, context: Context
    ) -> auth_pb2.DeleteApiKeyResponse:
        raise NotImplementedError
