"""The library of pictures."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response, status
from google.protobuf.field_mask_pb2 import FieldMask

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.pages import PageSize, PageToken
from gateway.problems import told
from gateway.schemas.common import Slot
from gateway.schemas.images import Image, ImageChange, ImageList, ImageState
from gateway.schemas.library import Purged
from gateway.schemas.pictures import Variant, VariantList
from gateway.uploads import forward_upload
from gateway.versions import IfMatch, stale_is_412, tag, wanted_version
from linkarooie.upload.v1 import upload_pb2
from servicekit.errors import InvalidInputError

router = APIRouter(prefix="/v1/images", tags=["images"], route_class=AdmittedRoute)

IdempotencyKey = Annotated[
    str, Header(max_length=200, description="The same key again gets the first answer, and nothing is done twice.")
]

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "alt_text": {
                            "type": "string",
                            "description": "What the picture shows, for those who cannot see it. Before the file.",
                        },
                        "file": {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "description": (
                                "JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF or BMP; judged by its content."
                                " Of moving pictures the first frame counts."
                            ),
                        },
                    },
                }
            }
        },
    }
}


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=_FORM, responses=told(409))
async def upload_image(
    request: Request, response: Response, gateway: GatewayParts, idempotency_key: IdempotencyKey = ""
) -> Image:
    """Takes a picture into the library. It is streamed on as it comes; `alt_text`, if any, comes before `file`."""
    image = await forward_upload(
        request,
        gateway.upload,
        idempotency_key=idempotency_key,
        max_bytes=gateway.settings.max_image_bytes,
        seconds=gateway.settings.upload_seconds,
    )
    response.headers["location"] = f"/v1/images/{image.id}"
    return Image.of(image, gateway.links)


@router.get("")
async def list_images(  # the filters of a list
    gateway: GatewayParts,
    page_size: PageSize = 0,
    page_token: PageToken = "",
    state: Annotated[ImageState | None, Query(description="Only those in this state.")] = None,
    slot: Annotated[Slot | None, Query(description="Only those that are a default for this slot somewhere.")] = None,
    q: Annotated[
        str, Query(max_length=200, description="Only those with these words, or beginnings of words, in what is said.")
    ] = "",
    sha256: Annotated[str, Query(pattern="^([0-9a-f]{64})?$", description="Only those of this very file.")] = "",
    deleted: Annotated[bool, Query(description="Those that can be restored, instead of the library's.")] = False,
) -> ImageList:
    """Returns the caller's pictures, newest first."""
    request = upload_pb2.ListImagesRequest(
        page_size=page_size,
        page_token=page_token,
        state=upload_pb2.ImageState.Value(f"IMAGE_STATE_{(state or 'unspecified').upper()}"),
        slot=slot or "",
        text=q,
        sha256=sha256,
        deleted=deleted,
    )
    answer = await gateway.upload.ListImages(request)
    return ImageList(
        items=[Image.of(image, gateway.links) for image in answer.images], next_page_token=answer.next_page_token
    )


@router.get("/{image_id}", responses=told(404))
async def get_image(image_id: str, response: Response, gateway: GatewayParts) -> Image:
    """Returns one picture. Its version is in the `ETag` header."""
    answer = await gateway.upload.GetImage(upload_pb2.GetImageRequest(id=image_id))
    tag(response, answer.image.etag)
    return Image.of(answer.image, gateway.links)


@router.patch("/{image_id}", responses=told(404, 412))
async def update_image(
    image_id: str, change: ImageChange, response: Response, gateway: GatewayParts, if_match: IfMatch = ""
) -> Image:
    """Changes what is said about a picture. With `If-Match`, only what was read: 412 when it has changed since."""
    values = change.model_dump(exclude_none=True)
    if not values:
        raise InvalidInputError("Say what to change: " + ", ".join(ImageChange.model_fields) + ".", reason="NO_CHANGE")
    request = upload_pb2.UpdateImageRequest(
        id=image_id, update_mask=FieldMask(paths=sorted(values)), etag=wanted_version(if_match), **values
    )
    with stale_is_412():
        answer = await gateway.upload.UpdateImage(request)
    tag(response, answer.image.etag)
    return Image.of(answer.image, gateway.links)


@router.delete("/{image_id}", status_code=status.HTTP_204_NO_CONTENT, responses=told(404))
async def delete_image(image_id: str, gateway: GatewayParts) -> None:
    """Takes a picture out of the library. Where it is shown, it stays. It can be restored for 30 days, as the operator has not set it otherwise."""
    await gateway.upload.DeleteImage(upload_pb2.DeleteImageRequest(id=image_id))


@router.post("/{image_id}/restore", responses=told(404))
async def restore_image(image_id: str, response: Response, gateway: GatewayParts) -> Image:
    """Takes a deleted picture back into the library, to where it was a default as well."""
    answer = await gateway.upload.RestoreImage(upload_pb2.RestoreImageRequest(id=image_id))
    tag(response, answer.image.etag)
    return Image.of(answer.image, gateway.links)


@router.post("/{image_id}/purge", responses=told(404, 409))
async def purge_image(image_id: str, gateway: GatewayParts) -> Purged:
    """Deletes a deleted picture for good, so that its room comes back at once. Refused with IMAGE_NOT_DELETED for one of the library."""
    answer = await gateway.upload.PurgeImage(upload_pb2.PurgeImageRequest(id=image_id))
    return Purged(images=1, freed_bytes=answer.freed_bytes)


@router.post("/{image_id}/retry", responses=told(404, 409))
async def retry_image(image_id: str, gateway: GatewayParts) -> Image:
    """Tries a failed picture again. Refused with IMAGE_NOT_FAILED while it is being processed or ready."""
    answer = await gateway.upload.RetryImage(upload_pb2.RetryImageRequest(id=image_id))
    return Image.of(answer.image, gateway.links)


@router.get("/{image_id}/variants", responses=told(404))
async def list_variants(image_id: str, gateway: GatewayParts) -> VariantList:
    """Returns the finished files of a picture: what each platform gets."""
    answer = await gateway.upload.ListVariants(upload_pb2.ListVariantsRequest(image_id=image_id))
    return VariantList(
        items=[Variant.of(variant, gateway.links) for variant in answer.variants],
        next_page_token="",
        revision=answer.revision,
    )
