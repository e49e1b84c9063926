"""The avatar that everybody gets under a handle or hash, or what stands for it.

Nobody learns here who has an account: for a name that nobody has, one that is closed, one without a picture and one whose picture
was deleted, the same query finds nothing, and the same is drawn.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from servicekit.database import OpenStore
from servicekit.errors import NotFoundError
from servicekit.object_store import ObjectMissingError, ObjectStore
from services.upload.domain.avatars import StandIn, check_size, etag_of, stand_in_of, tidy_name
from services.upload.pictures.encode import ENCODER, encode, known_formats, squared
from services.upload.pictures.stand_ins import draw_stand_in
from services.upload.store import Store

Drawn = TypeVar("Drawn")

# Most people get the same few stand-ins. The largest has some ten kilobytes.
STAND_INS_KEPT = 128


@dataclass(frozen=True)
class AskedAvatar:
    """What a site asks for. A size of 0 is the usual one; `known_etag` names what the caller has already."""

    name: str
    size: int = 0
    formats: Sequence[str] = ()
    fallback: str = ""
    force_fallback: bool = False
    known_etag: str = ""


@dataclass(frozen=True)
class GivenAvatar:
    """A file; without content and media type where the caller has it already."""

    etag: str
    content: bytes = b""
    content_type: str = ""


def _one_a_core() -> asyncio.Semaphore:
    return asyncio.Semaphore(max(2, os.cpu_count() or 1))


@dataclass(frozen=True)
class AvatarFiles:
    """Dependencies of the use case. `drawing` bounds how many are drawn at once, and with that the memory."""

    stores: OpenStore[Store]
    objects: ObjectStore
    drawing: asyncio.Semaphore = field(default_factory=_one_a_core)

    async def give(self, asked: AskedAvatar) -> GivenAvatar:
        """Returns the avatar, or what stands for it.

        Raises `NotFoundError` (AVATAR_NOT_FOUND) where there is none and nothing is to stand for it, and `InvalidInputError` for a
        size that we do not draw.
        """
        name, size, formats = tidy_name(asked.name), check_size(asked.size), known_formats(asked.formats)
        if not asked.force_fallback:
            async with self.stores() as store:
                key = await store.opened_avatar_file(name)
            if key is not None:
                etag = etag_of(key, size, formats, encoder=ENCODER)
                if etag == asked.known_etag:
                    return GivenAvatar(etag)
                stored = await self._stored(key)
                if stored is not None:
                    return GivenAvatar(etag, *await self._drawn(lambda: encode(squared(stored, size), formats)))
        return await self._stand_in(stand_in_of(asked.fallback), name, size, formats, asked.known_etag)

    async def _stored(self, key: str) -> bytes | None:
        """Reads one of our files. None where it went away after it was found: its picture has newer ones, or none."""
        try:
            return b"".join([chunk async for chunk in self.objects.read(key)])
        except ObjectMissingError:
            return None

    async def _stand_in(
        self, stand_in: StandIn, name: str, size: int, formats: Sequence[str], known_etag: str
    ) -> GivenAvatar:
        if stand_in is StandIn.NONE:
            raise NotFoundError("There is no avatar that everybody may see under this name.", reason="AVATAR_NOT_FOUND")
        seed = name if stand_in.differs_by_name else ""
        etag = etag_of(f"{stand_in}/{seed}", size, formats, encoder=ENCODER)
        if etag == known_etag:
            return GivenAvatar(etag)
        return GivenAvatar(etag, *await self._drawn(lambda: _stand_in_file(stand_in, seed, size, tuple(formats))))

    async def _drawn(self, draw: Callable[[], Drawn]) -> Drawn:
        async with self.drawing:
            return await asyncio.to_thread(draw)


@lru_cache(STAND_INS_KEPT)
def _stand_in_file(stand_in: StandIn, seed: str, size: int, formats: tuple[str, ...]) -> tuple[bytes, str]:
    return encode(draw_stand_in(stand_in, seed, size), formats)
