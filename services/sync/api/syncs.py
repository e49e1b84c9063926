"""Wishes to show a picture, and the places that they are about."""

from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from servicekit.pages import PageRequest
from services.sync.api.messages import Context, Messages, caller, step_message
from services.sync.use_cases.syncs import Syncs


class SyncsApi(Messages, sync_pb2_grpc.SyncServiceServicer):
    _syncs: Syncs

    async def CreateSync(self, request: sync_pb2.CreateSyncRequest, context: Context) -> sync_pb2.CreateSyncResponse:
        shown = await self._syncs.create(
            request.image_id,
            request.slot,
            list(request.connection_ids),
            owner_id=caller(),
            dry_run=request.dry_run,
            idempotency_key=request.idempotency_key,
        )
        return sync_pb2.CreateSyncResponse(sync=self._sync(shown))

    async def GetSync(self, request: sync_pb2.GetSyncRequest, context: Context) -> sync_pb2.GetSyncResponse:
        shown = await self._syncs.get(request.id, owner_id=caller())
        return sync_pb2.GetSyncResponse(sync=await self._sync_now(shown))

    async def ListSyncs(self, request: sync_pb2.ListSyncsRequest, context: Context) -> sync_pb2.ListSyncsResponse:
        wanted = PageRequest.parse(request.page_size, request.page_token, default=20)
        page = await self._syncs.page(wanted, owner_id=caller())
        behind = await self._roll_backs.behind([target for shown in page.items for target in shown.targets])
        return sync_pb2.ListSyncsResponse(
            syncs=[self._sync(shown, behind) for shown in page.items], next_page_token=page.next_page_token
        )

    async def CancelSync(self, request: sync_pb2.CancelSyncRequest, context: Context) -> sync_pb2.CancelSyncResponse:
        shown = await self._syncs.cancel(request.id, owner_id=caller())
        return sync_pb2.CancelSyncResponse(sync=await self._sync_now(shown))

    async def RetryTarget(self, request: sync_pb2.RetryTargetRequest, context: Context) -> sync_pb2.RetryTargetResponse:
        target = await self._syncs.retry(request.id, owner_id=caller())
        return sync_pb2.RetryTargetResponse(target=await self._target_now(target))

    async def ConfirmTarget(
        self, request: sync_pb2.ConfirmTargetRequest, context: Context
    ) -> sync_pb2.ConfirmTargetResponse:
        target = await self._syncs.confirm(request.id, owner_id=caller())
        return sync_pb2.ConfirmTargetResponse(target=await self._target_now(target))

    async def LeaveTarget(self, request: sync_pb2.LeaveTargetRequest, context: Context) -> sync_pb2.LeaveTargetResponse:
        target = await self._syncs.leave(request.id, owner_id=caller())
        return sync_pb2.LeaveTargetResponse(target=await self._target_now(target))

    async def ListTargetSteps(
        self, request: sync_pb2.ListTargetStepsRequest, context: Context
    ) -> sync_pb2.ListTargetStepsResponse:
        wanted = PageRequest.parse(request.page_size, request.page_token, default=100, maximum=500)
        page = await self._syncs.history(request.target_id, wanted, owner_id=caller())
        return sync_pb2.ListTargetStepsResponse(
            steps=[step_message(step) for step in page.items], next_page_token=page.next_page_token
        )
