"""Pictures behind signed addresses."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.delivery import PictureResponse, etag_of
from servicekit.errors import ForbiddenError

router = APIRouter(prefix="/media", include_in_schema=False, route_class=AdmittedRoute)


@router.api_route("/{key:path}", methods=["GET", "HEAD"])
async def get_media(
    key: str,
    exp: Annotated[int, Query()],
    name: Annotated[str, Query()],
    sig: Annotated[str, Query()],
    request: Request,
    gateway: GatewayParts,
) -> Response:
    """Streams a picture while its address is good."""
    seconds_left = gateway.links.seconds_left(key, name=name, expires=exp, signature=sig)
    if seconds_left is None:
        raise ForbiddenError(
            "This address of a picture has ended or was altered. Load the page again for a new one.",
            reason="MEDIA_LINK_INVALID",
        )
    # What a key holds never changes, so neither does the answer until the address ends.
    headers = {"cache-control": f"private, max-age={seconds_left}, immutable", "etag": etag_of(key)}
    if etag_of(key) in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return PictureResponse(gateway.objects, key, name=name, headers=headers)
