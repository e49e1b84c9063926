"""The catalogue."""

from fastapi import APIRouter

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.schemas.platforms import Platform, PlatformList
from linkarooie.sync.v1 import sync_pb2

router = APIRouter(prefix="/v1", tags=["platforms"], route_class=AdmittedRoute)


@router.get("/platforms")
async def list_platforms(gateway: GatewayParts) -> PlatformList:
    """Returns the platforms as this installation can serve them: their sizes, limits and ways, and where each figure comes from."""
    answer = await gateway.sync.ListPlatforms(sync_pb2.ListPlatformsRequest())
    return PlatformList(
        items=[Platform.of(offer, gateway.settings.public_url) for offer in answer.platforms], next_page_token=""
    )
