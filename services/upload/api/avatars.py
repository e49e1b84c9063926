"""The avatar that every site can pull, and which addresses give it."""

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.identity import current_caller
from services.upload.api.messages import Context
from services.upload.use_cases.avatar_files import AskedAvatar, AvatarFiles
from services.upload.use_cases.avatars import Avatars, ShownAvatar


class AvatarApi(upload_pb2_grpc.UploadServiceServicer):
    _avatars: Avatars
    _avatar_files: AvatarFiles

    async def GetAvatarSettings(
        self, request: upload_pb2.GetAvatarSettingsRequest, context: Context
    ) -> upload_pb2.GetAvatarSettingsResponse:
        shown = await self._avatars.settings(current_caller().user_id)
        return upload_pb2.GetAvatarSettingsResponse(settings=_settings(shown))

    async def UpdateAvatarSettings(
        self, request: upload_pb2.UpdateAvatarSettingsRequest, context: Context
    ) -> upload_pb2.UpdateAvatarSettingsResponse:
        wanted = request.settings
        shown = await self._avatars.change(
            current_caller().user_id, by_handle=wanted.by_handle, by_email=wanted.by_email
        )
        return upload_pb2.UpdateAvatarSettingsResponse(settings=_settings(shown))

    async def GetAvatar(self, request: upload_pb2.GetAvatarRequest, context: Context) -> upload_pb2.GetAvatarResponse:
        given = await self._avatar_files.give(
            AskedAvatar(
                name=request.name,
                size=request.size,
                formats=tuple(request.formats),
                fallback=request.fallback,
                force_fallback=request.force_fallback,
                known_etag=request.known_etag,
            )
        )
        return upload_pb2.GetAvatarResponse(data=given.content, content_type=given.content_type, etag=given.etag)


def _settings(shown: ShownAvatar) -> upload_pb2.AvatarSettings:
    avatar = shown.avatar
    return upload_pb2.AvatarSettings(
        by_handle=avatar.by_handle,
        by_email=avatar.by_email,
        handle=avatar.handle,
        email_sha256=avatar.email_sha256,
        email_md5=avatar.email_md5,
        has_avatar=shown.has_picture,
    )
