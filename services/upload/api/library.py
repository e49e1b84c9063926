"""The library of pictures."""

from collections.abc import Mapping

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.errors import InvalidInputError
from servicekit.identity import current_caller
from servicekit.pages import PageRequest
from services.upload.api.messages import STATES, Context, image_message, variant_message
from services.upload.domain.image import Change, ImageFilter, ImageState
from services.upload.use_cases.library import Library
from services.upload.use_cases.purging import Purging

STATES_SAID: Mapping[int, ImageState] = {said: state for state, said in STATES.items()}
CHANGEABLE = frozenset({"alt_text", "title", "published"})


class LibraryApi(upload_pb2_grpc.UploadServiceServicer):
    _library: Library
    _purging: Purging

    async def GetImage(self, request: upload_pb2.GetImageRequest, context: Context) -> upload_pb2.GetImageResponse:
        shown = await self._library.get(request.id, owner_id=current_caller().user_id)
        return upload_pb2.GetImageResponse(image=image_message(shown))

    async def ListImages(
        self, request: upload_pb2.ListImagesRequest, context: Context
    ) -> upload_pb2.ListImagesResponse:
        page = PageRequest.parse(request.page_size, request.page_token, default=30)
        wanted = ImageFilter(
            state=_read_state(request.state),
            slot=request.slot,
            text=request.text,
            sha256=request.sha256,
            deleted=request.deleted,
        )
        found = await self._library.page(page, wanted, owner_id=current_caller().user_id)
        return upload_pb2.ListImagesResponse(
            images=[image_message(shown) for shown in found.items], next_page_token=found.next_page_token
        )

    async def ListSimilarImages(
        self, request: upload_pb2.ListSimilarImagesRequest, context: Context
    ) -> upload_pb2.ListSimilarImagesResponse:
        same, alike = await self._library.similar(request.image_id, owner_id=current_caller().user_id)
        return upload_pb2.ListSimilarImagesResponse(
            same=[image_message(shown) for shown in same], alike=[image_message(shown) for shown in alike]
        )

    async def GetLibrary(
        self, request: upload_pb2.GetLibraryRequest, context: Context
    ) -> upload_pb2.GetLibraryResponse:
        fullness = await self._library.fullness(owner_id=current_caller().user_id)
        return upload_pb2.GetLibraryResponse(
            used_bytes=fullness.used_bytes,
            quota_bytes=fullness.quota.bytes,
            image_count=fullness.counts.images,
            deleted_count=fullness.counts.deleted,
            outdated_count=fullness.counts.outdated,
            restore_days=fullness.quota.restore_days,
            deleted_bytes=fullness.counts.deleted_bytes,
        )

    async def UpdateImage(
        self, request: upload_pb2.UpdateImageRequest, context: Context
    ) -> upload_pb2.UpdateImageResponse:
        named = set(request.update_mask.paths) or {"alt_text"}
        unknown = named - CHANGEABLE
        if unknown:
            raise InvalidInputError.of_field(
                "update_mask",
                f"{', '.join(sorted(unknown))} cannot be changed; there are {', '.join(sorted(CHANGEABLE))}.",
            )
        change = Change(
            alt_text=request.alt_text if "alt_text" in named else None,
            title=request.title if "title" in named else None,
            published=request.published if "published" in named else None,
        )
        shown = await self._library.change(request.id, change, etag=request.etag, owner_id=current_caller().user_id)
        return upload_pb2.UpdateImageResponse(image=image_message(shown))

    async def DeleteImage(
        self, request: upload_pb2.DeleteImageRequest, context: Context
    ) -> upload_pb2.DeleteImageResponse:
        shown = await self._library.delete(request.id, owner_id=current_caller().user_id)
        return upload_pb2.DeleteImageResponse(image=image_message(shown))

    async def RestoreImage(
        self, request: upload_pb2.RestoreImageRequest, context: Context
    ) -> upload_pb2.RestoreImageResponse:
        shown = await self._library.restore(request.id, owner_id=current_caller().user_id)
        return upload_pb2.RestoreImageResponse(image=image_message(shown))

    async def PurgeImage(
        self, request: upload_pb2.PurgeImageRequest, context: Context
    ) -> upload_pb2.PurgeImageResponse:
        purged = await self._purging.purge(request.id, owner_id=current_caller().user_id)
        return upload_pb2.PurgeImageResponse(freed_bytes=purged.freed_bytes)

    async def PurgeDeletedImages(
        self, request: upload_pb2.PurgeDeletedImagesRequest, context: Context
    ) -> upload_pb2.PurgeDeletedImagesResponse:
        purged = await self._purging.purge_deleted(owner_id=current_caller().user_id)
        return upload_pb2.PurgeDeletedImagesResponse(image_count=purged.images, freed_bytes=purged.freed_bytes)

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

    async def GetPublishedFile(
        self, request: upload_pb2.GetPublishedFileRequest, context: Context
    ) -> upload_pb2.GetPublishedFileResponse:
        await self._library.expect_published(request.object_key)
        return upload_pb2.GetPublishedFileResponse()


def _read_state(said: int) -> ImageState | None:
    """Returns a state; None where none is said. Raises `InvalidInputError` for one that this version does not know."""
    if said == upload_pb2.IMAGE_STATE_UNSPECIFIED:
        return None
    if said not in STATES_SAID:
        raise InvalidInputError.of_field("state", f"There is no state with the number {said}.")
    return STATES_SAID[said]
