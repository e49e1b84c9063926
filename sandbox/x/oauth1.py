"""Checks OAuth 1.0a requests (RFC 5849, HMAC-SHA1) without any client library's help.

The clients under test sign with a library; this side computes the signature from the RFC, so that a shared mistake
cannot cancel itself out.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from starlette.requests import Request

# How far the caller's clock may be off, in seconds; X does not publish its own figure.
CLOCK_WINDOW_SECONDS = 300

Pairs = list[tuple[str, str]]


def _escape(text: str) -> str:
    return quote(text, safe="-._~")


def signature(
    method: str, url: str, parameters: Iterable[tuple[str, str]], consumer_secret: str, token_secret: str
) -> str:
    """Returns the HMAC-SHA1 signature. `parameters` are all signed ones, decoded, without `oauth_signature`."""
    parts = urlsplit(url)
    authority = parts.netloc.lower()
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    base_url = f"{parts.scheme}://{authority.removesuffix(default)}{parts.path or '/'}"
    pairs = sorted((_escape(name), _escape(value)) for name, value in parameters)
    normalised = "&".join(f"{name}={value}" for name, value in pairs)
    base = "&".join(_escape(part) for part in (method.upper(), base_url, normalised))
    key = f"{_escape(consumer_secret)}&{_escape(token_secret)}"
    digest = hmac.digest(key.encode(), base.encode(), hashlib.sha1)
    return base64.b64encode(digest).decode()


@dataclass(frozen=True)
class SignedRequest:
    """What came signed: the `oauth_*` values of the header, and the other signed parameters."""

    method: str
    url: str
    oauth: dict[str, str]
    parameters: Pairs

    def parameter(self, name: str) -> str | None:
        return next((value for key, value in self.parameters if key == name), None)

    def has_valid_signature(self, consumer_secret: str, token_secret: str) -> bool:
        signed = [pair for pair in self.oauth.items() if pair[0] not in ("oauth_signature", "realm")]
        expected = signature(self.method, self.url, signed + self.parameters, consumer_secret, token_secret)
        return self.oauth["oauth_signature_method"] == "HMAC-SHA1" and hmac.compare_digest(
            expected.encode(), self.oauth["oauth_signature"].encode()
        )


async def read_signed(request: Request) -> SignedRequest | None:
    """Reads header, query and form body; None where there is no usable OAuth header. Multipart fields are not signed."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "oauth":
        return None
    oauth: dict[str, str] = {}
    for item in rest.split(","):
        name, _, value = item.strip().partition("=")
        oauth[unquote(name)] = unquote(value.strip('"'))
    required = ("consumer_key", "nonce", "signature", "signature_method", "timestamp")
    if not all(oauth.get(f"oauth_{name}") for name in required) or not oauth["oauth_timestamp"].isdigit():
        return None
    parameters = parse_qsl(request.url.query, keep_blank_values=True)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/x-www-form-urlencoded":
        parameters += parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    return SignedRequest(request.method, str(request.url.replace(query="")), oauth, parameters)


class Nonces:
    """Remembers nonces for as long as their timestamp would be accepted."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str, str], float] = {}

    def is_timely(self, signed: SignedRequest) -> bool:
        return abs(self._clock() - int(signed.oauth["oauth_timestamp"])) <= CLOCK_WINDOW_SECONDS

    def use(self, signed: SignedRequest) -> bool:
        """Returns whether the nonce is new for its consumer, token and timestamp."""
        now = self._clock()
        self._seen = {key: until for key, until in self._seen.items() if until > now}
        oauth = signed.oauth
        key = oauth["oauth_consumer_key"], oauth.get("oauth_token", ""), oauth["oauth_nonce"]
        if key in self._seen:
            return False
        self._seen[key] = now + 2 * CLOCK_WINDOW_SECONDS
        return True
