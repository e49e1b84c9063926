"""Wishes to show a picture in some places."""

from fastapi import APIRouter, Response, status

from gateway.admission import AdmittedRoute
from gateway.context import Gateway, GatewayParts
from gateway.pages import PageSize, PageToken
from gateway.problems import told
from gateway.routes.images import IdempotencyKey
from gateway.schemas.syncs import NewSync, Sync, SyncList
from linkarooie.sync.v1 import sync_pb2

router = APIRouter(prefix="/v1/syncs", tags=["syncs"], route_class=AdmittedRoute)


def begun(sync: sync_pb2.Sync, response: Response, gateway: Gateway) -> Sync:
    """Returns a sync that has just begun, and says in the answer where it is; a plan is nowhere."""
    if sync.id:
        response.headers["location"] = f"/v1/syncs/{sync.id}"
    return Sync.of(sync, gateway.links)


@router.post("", status_code=status.HTTP_202_ACCEPTED, responses=told(404, 409))
async def create_sync(
    wanted: NewSync, response: Response, gateway: GatewayParts, idempotency_key: IdempotencyKey = ""
) -> Sync:
    """Asks for a picture to be shown: one target a connection. With `dry_run` it only says what would happen."""
    answer = await gateway.sync.CreateSync(
        sync_pb2.CreateSyncRequest(
            image_id=wanted.image_id,
            slot=wanted.slot,
            connection_ids=wanted.connection_ids,
            dry_run=wanted.dry_run,
            idempotency_key=idempotency_key,
        )
    )
    return begun(answer.sync, response, gateway)


@router.get("")
async def list_syncs(gateway: GatewayParts, page_size: PageSize = 0, page_token: PageToken = "") -> SyncList:
    """Returns the caller's syncs, newest first."""
    answer = await gateway.sync.ListSyncs(sync_pb2.ListSyncsRequest(page_size=page_size, page_token=page_token))
    return SyncList(
        items=[Sync.of(sync, gateway.links) for sync in answer.syncs], next_page_token=answer.next_page_token
    )


@router.get("/{sync_id}", responses=told(404))
async def get_sync(sync_id: str, gateway: GatewayParts) -> Sync:
    """Returns one sync with its targets."""
    answer = await gateway.sync.GetSync(sync_pb2.GetSyncRequest(id=sync_id))
    return Sync.of(answer.sync, gateway.links)


@router.post("/{sync_id}/cancel", responses=told(404, 409))
async def cancel_sync(sync_id: str, gateway: GatewayParts) -> Sync:
    """Cancels what has not been sent yet."""
    answer = await gateway.sync.CancelSync(sync_pb2.CancelSyncRequest(id=sync_id))
    return Sync.of(answer.sync, gateway.links)


@router.post("/{sync_id}/rollback", status_code=status.HTTP_202_ACCEPTED, responses=told(404, 409))
async def roll_back_sync(
    sync_id: str, response: Response, gateway: GatewayParts, idempotency_key: IdempotencyKey = ""
) -> Sync:
    """Puts back what all places showed before, where something was sent: one sync for all."""
    answer = await gateway.sync.RollBackSync(sync_pb2.RollBackSyncRequest(id=sync_id, idempotency_key=idempotency_key))
    return begun(answer.sync, response, gateway)
