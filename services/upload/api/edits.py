"""What is done to a picture."""

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.identity import current_caller
from servicekit.pages import PageRequest
from servicekit.protobuf import timestamp
from services.upload.api.messages import Context, image_message
from services.upload.domain.edits import Revision
from services.upload.edit_messages import read_edit, write_edits
from services.upload.use_cases.edits import Editing


class EditsApi(upload_pb2_grpc.UploadServiceServicer):
    _editing: Editing

    async def GetEdits(self, request: upload_pb2.GetEditsRequest, context: Context) -> upload_pb2.GetEditsResponse:
        revision = await self._editing.get(request.image_id, request.revision, owner_id=current_caller().user_id)
        return upload_pb2.GetEditsResponse(revision=_revision_message(revision))

    async def UpdateEdits(
        self, request: upload_pb2.UpdateEditsRequest, context: Context
    ) -> upload_pb2.UpdateEditsResponse:
        revision, shown = await self._editing.update(
            request.image_id,
            read_edit(request.edits.base),
            [(override.key, read_edit(override.edit)) for override in request.edits.overrides],
            revision=request.revision,
            owner_id=current_caller().user_id,
        )
        return upload_pb2.UpdateEditsResponse(revision=_revision_message(revision), image=image_message(shown))

    async def ListRevisions(
        self, request: upload_pb2.ListRevisionsRequest, context: Context
    ) -> upload_pb2.ListRevisionsResponse:
        wanted = PageRequest.parse(request.page_size, request.page_token, default=30, is_key=_is_revision_number)
        page = await self._editing.page(request.image_id, wanted, owner_id=current_caller().user_id)
        return upload_pb2.ListRevisionsResponse(
            revisions=[_revision_message(revision) for revision in page.items], next_page_token=page.next_page_token
        )


def _is_revision_number(key: str) -> bool:
    # As many digits as surely fit into a column.
    return key.isdecimal() and len(key) <= 9


def _revision_message(revision: Revision) -> upload_pb2.Revision:
    return upload_pb2.Revision(
        number=revision.number, edits=write_edits(revision.edits), create_time=timestamp(revision.created_at)
    )
