"""The live stream: a page that is open hears of changes at once."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.schemas.notices import LiveEnd, LiveUpdate
from servicekit.identity import current_caller

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=AdmittedRoute)


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events. Each event's name is its `kind` and its data a `LiveUpdate`; the last one is `end` with a `LiveEnd`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def stream_events(gateway: GatewayParts) -> StreamingResponse:
    """Streams what changes for the caller until their access token or their session ends."""
    return StreamingResponse(
        gateway.live.stream(current_caller()),
        media_type="text/event-stream",
        # Proxies such as nginx would hold the stream back otherwise.
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


SCHEMAS_BESIDE = (LiveUpdate, LiveEnd)
"""What the stream's data looks like; no route returns them, so the OpenAPI document is told."""
