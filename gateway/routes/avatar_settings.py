"""Which addresses give an avatar to everybody."""

from fastapi import APIRouter

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.schemas.avatars import AvatarSettings, AvatarSettingsChange
from linkarooie.upload.v1 import upload_pb2

router = APIRouter(prefix="/v1", tags=["avatar"], route_class=AdmittedRoute)


@router.get("/avatar-settings")
async def get_avatar_settings(gateway: GatewayParts) -> AvatarSettings:
    """Returns which addresses give the caller's avatar to everybody."""
    answer = await gateway.upload.GetAvatarSettings(upload_pb2.GetAvatarSettingsRequest())
    return AvatarSettings.of(answer.settings)


@router.put("/avatar-settings")
async def update_avatar_settings(change: AvatarSettingsChange, gateway: GatewayParts) -> AvatarSettings:
    """Opens or closes the addresses that give the caller's avatar to everybody."""
    settings = upload_pb2.AvatarSettings(by_handle=change.by_handle, by_email=change.by_email)
    answer = await gateway.upload.UpdateAvatarSettings(upload_pb2.UpdateAvatarSettingsRequest(settings=settings))
    return AvatarSettings.of(answer.settings)
