"""The library of pictures."""

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.errors import InvalidInputError
from servicekit.identity import current_caller
from servicekit.pages import PageRequest
from services.upload.api.messages import Context, image_message, variant_message
from services.upload.use_cases.library import Library


class LibraryApi(upload_pb2_grpc.UploadServiceServicer):
    _library: Library

    async def GetImage(self, request: upload_pb2.GetImageRequest, context: Context) -> upload_pb2.GetImageResponse:
        shown = await self._library.get(request.id, owner_id=current_caller().user_id)
        return upload_pb2.GetImageResponse(image=image_message(shown))

    async def ListImages(
        self, request: upload_pb2.ListImagesRequest, context: Context
    ) -> upload_pb2.ListImagesResponse:
        wanted = PageRequest.parse(request.page_size, request.page_token, default=30)
        page = await self._library.page(wanted, owner_id=current_caller().user_id)
        return upload_pb2.ListImagesResponse(
            images=[image_message(shown) for shown in page.items], next_page_token=page.next_page_token
        )

    async def UpdateImage(
        self, request: upload_pb2.UpdateImageRequest, context: Context
    ) -> upload_pb2.UpdateImageResponse:
        unknown = set(request.update_mask.paths) - {"alt_text"}
        if unknown:
            raise InvalidInputError.of_field(
                "update_mask", f"{', '.join(sorted(unknown))} cannot be changed; alt_text can."
            )
        shown = await self._library.describe(request.id, request.alt_text, owner_id=current_caller().user_id)
        return upload_pb2.UpdateImageResponse(image=image_message(shown))

    async def DeleteImage(
        self, request: upload_pb2.DeleteImageRequest, context: Context
    ) -> upload_pb2.DeleteImageResponse:
        await self._library.delete(request.id, owner_id=current_caller().user_id)
        return upload_pb2.DeleteImageResponse()

    async def RetryImage(
        self, request: upload_pb2.RetryImageRequest, context: Context
    ) -> upload_pb2.RetryImageResponse:
        shown = await self._library.retry(request.id, owner_id=current_caller().user_id)
        return upload_pb2.RetryImageResponse(image=image_message(shown))

    async def ListVariants(
        self, request: upload_pb2.ListVariantsRequest, context: Context
    ) -> upload_pb2.ListVariantsResponse:
        image, variants = await self._library.variants(request.image_id, owner_id=current_caller().user_id)
        return upload_pb2.ListVariantsResponse(
            variants=[variant_message(variant) for variant in variants], revision=image.revision
        )
