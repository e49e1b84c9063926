"""The library as a whole, and what hangs on a picture."""

from typing import Literal, cast

from gateway.media import MediaLinks
from gateway.schemas.common import Answer, Slot
from gateway.schemas.images import Image
from gateway.schemas.syncs import TargetState, target_state
from linkarooie.sync.v1 import sync_pb2
from linkarooie.upload.v1 import upload_pb2


class Library(Answer):
    """How full the library is, and what is going on in it."""

    used_bytes: int
    """Of originals, also of deleted pictures until they cannot be restored any more. The same file counts once."""
    quota_bytes: int | None
    """How many there may be; null where there is no limit."""
    images: int
    """Pictures of the library."""
    deleted: int
    """Pictures that were deleted and can be restored."""
    outdated: int
    """Pictures whose files are being brought up to date, since platforms have changed their sizes."""
    restore_days: int
    """How long a deleted picture can be restored."""
    deleted_bytes: int
    """How many of the used bytes come back when all deleted pictures are deleted for good."""

    @classmethod
    def of(cls, answer: upload_pb2.GetLibraryResponse) -> "Library":
        return cls(
            used_bytes=answer.used_bytes,
            quota_bytes=answer.quota_bytes or None,
            images=answer.image_count,
            deleted=answer.deleted_count,
            outdated=answer.outdated_count,
            restore_days=answer.restore_days,
            deleted_bytes=answer.deleted_bytes,
        )


class Purged(Answer):
    """What was deleted for good."""

    images: int
    freed_bytes: int
    """How much room came back: none for a file that another picture has."""


class SimilarImages(Answer):
    """Pictures that look like one."""

    same: list[Image]
    """Others that were made from the very same file, newest first."""
    alike: list[Image]
    """Others that look nearly the same, most alike first."""

    @classmethod
    def of(cls, answer: upload_pb2.ListSimilarImagesResponse, links: MediaLinks) -> "SimilarImages":
        return cls(
            same=[Image.of(image, links) for image in answer.same],
            alike=[Image.of(image, links) for image in answer.alike],
        )


class DefaultUse(Answer):
    """A picture is chosen as default."""

    slot: Slot
    scope: Literal["everywhere", "platform", "connection"]
    scope_id: str | None
    """The platform or the connection; null for everywhere."""


class Place(Answer):
    """A picture is shown somewhere, or shall be."""

    connection_id: str
    platform: str
    remote_handle: str
    slot: Slot
    state: TargetState
    """How far it has come there."""

    @classmethod
    def of(cls, target: sync_pb2.Target) -> "Place":
        return cls(
            connection_id=target.connection_id,
            platform=target.platform,
            remote_handle=target.remote_handle,
            slot=cast("Slot", target.slot),
            state=target_state(target.state),
        )


class Uses(Answer):
    """Where a picture is in use, and what deleting it would do."""

    defaults: list[DefaultUse]
    places: list[Place]
    published: bool
    """Other people's pages may show it by its address."""
    consequences: list[str]
    """What deleting it will do, one sentence each, for people; empty where it is not in use."""
