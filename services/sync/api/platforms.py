"""Platforms, as this installation can serve them."""

from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from servicekit.errors import NotFoundError
from services.sync.api.messages import Context, Messages, struct_message


class PlatformsApi(Messages, sync_pb2_grpc.SyncServiceServicer):
    async def ListPlatforms(
        self, request: sync_pb2.ListPlatformsRequest, context: Context
    ) -> sync_pb2.ListPlatformsResponse:
        offers = [self._offer(platform_id) for platform_id in self._platforms.catalogue.platforms]
        return sync_pb2.ListPlatformsResponse(platforms=sorted(offers, key=lambda offer: offer.name.casefold()))

    def _offer(self, platform_id: str) -> sync_pb2.PlatformOffer:
        platform = self._platforms.catalogue.platforms[platform_id]
        adapter = self._platforms.adapters.get(platform_id)
        return sync_pb2.PlatformOffer(
            id=platform.id,
            name=platform.name,
            can_connect=adapter is not None,
            cannot_connect_reason=self._platforms.why_not(platform_id),
            setup_steps=self._platforms.setup_steps(platform_id),
            takes_instance=platform.takes_instance,
            suggested_instances=adapter.suggested_instances if adapter else (),
            catalogue=struct_message(platform.public()),
        )

    async def GetClientMetadata(
        self, request: sync_pb2.GetClientMetadataRequest, context: Context
    ) -> sync_pb2.GetClientMetadataResponse:
        adapter = self._platforms.adapters.get(request.platform)
        document = adapter.client_metadata() if adapter else None
        if document is None:
            raise NotFoundError("This platform asks for no such document.", reason="NO_CLIENT_METADATA")
        return sync_pb2.GetClientMetadataResponse(document_json=document)
