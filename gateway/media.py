"""Signed addresses of stored pictures: whoever holds one may look, until it ends."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from servicekit.ids import Clock

# An address is good for at least this long: a page may be open for a day.
LIFETIME = timedelta(hours=24)
# Ends are rounded up to this, so that the address of a picture stays the same for a while and caches keep it.
BUCKET_SECONDS = 3600
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True)
class MediaLinks:
    """Makes and checks addresses under `/media/`."""

    key: SecretStr
    clock: Clock

    def to(self, object_key: str, *, name: str) -> str:
        """Returns a relative address for an object. `name` is what a saved file is called, without its ending."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a plain name for a file")
        soonest = int((self.clock() + LIFETIME).timestamp())
        expires = -(-soonest // BUCKET_SECONDS) * BUCKET_SECONDS
        query = urlencode({"exp": expires, "name": name, "sig": self._signature(object_key, name, expires)})
        return f"/media/{quote(object_key)}?{query}"

    def seconds_left(self, object_key: str, *, name: str, expires: int, signature: str) -> int | None:
        """Returns how long an address is good for, or None when it is not: altered, or too old."""
        if not hmac.compare_digest(self._signature(object_key, name, expires).encode(), signature.encode()):
            return None
        left = expires - int(self.clock().timestamp())
        return left if left > 0 else None

    def _signature(self, object_key: str, name: str, expires: int) -> str:
        # The key comes last: it alone may hold the separator.
        text = f"media/1\n{expires}\n{name}\n{object_key}"
        return hmac.new(self.key.get_secret_value().encode(), text.encode(), hashlib.sha256).hexdigest()
