"""Other ways for a picture to come in: directly to the store, from an address, and from a platform."""

from fastapi import APIRouter, Response, status

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.problems import told
from gateway.routes.images import IdempotencyKey
from gateway.schemas.images import Image
from gateway.schemas.uploads import ImageImport, NewUpload, ShownImport, Upload
from linkarooie.sync.v1 import sync_pb2
from linkarooie.upload.v1 import upload_pb2

router = APIRouter(prefix="/v1", tags=["uploads"], route_class=AdmittedRoute)

# The upload service reads the whole file from elsewhere before it answers.
FETCH_SECONDS = 60.0


@router.post("/uploads", status_code=status.HTTP_201_CREATED, responses=told(409))
async def create_upload(
    wanted: NewUpload, response: Response, gateway: GatewayParts, idempotency_key: IdempotencyKey = ""
) -> Upload:
    """Begins an upload directly to the store: PUT the file to `url` with `headers`, then complete it."""
    request = upload_pb2.CreateUploadRequest(**wanted.model_dump(), idempotency_key=idempotency_key)
    upload = (await gateway.upload.CreateUpload(request)).upload
    response.headers["location"] = f"/v1/uploads/{upload.id}"
    return Upload.of(upload)


@router.get("/uploads/{upload_id}", responses=told(404))
async def get_upload(upload_id: str, gateway: GatewayParts) -> Upload:
    """Returns one upload."""
    return Upload.of((await gateway.upload.GetUpload(upload_pb2.GetUploadRequest(id=upload_id))).upload)


@router.post("/uploads/{upload_id}/complete", status_code=status.HTTP_201_CREATED, responses=told(404, 409))
async def complete_upload(upload_id: str, response: Response, gateway: GatewayParts) -> Image:
    """Takes what was PUT into the library, checked as strictly as any upload. Repeating it gives the first answer."""
    request = upload_pb2.CompleteUploadRequest(id=upload_id)
    image = (await gateway.upload.CompleteUpload(request, timeout=FETCH_SECONDS)).image
    response.headers["location"] = f"/v1/images/{image.id}"
    return Image.of(image, gateway.links)


@router.delete("/uploads/{upload_id}", status_code=status.HTTP_204_NO_CONTENT, responses=told(404, 409))
async def cancel_upload(upload_id: str, gateway: GatewayParts) -> None:
    """Gives up an upload that was not completed; what was sent of it is removed."""
    await gateway.upload.CancelUpload(upload_pb2.CancelUploadRequest(id=upload_id))


@router.post("/images/import", status_code=status.HTTP_201_CREATED, responses=told(409))
async def import_image(
    wanted: ImageImport, response: Response, gateway: GatewayParts, idempotency_key: IdempotencyKey = ""
) -> Image:
    """Fetches a picture from a public address and takes it in."""
    request = upload_pb2.ImportImageRequest(**wanted.model_dump(), idempotency_key=idempotency_key)
    image = (await gateway.upload.ImportImage(request, timeout=FETCH_SECONDS)).image
    response.headers["location"] = f"/v1/images/{image.id}"
    return Image.of(image, gateway.links)


@router.post("/connections/{connection_id}/import", status_code=status.HTTP_201_CREATED, responses=told(404, 409))
async def import_shown_picture(
    connection_id: str, wanted: ShownImport, response: Response, gateway: GatewayParts
) -> Image:
    """Takes the picture that a connection shows now into the library."""
    request = sync_pb2.ImportPictureRequest(connection_id=connection_id, slot=wanted.slot)
    image_id = (await gateway.sync.ImportPicture(request, timeout=FETCH_SECONDS)).image_id
    image = (await gateway.upload.GetImage(upload_pb2.GetImageRequest(id=image_id))).image
    response.headers["location"] = f"/v1/images/{image_id}"
    return Image.of(image, gateway.links)
