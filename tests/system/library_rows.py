"""Fills the upload service's tables with pictures that nobody has uploaded: libraries as large as a listing must stand."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

# Time-ordered ids as uploads give them, one second apart: `number` says which, `salt` tells owners apart.
_ID = (
    "(lpad(to_hex(1700000000000 + number * 1000), 12, '0') || '70008000' || substr(md5(:salt || number), 1, 12))::uuid"
)

_IMAGES = f"""
INSERT INTO images (
    id, owner_id, state, object_key, content_type, width, height, bytes, sha256, created_at, revision, alt_text,
    file_name, failure_reason, failure_message, title, look_bits, look_colours, deleted_at
)
SELECT
    {_ID}, {{owner}}, CASE number % 100 WHEN 7 THEN 'failed' ELSE 'ready' END, 'originals/' || number, 'image/jpeg', 4000, 3000,
    3000000, encode(sha256(convert_to(:salt || number, 'UTF8')), 'hex'), now(), 1, 'A picture that shows a number',
    'IMG_' || number || '.jpg', '', '', 'IMG_' || number, hashtextextended(:salt || number, 0) & 9223372036854775807,
    decode(repeat('80', 48), 'hex'), CASE WHEN number % 5 = 3 THEN now() END
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS number
"""

_VARIANTS = f"""
INSERT INTO variants (
    image_id, revision, key, platform, slot, content_type, width, height, bytes, sha256, perceptual_hash, object_key,
    recipe_version, notes
)
SELECT
    {_ID}, 1, 'thumbnail.' || side || '.webp', '', '', 'image/webp', side, side, 20000, '', '',
    'variants/' || number || '/' || side, '1', '[]'
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS number, unnest(ARRAY[160, 320, 640, 1280]) AS side
"""


@dataclass(frozen=True)
class Rows:
    """Pictures with the numbers `first` to `last`; every fifth was deleted, every hundredth has failed."""

    owner_id: str
    first: int
    last: int

    @property
    def _values(self) -> dict[str, Any]:
        return {"salt": self.owner_id, "first": self.first, "last": self.last}

    async def add(self, session: Any, *, thumbnails: int | None = None) -> None:
        """Adds the pictures in the session's transaction, and thumbnails of all of them, or of so many of the newest."""
        images = sa.text(_IMAGES.format(owner="CAST(:owner AS uuid)"))
        await session.execute(images, {**self._values, "owner": self.owner_id})
        first = self.first if thumbnails is None else max(self.first, self.last + 1 - thumbnails)
        await session.execute(sa.text(_VARIANTS), {**self._values, "first": first})

    async def id_of(self, session: Any, number: int) -> str:
        """Returns the id of one of the pictures."""
        query = sa.text(f"SELECT CAST({_ID} AS text) FROM (VALUES (CAST(:number AS bigint))) AS one (number)")
        found: str = (await session.execute(query, {"salt": self.owner_id, "number": number})).scalar_one()
        return found


async def add_others(session: Any, *, first: int, last: int, each: int = 1000) -> None:
    """Adds pictures of many others, so many of each; they have no thumbnails."""
    owner = f"md5('other' || number / {each:d})::uuid"
    await session.execute(sa.text(_IMAGES.format(owner=owner)), {"salt": "others", "first": first, "last": last})
