"""Where a picture lies while it is worked on: a temporary folder a job, and what a killed process left of them."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

log = structlog.get_logger()

PREFIX = "linkarooie-render-"
# Longer than any job takes, so that what another replica on this machine works on is left alone.
STALE_SECONDS = 60 * 60


@contextmanager
def desk() -> Iterator[Path]:
    """Makes a folder for one job, and removes it after the block."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        yield Path(name)


class Desks:
    """Clears away at the start what a process that was killed could not. A part of an `App`."""

    async def start(self) -> None:
        remove_stale(Path(tempfile.gettempdir()), now=time.time())

    async def stop(self) -> None:
        """Does nothing: each job clears its own."""


def remove_stale(directory: Path, *, now: float) -> None:
    """Removes folders of jobs that nobody has touched for `STALE_SECONDS`. `now` in seconds since 1970."""
    for left in directory.glob(f"{PREFIX}*"):
        try:
            if now - left.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(left)
                log.info("stale_folder_removed", folder=str(left))
        except OSError as error:
            # Somebody else's, or gone meanwhile: it only takes room.
            log.warning("stale_folder_left", folder=str(left), error=str(error))
