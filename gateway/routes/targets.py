"""The places of a sync."""

from fastapi import APIRouter, Response, status

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.pages import PageSize, PageToken
from gateway.problems import told
from gateway.routes.images import IdempotencyKey
from gateway.routes.syncs import begun
from gateway.schemas.syncs import Step, StepList, Sync, Target, TargetRollback
from linkarooie.sync.v1 import sync_pb2

router = APIRouter(prefix="/v1/targets", tags=["syncs"], route_class=AdmittedRoute)


@router.post("/{target_id}/retry", responses=told(404, 409))
async def retry_target(target_id: str, gateway: GatewayParts) -> Target:
    """Tries a target again that failed, differs or waits for its owner."""
    answer = await gateway.sync.RetryTarget(sync_pb2.RetryTargetRequest(id=target_id))
    return Target.of(answer.target, gateway.links)


@router.post("/{target_id}/confirm", responses=told(404, 409))
async def confirm_target(target_id: str, gateway: GatewayParts) -> Target:
    """Records that its owner has set the picture by hand."""
    answer = await gateway.sync.ConfirmTarget(sync_pb2.ConfirmTargetRequest(id=target_id))
    return Target.of(answer.target, gateway.links)


@router.post("/{target_id}/leave", responses=told(404, 409))
async def leave_target(target_id: str, gateway: GatewayParts) -> Target:
    """Leaves what the platform shows instead of the target's picture."""
    answer = await gateway.sync.LeaveTarget(sync_pb2.LeaveTargetRequest(id=target_id))
    return Target.of(answer.target, gateway.links)


@router.post("/{target_id}/rollback", status_code=status.HTTP_202_ACCEPTED, responses=told(404, 409))
async def roll_back_target(
    target_id: str,
    response: Response,
    gateway: GatewayParts,
    wanted: TargetRollback | None = None,
    idempotency_key: IdempotencyKey = "",
) -> Sync:
    """Puts back what the place showed before the target's picture was sent, or another snapshot of it."""
    answer = await gateway.sync.RollBackTarget(
        sync_pb2.RollBackTargetRequest(
            id=target_id, snapshot_id=wanted.snapshot_id if wanted else "", idempotency_key=idempotency_key
        )
    )
    return begun(answer.sync, response, gateway)


@router.get("/{target_id}/history", responses=told(404))
async def get_target_history(
    target_id: str, gateway: GatewayParts, page_size: PageSize = 0, page_token: PageToken = ""
) -> StepList:
    """Returns every step of a target, oldest first."""
    answer = await gateway.sync.ListTargetSteps(
        sync_pb2.ListTargetStepsRequest(target_id=target_id, page_size=page_size, page_token=page_token)
    )
    return StepList(items=[Step.of(step) for step in answer.steps], next_page_token=answer.next_page_token)
