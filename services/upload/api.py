"""The gRPC face of the upload service: translate, call a use case, translate back."""

from collections.abc import AsyncIterator
from typing import Any

import grpc

from linkarooie.processor.v1 import processor_pb2
from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.errors import InvalidInputError
from servicekit.idempotency import check_key
from servicekit.identity import current_caller
from servicekit.pages import PageRequest
from servicekit.protobuf import timestamp
from services.upload.domain import ImageState, Variant
from services.upload.looks import write_frame, write_look
from services.upload.staging import staged
from services.upload.use_cases import Library, ShownImage

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name

STATES = {
    ImageState.PROCESSING: upload_pb2.IMAGE_STATE_PROCESSING,
    ImageState.READY: upload_pb2.IMAGE_STATE_READY,
    ImageState.FAILED: upload_pb2.IMAGE_STATE_FAILED,
}


class UploadApi(upload_pb2_grpc.UploadServiceServicer):
    def __init__(self, library: Library) -> None:
        self._library = library

    async def UploadImage(
        self, request_iterator: AsyncIterator[upload_pb2.UploadImageRequest], context: Context
    ) -> upload_pb2.UploadImageResponse:
        first = await anext(request_iterator, None)
        if first is None or first.WhichOneof("piece") != "header":
            raise InvalidInputError("An upload begins with its header.", reason="HEADER_MISSING")
        async with staged(_chunks(request_iterator), max_bytes=self._library.limits.max_bytes) as file:
            shown = await self._library.upload(
                file,
                owner_id=current_caller().user_id,
                alt_text=first.header.alt_text,
                file_name=first.header.file_name,
                idempotency_key=check_key(first.header.idempotency_key),
            )
        return upload_pb2.UploadImageResponse(image=_image(shown))

    async def GetImage(self, request: upload_pb2.GetImageRequest, context: Context) -> upload_pb2.GetImageResponse:
        shown = await self._library.get(request.id, owner_id=current_caller().user_id)
        return upload_pb2.GetImageResponse(image=_image(shown))

    async def ListImages(
        self, request: upload_pb2.ListImagesRequest, context: Context
    ) -> upload_pb2.ListImagesResponse:
        wanted = PageRequest.parse(request.page_size, request.page_token, default=30)
        page = await self._library.page(wanted, owner_id=current_caller().user_id)
        return upload_pb2.ListImagesResponse(
            images=[_image(shown) for shown in page.items], next_page_token=page.next_page_token
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
        return upload_pb2.UpdateImageResponse(image=_image(shown))

    async def DeleteImage(
        self, request: upload_pb2.DeleteImageRequest, context: Context
    ) -> upload_pb2.DeleteImageResponse:
        await self._library.delete(request.id, owner_id=current_caller().user_id)
        return upload_pb2.DeleteImageResponse()

    async def RetryImage(
        self, request: upload_pb2.RetryImageRequest, context: Context
    ) -> upload_pb2.RetryImageResponse:
        shown = await self._library.retry(request.id, owner_id=current_caller().user_id)
        return upload_pb2.RetryImageResponse(image=_image(shown))

    async def ListVariants(
        self, request: upload_pb2.ListVariantsRequest, context: Context
    ) -> upload_pb2.ListVariantsResponse:
        image, variants = await self._library.variants(request.image_id, owner_id=current_caller().user_id)
        return upload_pb2.ListVariantsResponse(
            variants=[_variant(variant) for variant in variants], revision=image.revision
        )


async def _chunks(requests: AsyncIterator[upload_pb2.UploadImageRequest]) -> AsyncIterator[bytes]:
    async for request in requests:
        if request.WhichOneof("piece") != "chunk":
            raise InvalidInputError("An upload has one header, at its beginning.", reason="HEADER_REPEATED")
        yield request.chunk


def _image(shown: ShownImage) -> upload_pb2.Image:
    image = shown.image
    return upload_pb2.Image(
        id=image.id,
        owner_id=image.owner_id,
        state=STATES[image.state],
        failure_reason=image.failure_reason,
        failure_message=image.failure_message,
        width=image.width,
        height=image.height,
        bytes=image.bytes,
        content_type=image.content_type,
        sha256=image.sha256,
        revision=image.revision,
        alt_text=image.alt_text,
        file_name=image.file_name,
        create_time=timestamp(image.created_at),
        ready_time=timestamp(image.ready_at),
        thumbnails=[_variant(variant) for variant in shown.thumbnails],
        look=write_look(image.look) if image.state is ImageState.READY else None,
    )


def _variant(variant: Variant) -> processor_pb2.Variant:
    return processor_pb2.Variant(
        key=variant.key,
        platform=variant.platform,
        slot=variant.slot,
        content_type=variant.content_type,
        width=variant.width,
        height=variant.height,
        bytes=variant.bytes,
        sha256=variant.sha256,
        perceptual_hash=variant.perceptual_hash,
        object_key=variant.object_key,
        recipe_version=variant.recipe_version,
        notes=[processor_pb2.VariantNote(code=code, text=text) for code, text in variant.notes],
        frame=write_frame(variant.frame),
    )
