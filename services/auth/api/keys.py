"""Keys for programs, and what ended."""

from typing import Any

import grpc

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from servicekit.identity import current_caller
from servicekit.protobuf import moment, timestamp
from services.auth.domain.api_key import ApiKey
from services.auth.use_cases.api_keys import ApiKeys
from services.auth.use_cases.signing_keys import Endings

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name


class KeysApi(auth_pb2_grpc.AuthServiceServicer):
    _api_keys: ApiKeys
    _endings: Endings

    async def ListEndedSessions(
        self, request: auth_pb2.ListEndedSessionsRequest, context: Context
    ) -> auth_pb2.ListEndedSessionsResponse:
        since = moment(request.since_time) if request.HasField("since_time") else None
        ids, as_of = await self._endings.since(since)
        return auth_pb2.ListEndedSessionsResponse(ids=ids, as_of_time=timestamp(as_of))

    async def ExchangeApiKey(
        self, request: auth_pb2.ExchangeApiKeyRequest, context: Context
    ) -> auth_pb2.ExchangeApiKeyResponse:
        token = await self._api_keys.exchange(request.api_key)
        return auth_pb2.ExchangeApiKeyResponse(access_token=token.text, access_expire_time=timestamp(token.expires_at))

    async def ListApiKeys(self, request: auth_pb2.ListApiKeysRequest, context: Context) -> auth_pb2.ListApiKeysResponse:
        keys = await self._api_keys.of(current_caller().user_id)
        return auth_pb2.ListApiKeysResponse(api_keys=[_message(key) for key in keys])

    async def CreateApiKey(
        self, request: auth_pb2.CreateApiKeyRequest, context: Context
    ) -> auth_pb2.CreateApiKeyResponse:
        key, secret = await self._api_keys.create(
            current_caller(),
            name=request.name,
            scopes=request.scopes,
            expires_at=moment(request.expire_time) if request.HasField("expire_time") else None,
        )
        return auth_pb2.CreateApiKeyResponse(api_key=_message(key), secret=secret)

    async def DeleteApiKey(
        self, request: auth_pb2.DeleteApiKeyRequest, context: Context
    ) -> auth_pb2.DeleteApiKeyResponse:
        await self._api_keys.revoke(current_caller().user_id, request.id)
        return auth_pb2.DeleteApiKeyResponse()


def _message(key: ApiKey) -> auth_pb2.ApiKey:
    return auth_pb2.ApiKey(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        scopes=key.scopes,
        create_time=timestamp(key.created_at),
        expire_time=timestamp(key.expires_at),
        last_used_time=timestamp(key.last_used_at),
    )
