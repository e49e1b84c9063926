"""The ways in."""

from collections.abc import AsyncIterator

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.errors import InvalidInputError
from servicekit.idempotency import check_key
from servicekit.identity import current_caller
from services.upload.api.messages import Context, image_message
from services.upload.staging import staged
from services.upload.use_cases.intake import Intake


class IntakeApi(upload_pb2_grpc.UploadServiceServicer):
    _intake: Intake

    async def UploadImage(
        self, request_iterator: AsyncIterator[upload_pb2.UploadImageRequest], context: Context
    ) -> upload_pb2.UploadImageResponse:
        first = await anext(request_iterator, None)
        if first is None or first.WhichOneof("piece") != "header":
            raise InvalidInputError("An upload begins with its header.", reason="HEADER_MISSING")
        async with staged(_chunks(request_iterator), max_bytes=self._intake.limits.max_bytes) as file:
            shown = await self._intake.upload(
                file,
                owner_id=current_caller().user_id,
                alt_text=first.header.alt_text,
                file_name=first.header.file_name,
                idempotency_key=check_key(first.header.idempotency_key),
            )
        return upload_pb2.UploadImageResponse(image=image_message(shown))


async def _chunks(requests: AsyncIterator[upload_pb2.UploadImageRequest]) -> AsyncIterator[bytes]:
    async for request in requests:
        if request.WhichOneof("piece") != "chunk":
            raise InvalidInputError("An upload has one header, at its beginning.", reason="HEADER_REPEATED")
        yield request.chunk
