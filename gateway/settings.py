"""Settings of the gateway."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from limits import parse_many
from pydantic import AfterValidator, Field, SecretStr

from servicekit.rights import Limit
from servicekit.settings import BusSettings, GrpcSettings, ObjectStoreSettings, ServiceSettings, Words


def _origin(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError("must be scheme and host alone, such as https://pictures.example")
    # Browsers leave out the port that goes without saying.
    usual_port = {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{parts.netloc.removesuffix(usual_port)}".lower()


def _address_or_none(address: str) -> str:
    parts = urlsplit(address)
    if address and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise ValueError("must be an http or https address, such as https://purge.example/linkarooie")
    return address


def _limits(text: str) -> str:
    parse_many(text)
    return text


Limits = Annotated[str, AfterValidator(_limits)]


class GatewaySettings(ServiceSettings, GrpcSettings, BusSettings, ObjectStoreSettings):
    service = "gateway"

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    # What browsers have in their address bar. With https, cookies are bound to it (`__Host-`, `Secure`).
    public_url: Annotated[str, AfterValidator(_origin)] = "http://127.0.0.1:8080"
    # Whose word we take for the address of the caller: the addresses of the proxies in front of us.
    trusted_proxies: Words = ()
    # How long open requests may take to end when the process is told to stop.
    http_stop_grace_seconds: int = Field(default=20, ge=0)

    profile_target: str = "127.0.0.1:50052"
    upload_target: str = "127.0.0.1:50053"
    sync_target: str = "127.0.0.1:50054"
    analytics_target: str = "127.0.0.1:50055"
    notify_target: str = "127.0.0.1:50056"
    processor_target: str = "127.0.0.1:50057"

    # The built web client.
    web_directory: Path = Path(__file__).parent / "static"
    # Signs the addresses of pictures; the same on all replicas.
    media_key: SecretStr = Field(min_length=32)
    # Where small pictures that many look at are kept: `memory://` for the process alone, `redis://…` for the replicas together, beside it.
    media_cache: SecretStr = SecretStr("memory://")
    # What they may take of the memory of each process.
    media_cache_bytes: int = Field(default=64_000_000, ge=0)
    # Where a cache in front of us hears which addresses answer something else now; empty for none. The token goes with it as a bearer token.
    purge_url: Annotated[str, AfterValidator(_address_or_none)] = ""
    purge_token: SecretStr = SecretStr("")
    # Where the limits are counted: `memory://` for one process, `redis://…` where there are replicas.
    limit_store: SecretStr = SecretStr("memory://")
    # Of the `limits` library, such as "20/minute;200/hour", one a class of `servicekit.rights.Limit`. They hold for an account or an API key,
    # and for an address (of IPv6: a /64) where anyone may call. A page of the web client makes about ten calls.
    limit_read: Limits = "600/minute"
    limit_write: Limits = "120/minute"
    limit_upload: Limits = "60/minute"
    # Each try costs the auth service a password hash; what slows down guessing at one account is there.
    limit_sign_in: Limits = "20/minute"
    limit_letter: Limits = "10/minute;30/hour"
    limit_preview: Limits = "240/minute"
    # For an address: a page of comments shows many, and caches in front of us ask for many pages.
    limit_avatar: Limits = "1200/minute"
    # How long one upload may take in all: the largest picture over a slow phone connection.
    upload_seconds: float = Field(default=300.0, ge=1)
    # The same variable as the upload service's: what is larger is not passed on to it.
    max_image_bytes: int = Field(default=25_000_000, ge=1)

    def limits_of(self, limit: Limit) -> str:
        """Returns the figures of a class. Raises `LookupError` for the class that is not counted."""
        figures = {
            Limit.READ: self.limit_read,
            Limit.WRITE: self.limit_write,
            Limit.UPLOAD: self.limit_upload,
            Limit.SIGN_IN: self.limit_sign_in,
            Limit.LETTER: self.limit_letter,
            Limit.PREVIEW: self.limit_preview,
            Limit.AVATAR: self.limit_avatar,
        }
        return figures[limit]
