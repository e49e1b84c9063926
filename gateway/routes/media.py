"""Stored pictures: behind signed addresses, and those that their owners have published."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.context import gateway_of
from gateway.open_routes import OpenRoute

router = APIRouter(prefix="/media", include_in_schema=False, route_class=OpenRoute)


@router.api_route("/{key:path}", methods=["GET", "HEAD"])
async def get_media(request: Request) -> Response:
    """Sends a picture to whoever has a signed address of it, while that is good, and a published one to everybody."""
    return await gateway_of(request).delivery.answer(request, request.path_params["key"])
