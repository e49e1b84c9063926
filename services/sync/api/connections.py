"""Accounts on platforms."""

from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from servicekit.pages import PageRequest
from servicekit.protobuf import timestamp
from services.sync.api.messages import Context, Messages, caller, offered_message
from services.sync.use_cases.connections import Connections
from services.sync.use_cases.leaving import Leaving


class ConnectionsApi(Messages, sync_pb2_grpc.SyncServiceServicer):
    _connections: Connections
    _leaving: Leaving

    async def BeginConnection(
        self, request: sync_pb2.BeginConnectionRequest, context: Context
    ) -> sync_pb2.BeginConnectionResponse:
        begun = await self._connections.begin(
            request.platform, request.instance, owner_id=caller(), connection_id=request.connection_id
        )
        return sync_pb2.BeginConnectionResponse(
            authorize_url=begun.authorize_url, expire_time=timestamp(begun.attempt.expires_at)
        )

    async def FinishConnection(
        self, request: sync_pb2.FinishConnectionRequest, context: Context
    ) -> sync_pb2.FinishConnectionResponse:
        finished = await self._connections.finish(request.platform, dict(request.parameters), owner_id=caller())
        return sync_pb2.FinishConnectionResponse(
            connection=self._connection(finished.shown) if finished.shown else None,
            reconnected=finished.reconnected,
            choice_id=finished.choice_id,
        )

    async def GetConnectionChoice(
        self, request: sync_pb2.GetConnectionChoiceRequest, context: Context
    ) -> sync_pb2.GetConnectionChoiceResponse:
        choice, expected = await self._connections.offered(request.id, owner_id=caller())
        return sync_pb2.GetConnectionChoiceResponse(
            platform=choice.platform,
            accounts=[offered_message(offer) for offer in choice.offers],
            expire_time=timestamp(choice.expires_at),
            expected=self._connection(expected) if expected else None,
        )

    async def ChooseConnections(
        self, request: sync_pb2.ChooseConnectionsRequest, context: Context
    ) -> sync_pb2.ChooseConnectionsResponse:
        connected = await self._connections.choose(request.id, list(request.remote_ids), owner_id=caller())
        return sync_pb2.ChooseConnectionsResponse(connections=[self._connection(shown) for shown in connected])

    async def ListConnections(
        self, request: sync_pb2.ListConnectionsRequest, context: Context
    ) -> sync_pb2.ListConnectionsResponse:
        wanted = PageRequest.parse(request.page_size, request.page_token, default=100)
        page = await self._connections.page(wanted, owner_id=caller())
        return sync_pb2.ListConnectionsResponse(
            connections=[self._connection(shown) for shown in page.items], next_page_token=page.next_page_token
        )

    async def GetConnection(
        self, request: sync_pb2.GetConnectionRequest, context: Context
    ) -> sync_pb2.GetConnectionResponse:
        shown = await self._connections.get(request.id, owner_id=caller())
        return sync_pb2.GetConnectionResponse(connection=self._connection(shown))

    async def CheckConnection(
        self, request: sync_pb2.CheckConnectionRequest, context: Context
    ) -> sync_pb2.CheckConnectionResponse:
        shown = await self._connections.check(request.id, owner_id=caller())
        return sync_pb2.CheckConnectionResponse(connection=self._connection(shown))

    async def DeleteConnection(
        self, request: sync_pb2.DeleteConnectionRequest, context: Context
    ) -> sync_pb2.DeleteConnectionResponse:
        if request.put_back:
            return sync_pb2.DeleteConnectionResponse(sync_id=await self._leaving.begin(request.id, owner_id=caller()))
        await self._connections.remove(request.id, owner_id=caller())
        return sync_pb2.DeleteConnectionResponse()
