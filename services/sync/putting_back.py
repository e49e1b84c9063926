"""What it takes to put a picture back that was found in a place: a copy that can be compared, and a file that the place takes."""

import asyncio
import hashlib
import tempfile
from pathlib import Path

from catalog import Slot
from servicekit.pictures.model import PictureRefused
from servicekit.pictures.workers import PictureWorkerError
from services.sync.domain import reasons
from services.sync.domain.outcomes import InvalidImage, PlatformError, Transient, cut
from services.sync.domain.reasons import Reason
from services.sync.looks import Looker
from services.sync.platforms.base import Picture
from services.sync.refit import refit
from services.sync.store.connections import Snapshot

REFIT_SECONDS = 20.0


def cannot_put_back(snapshot: Snapshot | None, *, platform: str) -> Reason | None:
    """Returns why a snapshot cannot be put back, by what is known of it; None where it can. `platform` is a name for people."""
    if snapshot is None:
        return reasons.no_snapshot(platform)
    if snapshot.shows_nothing:
        return None
    # What cannot be compared could not be seen to be back.
    return None if snapshot.object_key and snapshot.perceptual_hash else reasons.snapshot_unreadable(platform)


async def made_to_fit(picture: Picture, slot: Slot, looker: Looker) -> Picture:
    """Returns a picture as its place takes it: what a platform serves is not always what it takes. Raises `PlatformError`."""
    if picture.content_type in slot.formats and len(picture.content) <= slot.max_bytes:
        return picture
    with tempfile.NamedTemporaryFile(prefix="linkarooie-put-back-") as file:
        path = Path(file.name)
        await asyncio.to_thread(path.write_bytes, picture.content)
        try:
            made = await looker.workers.run(
                refit, path, looker.limits, slot.formats, slot.max_bytes, timeout_seconds=REFIT_SECONDS
            )
        except PictureWorkerError as error:
            raise PlatformError(Transient(cut(str(error)), is_ours=True)) from error
        except PictureRefused:
            made = None
    if made is None:
        raise PlatformError(InvalidImage("The earlier picture cannot be made to fit; set it there yourself."))
    return Picture(made.content, made.content_type, hashlib.sha256(made.content).hexdigest())
