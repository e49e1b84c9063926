"""Room in a library."""

from services.upload.domain.quota import Quota
from services.upload.store import Store


async def expect_room(
    store: Store, quota: Quota, *, owner_id: str, bytes: int, sha256: str = "", promised: int = 0
) -> int:
    """Returns how many bytes a file adds to its owner's library: none if it is there already. Holds the library until the commit.

    `sha256` is empty where it is not known yet; `promised` are bytes that others were promised and that are not there yet. Raises
    `PreconditionError` (QUOTA_EXCEEDED) if the file does not fit any more.
    """
    used = await store.hold_library(owner_id)
    more = 0 if sha256 and await store.has_file(owner_id, sha256) else bytes
    if not quota.holds(used + promised, more):
        # Only what is there counts against anybody: a replica of the version before may have removed pictures without noting it here.
        used = await store.count_used_anew(owner_id)
    if not quota.holds(used + promised, more):
        raise quota.exceeded(used + promised, more)
    return more
