"""Signed addresses of stored pictures: whoever holds one may look, until it ends."""

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qsl, quote, urlencode

from pydantic import SecretStr

from servicekit.ids import Clock

# An address is good for at least this long: a page may be open for a day.
LIFETIME = timedelta(hours=24)
# Ends are rounded up to this, so that the address of a picture stays the same for a while and caches keep it.
BUCKET_SECONDS = 3600
# Addresses whose signature was found good lately: a page asks for the same few again and again.
REMEMBERED = 10_000
# Ours are shorter. What somebody adds to one is not worth the memory.
REMEMBERED_QUERY_BYTES = 600
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_FILE = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class SignedMedia:
    """What a signed address opens. `alternatives` are keys of the same picture in other formats, the one to prefer first."""

    name: str
    expires: int
    alternatives: tuple[str, ...]


@dataclass(frozen=True)
class MediaLinks:
    """Makes and checks addresses under `/media/`."""

    key: SecretStr
    clock: Clock
    _good: OrderedDict[tuple[str, bytes], SignedMedia] = field(default_factory=OrderedDict, repr=False, compare=False)

    def to(self, object_key: str, *, name: str, alternatives: Sequence[str] = ()) -> str:
        """Returns a relative address for an object. `name` is what a saved file is called, without its ending.

        With `alternatives`, whoever asks gets the first of them that they say they can show, else the object. They are objects beside it: what
        tells their keys apart is what follows the last slash. Raises `ValueError` for a name or an alternative that is not plain.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a plain name for a file")
        soonest = int((self.clock() + LIFETIME).timestamp())
        expires = -(-soonest // BUCKET_SECONDS) * BUCKET_SECONDS
        files = ",".join(_beside(object_key, alternative) for alternative in alternatives)
        query = {"exp": str(expires), "name": name, **({"alt": files} if files else {})}
        signature = self._signature(object_key, name, expires, files)
        return f"/media/{quote(object_key)}?{urlencode({**query, 'sig': signature}, safe=',')}"

    def opened(self, object_key: str, query: bytes) -> SignedMedia | None:
        """Returns what an address with this query opens, or None when it is not good: altered, or too old."""
        found = self._good.get((object_key, query))
        if found is None:
            found = self._checked(object_key, query)
            if found is None:
                return None
            if len(query) <= REMEMBERED_QUERY_BYTES:
                self._good[object_key, query] = found
            if len(self._good) > REMEMBERED:
                self._good.popitem(last=False)
        return found if self.seconds_left(found) > 0 else None

    def seconds_left(self, media: SignedMedia) -> int:
        """Returns how long what was opened is good for."""
        return media.expires - int(self.clock().timestamp())

    def _checked(self, object_key: str, query: bytes) -> SignedMedia | None:
        asked = dict(parse_qsl(query.decode("latin-1")))
        expires, name, files = asked.get("exp", ""), asked.get("name", ""), asked.get("alt", "")
        if not _SECONDS.fullmatch(expires):
            return None
        signature = self._signature(object_key, name, int(expires), files)
        if not hmac.compare_digest(signature.encode(), asked.get("sig", "").encode()):
            return None
        folder = object_key[: object_key.rfind("/") + 1]
        return SignedMedia(name, int(expires), tuple(folder + file for file in files.split(",") if file))

    def _signature(self, object_key: str, name: str, expires: int, files: str) -> str:
        # The key comes last: it alone may hold the separator.
        text = (
            f"media/2\n{expires}\n{name}\n{files}\n{object_key}"
            if files
            else f"media/1\n{expires}\n{name}\n{object_key}"
        )
        return hmac.new(self.key.get_secret_value().encode(), text.encode(), hashlib.sha256).hexdigest()


def _beside(object_key: str, other_key: str) -> str:
    """Returns what tells a key apart from another one in the same folder."""
    folder, _, file = other_key.rpartition("/")
    if folder != object_key.rpartition("/")[0] or not _FILE.fullmatch(file):
        raise ValueError(f"{other_key!r} is no file beside {object_key!r}")
    return file
