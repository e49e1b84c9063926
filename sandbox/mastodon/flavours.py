"""The kinds of servers that speak Mastodon's API, and how they differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sandbox.kit.gallery import Slot
from sandbox.kit.pictures import Format
from sandbox.kit.store import Document

MEGABYTE = 1024 * 1024
DESCRIPTION_MAX_CHARACTERS = 150
DAY_SECONDS = 24 * 3600

FlavourName = Literal["mastodon", "pixelfed", "gotosocial", "pleroma", "akkoma"]

_ALL: tuple[Format, ...] = ("JPEG", "PNG", "GIF", "WEBP")
_TYPES: Mapping[Format, str] = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
_MISSING: Mapping[Slot, str] = {"avatar": "avatars/original/missing.png", "banner": "headers/original/missing.png"}


@dataclass(frozen=True)
class Flavour:
    """One kind of server. Without anything said, it does as Mastodon 4.6 does.

    `describes` is the call that takes descriptions. `own_limits` says that the server's description of itself names what it takes.
    `token_seconds` is how long a token lives, for servers that hand out refresh tokens; those that do not rotate keep the old one.
    """

    software: str
    software_version: str
    version: str
    max_bytes: Mapping[Slot, int] = field(default_factory=lambda: {"avatar": 8 * MEGABYTE, "banner": 8 * MEGABYTE})
    formats: tuple[Format, ...] = _ALL
    slots: tuple[Slot, ...] = ("avatar", "banner")
    describes: Literal["profile", "credentials"] | None = None
    api_version: int | None = None
    has_v2: bool = True
    has_pkce: bool = True
    own_limits: bool = False
    whole_scopes: bool = False
    token_seconds: int | None = None
    rotates: bool = True
    refuses_with: int = 422
    deletes_at: str | None = "/api/v1/profile/{field}"
    missing: Mapping[Slot, str] = field(default_factory=lambda: _MISSING)
    folder: str = "system/accounts/{field}s/{number}/original"
    has_statics: bool = True

    def media_types(self) -> list[str]:
        return [_TYPES[form] for form in self.formats]

    def limits(self) -> Document:
        """Returns what the server's description of itself says of its limits, in the way of its own."""
        if not self.own_limits:
            return {}
        return {
            "upload_limit": 16_000_000,
            "avatar_upload_limit": self.max_bytes["avatar"],
            "banner_upload_limit": self.max_bytes["banner"],
        }


OLD_MASTODON = Flavour(
    software="mastodon",
    software_version="4.2.10",
    version="4.2.10",
    max_bytes={"avatar": 2 * MEGABYTE, "banner": 2 * MEGABYTE},
    has_pkce=False,
)

_PLEROMA_MISSING: Mapping[Slot, str] = {"avatar": "images/avi.png", "banner": "images/banner.png"}

FLAVOURS: Mapping[FlavourName, Flavour] = {
    "mastodon": Flavour(
        software="mastodon", software_version="4.6.1", version="4.6.1", describes="profile", api_version=9
    ),
    "pixelfed": Flavour(
        software="pixelfed",
        software_version="0.12.3",
        version="3.5.3 (compatible; Pixelfed 0.12.3)",
        max_bytes={"avatar": 2_000 * 1024, "banner": 0},
        formats=("JPEG", "PNG"),
        slots=("avatar",),
        whole_scopes=True,
        token_seconds=365 * DAY_SECONDS,
        deletes_at="/api/v1.1/accounts/{field}",
        missing={"avatar": "storage/avatars/default.jpg", "banner": "storage/headers/missing.png"},
        folder="storage/{field}s/{number}",
        has_statics=False,
    ),
    "gotosocial": Flavour(
        software="gotosocial",
        software_version="0.17.3+git-1a2b3c4",
        version="0.17.3+git-1a2b3c4",
        max_bytes={"avatar": 40 * MEGABYTE, "banner": 40 * MEGABYTE},
        describes="credentials",
        refuses_with=400,
        missing={
            "avatar": "assets/default_avatars/GoToSocial_icon1.webp",
            "banner": "assets/default_header.webp",
        },
        folder="fileserver/{number}/{field}/original",
    ),
    "pleroma": Flavour(
        software="pleroma",
        software_version="2.6.0",
        version="2.7.2 (compatible; Pleroma 2.6.0)",
        # Smaller than anybody's default, so that there is a server whose own limit matters.
        max_bytes={"avatar": 100_000, "banner": 200_000},
        own_limits=True,
        token_seconds=30 * DAY_SECONDS,
        refuses_with=413,
        deletes_at=None,
        missing=_PLEROMA_MISSING,
        folder="media",
        has_statics=False,
    ),
    "akkoma": Flavour(
        software="akkoma",
        software_version="3.10.4",
        version="2.7.2 (compatible; Akkoma 3.10.4)",
        max_bytes={"avatar": 100_000, "banner": 200_000},
        own_limits=True,
        has_v2=False,
        token_seconds=30 * DAY_SECONDS,
        rotates=False,
        refuses_with=413,
        deletes_at=None,
        missing=_PLEROMA_MISSING,
        folder="media",
        has_statics=False,
    ),
}
