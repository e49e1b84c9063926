"""Tables and queries of the upload service; `Store` is its unit of work."""

from services.upload.store.avatars import AvatarQueries
from services.upload.store.defaults import DefaultQueries
from services.upload.store.images import ImageQueries
from services.upload.store.libraries import LibraryQueries
from services.upload.store.revisions import RevisionQueries
from services.upload.store.tables import inbox, metadata, outbox
from services.upload.store.upkeep import UpkeepQueries
from services.upload.store.uploads import UploadQueries

__all__ = ["Store", "inbox", "metadata", "outbox"]


class Store(
    ImageQueries,
    LibraryQueries,
    RevisionQueries,
    DefaultQueries,
    UpkeepQueries,
    UploadQueries,
    AvatarQueries,
):
    """The unit of work of the upload service."""

    outbox = outbox
    inbox = inbox
