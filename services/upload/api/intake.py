"""The ways in: a file that is sent here, one that was sent to the store, one that is fetched from an address."""

from collections.abc import AsyncIterator

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.errors import InvalidInputError
from servicekit.idempotency import check_key
from servicekit.identity import current_caller
from servicekit.protobuf import timestamp
from services.upload.api.messages import Context, image_message
from services.upload.domain.direct_uploads import Declaration, UploadState
from services.upload.staging import staged
from services.upload.use_cases.direct_uploads import DirectUploads, ShownUpload
from services.upload.use_cases.imports import Imports
from services.upload.use_cases.intake import Intake

UPLOAD_STATES = {
    UploadState.PENDING: upload_pb2.UPLOAD_STATE_PENDING,
    UploadState.COMPLETED: upload_pb2.UPLOAD_STATE_COMPLETED,
    UploadState.REFUSED: upload_pb2.UPLOAD_STATE_REFUSED,
    UploadState.CANCELLED: upload_pb2.UPLOAD_STATE_CANCELLED,
    UploadState.EXPIRED: upload_pb2.UPLOAD_STATE_EXPIRED,
}


class IntakeApi(upload_pb2_grpc.UploadServiceServicer):
    _intake: Intake
    _imports: Imports
    _direct: DirectUploads

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
                title=first.header.title,
                idempotency_key=check_key(first.header.idempotency_key),
            )
        return upload_pb2.UploadImageResponse(image=image_message(shown))

    async def ImportImage(
        self, request: upload_pb2.ImportImageRequest, context: Context
    ) -> upload_pb2.ImportImageResponse:
        shown = await self._imports.fetch(
            request.url,
            owner_id=current_caller().user_id,
            alt_text=request.alt_text,
            idempotency_key=check_key(request.idempotency_key),
        )
        return upload_pb2.ImportImageResponse(image=image_message(shown))

    async def CreateUpload(
        self, request: upload_pb2.CreateUploadRequest, context: Context
    ) -> upload_pb2.CreateUploadResponse:
        declared = Declaration(
            bytes=request.bytes,
            content_type=request.content_type,
            sha256=request.sha256,
            alt_text=request.alt_text,
            file_name=request.file_name,
        )
        shown = await self._direct.create(
            declared, owner_id=current_caller().user_id, idempotency_key=check_key(request.idempotency_key)
        )
        return upload_pb2.CreateUploadResponse(upload=_upload_message(shown))

    async def GetUpload(self, request: upload_pb2.GetUploadRequest, context: Context) -> upload_pb2.GetUploadResponse:
        shown = await self._direct.get(request.id, owner_id=current_caller().user_id)
        return upload_pb2.GetUploadResponse(upload=_upload_message(shown))

    async def CompleteUpload(
        self, request: upload_pb2.CompleteUploadRequest, context: Context
    ) -> upload_pb2.CompleteUploadResponse:
        shown = await self._direct.complete(request.id, owner_id=current_caller().user_id)
        return upload_pb2.CompleteUploadResponse(image=image_message(shown))

    async def CancelUpload(
        self, request: upload_pb2.CancelUploadRequest, context: Context
    ) -> upload_pb2.CancelUploadResponse:
        await self._direct.cancel(request.id, owner_id=current_caller().user_id)
        return upload_pb2.CancelUploadResponse()


async def _chunks(requests: AsyncIterator[upload_pb2.UploadImageRequest]) -> AsyncIterator[bytes]:
    async for request in requests:
        if request.WhichOneof("piece") != "chunk":
            raise InvalidInputError("An upload has one header, at its beginning.", reason="HEADER_REPEATED")
        yield request.chunk


def _upload_message(shown: ShownUpload) -> upload_pb2.Upload:
    upload, address = shown.upload, shown.address
    return upload_pb2.Upload(
        id=upload.id,
        state=UPLOAD_STATES[upload.state],
        url=address.url if address else "",
        headers=address.headers if address else {},
        expire_time=timestamp(upload.expires_at),
        image_id=upload.image_id or "",
        bytes=upload.declared.bytes,
        content_type=upload.declared.content_type,
        failure_reason=upload.failure_reason,
        failure_message=upload.failure_message,
    )
