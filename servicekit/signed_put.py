"""Addresses at which a program may PUT one object, of one size and one type, for a while: S3's signatures in the query (SigV4).

Made here because the client's own cover the host alone, so that whoever has one could store anything of any size.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Signer:
    """Who signs."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str

    def sign_put(self, url: str, *, headers: Mapping[str, str], signed_at: datetime, valid_for: timedelta) -> str:
        """Returns the address with a signature that lets anybody PUT there who sends these headers (their names in lower case) as they are."""
        parts = urlsplit(url)
        signed = {**headers, "host": parts.netloc}
        names = ";".join(sorted(signed))
        moment = f"{signed_at:%Y%m%dT%H%M%SZ}"
        scope = f"{signed_at:%Y%m%d}/{self.region}/s3/aws4_request"
        query = urlencode(
            {
                "X-Amz-Algorithm": ALGORITHM,
                "X-Amz-Credential": f"{self.access_key}/{scope}",
                "X-Amz-Date": moment,
                "X-Amz-Expires": str(int(valid_for.total_seconds())),
                "X-Amz-SignedHeaders": names,
            },
            quote_via=quote,
            safe="",
        )
        lines = [f"{name}:{signed[name].strip()}" for name in sorted(signed)]
        request = "\n".join(["PUT", quote(parts.path), query, *lines, "", names, "UNSIGNED-PAYLOAD"])
        text = "\n".join([ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()])
        signature = hmac.new(self._key(scope), text.encode(), hashlib.sha256).hexdigest()
        return f"{url}?{query}&X-Amz-Signature={signature}"

    def _key(self, scope: str) -> bytes:
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key
