"""What is done to a picture: edits, their revisions, and previews."""

import json
import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.pages import PageSize, PageToken
from gateway.problems import told
from gateway.schemas.edits import Edits, PreviewWanted, Revision, RevisionList
from gateway.schemas.pictures import frame_of
from gateway.versions import IfMatch, stale_is_412, tag, wanted_version
from linkarooie.processor.v1 import processor_pb2
from linkarooie.upload.v1 import upload_pb2
from servicekit.errors import InvalidInputError
from servicekit.grpc_client import remote_errors

router = APIRouter(prefix="/v1/images/{image_id}", tags=["edits"], route_class=AdmittedRoute)

# A preview waits for its turn behind others; who drags a frame does not wait longer.
PREVIEW_SECONDS = 20.0

# 0 would stand for any.
_REVISION = re.compile(r"[1-9][0-9]{0,8}")

RevisionNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/edits", responses=told(404))
async def get_edits(image_id: str, response: Response, gateway: GatewayParts) -> Revision:
    """Returns what is done to a picture at present. Its revision is in the `ETag` header."""
    answer = await gateway.upload.GetEdits(upload_pb2.GetEditsRequest(image_id=image_id))
    tag(response, answer.revision.number)
    return Revision.of(answer.revision)


@router.put("/edits", responses=told(404, 412))
async def update_edits(
    image_id: str, edits: Edits, response: Response, gateway: GatewayParts, if_match: IfMatch = ""
) -> Revision:
    """Replaces what is done to a picture: a new revision, whose files are made at once. The original stays as it is.

    With `If-Match`, only what was read: 412 with the present revision in `metadata` when it has changed since.
    """
    return await _updated(image_id, edits.message(), response, gateway, if_match)


@router.get("/revisions", responses=told(404))
async def list_revisions(
    image_id: str, gateway: GatewayParts, page_size: PageSize = 0, page_token: PageToken = ""
) -> RevisionList:
    """Returns the revisions of a picture, newest first."""
    answer = await gateway.upload.ListRevisions(
        upload_pb2.ListRevisionsRequest(image_id=image_id, page_size=page_size, page_token=page_token)
    )
    return RevisionList(
        items=[Revision.of(revision) for revision in answer.revisions], next_page_token=answer.next_page_token
    )


@router.post("/revisions/{number}/restore", responses=told(404, 412))
async def restore_revision(
    image_id: str, number: RevisionNumber, response: Response, gateway: GatewayParts, if_match: IfMatch = ""
) -> Revision:
    """Does to a picture again what an earlier revision did, as a new revision: undoing can be undone."""
    before = await gateway.upload.GetEdits(upload_pb2.GetEditsRequest(image_id=image_id, revision=number))
    return await _updated(image_id, before.revision.edits, response, gateway, if_match)


async def _updated(
    image_id: str, edits: upload_pb2.Edits, response: Response, gateway: GatewayParts, if_match: str
) -> Revision:
    wanted = wanted_version(if_match)
    if wanted and not _REVISION.fullmatch(wanted):
        raise InvalidInputError.of_field("If-Match", "This is no ETag of a picture's edits.")
    with stale_is_412():
        answer = await gateway.upload.UpdateEdits(
            upload_pb2.UpdateEditsRequest(image_id=image_id, edits=edits, revision=int(wanted or 0))
        )
    tag(response, answer.revision.number)
    return Revision.of(answer.revision)


_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file as the slot would get it. `Linkarooie-Variant` says what it is, as JSON.",
        "content": {"image/*": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}},
    }
}


@router.post("/preview", response_class=Response, responses={**told(404, 409), **_PICTURE})
async def preview(image_id: str, wanted: PreviewWanted, gateway: GatewayParts) -> Response:
    """Makes one slot's file as an edit would have it, and keeps nothing: the very pixels that saving the edit makes."""
    image = (await gateway.upload.GetImage(upload_pb2.GetImageRequest(id=image_id))).image
    request = processor_pb2.PreviewVariantRequest(sha256=image.sha256, key=wanted.slot, edit=wanted.edit.message())
    with remote_errors():
        answer = await gateway.processor.PreviewVariant(request, timeout=PREVIEW_SECONDS)
    variant = answer.variant
    frame = frame_of(variant.frame)
    about = {
        "width": variant.width,
        "height": variant.height,
        "bytes": variant.bytes,
        "sha256": variant.sha256,
        "frame": frame and frame.model_dump(),
        "notes": [{"code": note.code, "text": note.text} for note in variant.notes],
    }
    headers = {"linkarooie-variant": json.dumps(about), "cache-control": "no-store"}
    return Response(answer.file, media_type=variant.content_type, headers=headers)
