"""For whoever runs the process."""

from fastapi import APIRouter, Response, status

from gateway.admission import AdmittedRoute
from gateway.context import Readiness
from gateway.schemas.common import Answer

router = APIRouter(tags=["health"], route_class=AdmittedRoute)


class Health(Answer):
    """How the process is."""

    status: str
    """`ok` or `not_ready`."""
    problems: list[str]
    """What does not work; the log says why."""


@router.get("/healthz")
async def get_health() -> Health:
    """Answers while the process lives; asks nobody else."""
    return Health(status="ok", problems=[])


@router.get("/readyz", responses={503: {"model": Health, "description": "Send no requests here for now."}})
async def get_readiness(response: Response, readiness: Readiness) -> Health:
    """Tells whether what the gateway cannot work without is there."""
    problems = sorted(await readiness())
    if problems:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Health(status="not_ready" if problems else "ok", problems=problems)
