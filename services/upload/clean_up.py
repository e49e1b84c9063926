"""Finds what lies in the object store and nobody refers to, and removes it. It can only err on the side of keeping.

Left behind are originals and variants of purged pictures, variants of edits that no revision does any more, and what a crash
between storing a file and noting it left. A folder goes when all of this is so:

- its name is one that we make; whatever else is in the bucket is not ours to judge,
- its youngest file is older than `GRACE`, so that nobody is about to refer to it,
- no row refers to it, in two rounds with at least `SETTLE` between them,
- no variants of its original are being made.

From a folder of variants the processor's list goes first, and the files not before the next round but one: whoever found the list
has told of the files by then, and whoever finds none makes them anew.
"""

import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from servicekit.database import OpenStore
from servicekit.ids import Clock, is_id
from servicekit.object_store import ListedObject, ObjectMissingError, ObjectStore
from services.upload.store import Store
from services.upload.store.upkeep import Owned

log = structlog.get_logger()

REMOVED = Counter("linkarooie_unreferenced_removed_total", "Objects removed that nobody referred to.")

GRACE = timedelta(days=7)
SETTLE = timedelta(hours=20)
FOLDERS_AT_ONCE = 100
LIST = "list"


@dataclass(frozen=True)
class Folder:
    """Objects that go together: one original, one upload, or the variants of one original with one edit."""

    name: str
    objects: tuple[ListedObject, ...]

    @property
    def keys(self) -> list[str]:
        return [found.key for found in self.objects]

    @property
    def youngest(self) -> datetime:
        return max(found.modified_at for found in self.objects)

    @property
    def file(self) -> Owned:
        """Whose file it is, or is made from."""
        _, owner_id, rest = self.name.split("/", 2)
        return owner_id, rest.partition("/")[0]


def folder_name(key: str) -> str | None:
    """Returns the name of the folder that an object belongs to; None for an object whose name is not one of ours."""
    parts = key.split("/")
    match parts:
        case ["originals" | "uploads", owner_id, _] if is_id(owner_id):
            return key
        case ["variants", owner_id, _, _, _] if is_id(owner_id):
            return "/".join(parts[:-1])
        case _:
            return None


@dataclass(frozen=True)
class CleanUp:
    """Dependencies of the clean-up. Any number of replicas may do it at once: each folder is decided on under its own lock."""

    stores: OpenStore[Store]
    objects: ObjectStore
    clock: Clock

    async def remove_unreferenced(self) -> None:
        """Goes through the store once. What was found the first time is marked, what was marked long enough ago goes."""
        removed = 0
        for prefix in ("originals/", "uploads/", "variants/"):
            async for folders in _at_once(self._folders(prefix)):
                removed += await self._judge(folders)
        log.info("store_cleaned_up", removed_objects=removed)

    async def _folders(self, prefix: str) -> AsyncIterator[Folder]:
        """Yields the folders under a prefix that are old enough. The store lists by name, so a folder's objects come together."""
        name, objects = None, list[ListedObject]()
        async for found in self.objects.list(prefix):
            its_folder = folder_name(found.key)
            if its_folder != name:
                if name is not None:
                    yield Folder(name, tuple(objects))
                name, objects = its_folder, []
            objects.append(found)
        if name is not None:
            yield Folder(name, tuple(objects))

    async def _judge(self, folders: Sequence[Folder]) -> int:
        """Keeps, marks or removes folders. Returns how many objects were removed."""
        old = [folder for folder in folders if folder.youngest < self.clock() - GRACE]
        async with self.stores() as store:
            kept = await _referenced(store, old)
            await store.unmark([folder.name for folder in folders if folder not in old or folder.name in kept])
            await store.commit()
        return sum([await self._decide(folder) for folder in old if folder.name not in kept])

    async def _decide(self, folder: Folder) -> int:
        now = self.clock()
        async with self.stores() as store:
            since = await store.mark_unreferenced(folder.name, now)
            removable = now - since >= SETTLE and not await _referenced(store, [folder])
            removed = await self._remove(store, folder, now) if removable else 0
            await store.commit()
        return removed

    async def _remove(self, store: Store, folder: Folder, now: datetime) -> int:
        """Removes a folder's list, or where there is none the rest. Returns how many objects that were."""
        if not await self._is_still_old(folder, now):
            return 0
        lists = [key for key in folder.keys if key.endswith(f"/{LIST}")]
        going = lists or folder.keys
        for key in going:
            await self.objects.remove(key)
        if lists:
            await store.mark_again(folder.name, now)
        else:
            await store.unmark([folder.name])
        REMOVED.inc(len(going))
        log.info("unreferenced_removed", folder=folder.name, objects=len(going))
        return len(going)

    async def _is_still_old(self, folder: Folder, now: datetime) -> bool:
        """Tells whether nothing was written again since the listing, which may have taken long."""
        for key in folder.keys:
            try:
                if (await self.objects.stat(key)).modified_at >= now - GRACE:
                    return False
            except ObjectMissingError:
                continue
        return True


async def _referenced(store: Store, folders: Sequence[Folder]) -> set[str]:
    """Returns the names of the folders that somebody refers to."""
    kinds = {kind: list(group) for kind, group in itertools.groupby(folders, lambda folder: folder.name.split("/")[0])}
    originals, variants = kinds.get("originals", []), kinds.get("variants", [])
    kept_originals = await store.kept_originals([folder.file for folder in originals])
    kept_uploads = await store.pending_uploads([folder.name for folder in kinds.get("uploads", [])])
    in_work = await store.files_in_work([folder.file for folder in variants])
    kept_variants = await store.kept_variants(_keys(variants))
    return {
        *(folder.name for folder in originals if folder.file in kept_originals),
        *kept_uploads,
        *(folder.name for folder in variants if folder.file in in_work or not kept_variants.isdisjoint(folder.keys)),
    }


def _keys(folders: Iterable[Folder]) -> list[str]:
    return [key for folder in folders for key in folder.keys]


async def _at_once(folders: AsyncIterator[Folder]) -> AsyncIterator[Sequence[Folder]]:
    taken: list[Folder] = []
    async for folder in folders:
        taken.append(folder)
        if len(taken) == FOLDERS_AT_ONCE:
            yield taken
            taken = []
    if taken:
        yield taken
