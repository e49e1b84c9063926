"""The library as a whole, and what hangs on a picture."""

from fastapi import APIRouter

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.problems import told
from gateway.schemas.library import Library, Purged, SimilarImages, Uses
from gateway.uses import uses_of
from linkarooie.sync.v1 import sync_pb2
from linkarooie.upload.v1 import upload_pb2

# Thousands of pictures take some seconds; more than this is left to the next call.
PURGE_SECONDS = 60.0

router = APIRouter(prefix="/v1", tags=["images"], route_class=AdmittedRoute)


@router.get("/library")
async def get_library(gateway: GatewayParts) -> Library:
    """Returns how full the caller's library is, and what is going on in it."""
    return Library.of(await gateway.upload.GetLibrary(upload_pb2.GetLibraryRequest()))


@router.post("/library/purge")
async def purge_deleted_images(gateway: GatewayParts) -> Purged:
    """Deletes all deleted pictures for good, so that their room comes back at once. Broken off, it has deleted a part; the next call goes on."""
    answer = await gateway.upload.PurgeDeletedImages(upload_pb2.PurgeDeletedImagesRequest(), timeout=PURGE_SECONDS)
    return Purged(images=answer.image_count, freed_bytes=answer.freed_bytes)


@router.get("/images/{image_id}/similar", responses=told(404))
async def list_similar_images(image_id: str, gateway: GatewayParts) -> SimilarImages:
    """Returns pictures that are the same as one, or look nearly so."""
    answer = await gateway.upload.ListSimilarImages(upload_pb2.ListSimilarImagesRequest(image_id=image_id))
    return SimilarImages.of(answer, gateway.links)


@router.get("/images/{image_id}/uses", responses=told(404))
async def list_uses(image_id: str, gateway: GatewayParts) -> Uses:
    """Returns where a picture is in use, and what deleting it would do."""
    image = (await gateway.upload.GetImage(upload_pb2.GetImageRequest(id=image_id))).image
    defaults = (await gateway.upload.GetDefaults(upload_pb2.GetDefaultsRequest())).defaults
    places = await gateway.sync.ListPicturePlaces(sync_pb2.ListPicturePlacesRequest(image_id=image_id))
    return uses_of(image, defaults, places.targets)
