"""What was found in places, and putting it back."""

from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from servicekit.pages import PageRequest
from services.sync.api.messages import Context, Messages, caller, snapshot_message


class RollBacksApi(Messages, sync_pb2_grpc.SyncServiceServicer):
    async def ListSnapshots(
        self, request: sync_pb2.ListSnapshotsRequest, context: Context
    ) -> sync_pb2.ListSnapshotsResponse:
        wanted = PageRequest.parse(request.page_size, request.page_token, default=20)
        page = await self._roll_backs.snapshots(request.connection_id, request.slot, wanted, owner_id=caller())
        return sync_pb2.ListSnapshotsResponse(
            snapshots=[snapshot_message(kept) for kept in page.items], next_page_token=page.next_page_token
        )

    async def RollBackPlace(
        self, request: sync_pb2.RollBackPlaceRequest, context: Context
    ) -> sync_pb2.RollBackPlaceResponse:
        made = await self._roll_backs.place(
            request.connection_id,
            request.slot,
            request.snapshot_id,
            owner_id=caller(),
            idempotency_key=request.idempotency_key,
        )
        return sync_pb2.RollBackPlaceResponse(sync=await self._sync_now(made))

    async def RollBackTarget(
        self, request: sync_pb2.RollBackTargetRequest, context: Context
    ) -> sync_pb2.RollBackTargetResponse:
        made = await self._roll_backs.target(
            request.id, request.snapshot_id, owner_id=caller(), idempotency_key=request.idempotency_key
        )
        return sync_pb2.RollBackTargetResponse(sync=await self._sync_now(made))

    async def RollBackSync(
        self, request: sync_pb2.RollBackSyncRequest, context: Context
    ) -> sync_pb2.RollBackSyncResponse:
        made = await self._roll_backs.sync(request.id, owner_id=caller(), idempotency_key=request.idempotency_key)
        return sync_pb2.RollBackSyncResponse(sync=await self._sync_now(made))
