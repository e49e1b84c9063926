"""Between the platforms and the library."""

from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from services.sync.api.messages import Context, Messages, caller
from services.sync.use_cases.pictures import Pictures


class PicturesApi(Messages, sync_pb2_grpc.SyncServiceServicer):
    _pictures: Pictures

    async def ImportPicture(
        self, request: sync_pb2.ImportPictureRequest, context: Context
    ) -> sync_pb2.ImportPictureResponse:
        image_id = await self._pictures.take_shown(request.connection_id, request.slot, owner_id=caller())
        return sync_pb2.ImportPictureResponse(image_id=image_id)

    async def ListPicturePlaces(
        self, request: sync_pb2.ListPicturePlacesRequest, context: Context
    ) -> sync_pb2.ListPicturePlacesResponse:
        targets = await self._pictures.places_of(request.image_id, owner_id=caller())
        return sync_pb2.ListPicturePlacesResponse(targets=[self._target(target) for target in targets])
