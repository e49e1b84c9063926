"""What a server says of itself: which software it is, what it takes, and how it wants to be spoken to. Pure.

Facts from the documentation and source of Mastodon (July 2026), GoToSocial, Pleroma and Pixelfed (March 2024).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.sync.domain.server import ServerTerms, SlotTerms

Json = Mapping[str, Any]  # JSON, as a server sends it

MASTODON, PIXELFED, GOTOSOCIAL = "mastodon", "pixelfed", "gotosocial"
EMPTYING = ("pleroma", "akkoma")

# The way of descriptions, an entry of `ServerTerms.ways`: which call takes them. Without one, none does.
DESCRIPTIONS, BY_PROFILE, BY_CREDENTIALS = "descriptions", "profile", "credentials"
# The way of updates: a server behind PHP reads files from a POST alone.
METHOD = "method"

# Counted in powers of ten, so a little under what servers count in powers of two. Mastodon before 4.4; Pixelfed's default of 2,000 kB.
OLD_MASTODON_BYTES = 2_000_000
PIXELFED_BYTES = 2_000_000
MASTODON_BYTES = 8_000_000
# `api_versions.mastodon` from which /api/v1/profile takes descriptions, with 4.6.
DESCRIBING_API = 9
# The way of removals: an older call of one kind of server, or an update with an empty field. Without one, Mastodon's own call.
REMOVALS, BY_ACCOUNT, BY_EMPTY_FIELD = "removals", "account", "empty_field"

# What Mastodon's own source allows; servers may say less.
DESCRIPTION_MAX_CHARACTERS = 150

# What servers show for who has set nothing, by the end of its path, or by its folder.
_DEFAULT_ENDS = (
    "/avatars/original/missing.png",
    "/headers/original/missing.png",
    "/storage/avatars/default.jpg",
    "/storage/avatars/default.png",
    "/storage/headers/missing.png",
    "/assets/default_header.webp",
    "/images/avi.png",
    "/images/banner.png",
)
_DEFAULT_FOLDERS = ("/assets/default_avatars/",)

_COMPATIBLE = re.compile(r"\(compatible; (?P<name>[\w.-]{1,40})(?: (?P<version>[^)]{1,60}))?\)")
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")
VERSION_MAX_CHARACTERS = 40


@dataclass(frozen=True)
class Software:
    """Which software a server runs. `name` is in lower case; `shown` is for people."""

    name: str
    version: str
    shown: str

    @classmethod
    def of(cls, name: str, version: str) -> "Software":
        tidy = [" ".join(part.split()) for part in (name, version)]
        kept = [part[:VERSION_MAX_CHARACTERS] for part in tidy if part.isprintable()]
        return cls(name.lower(), version, " ".join(filter(None, kept)))

    @property
    def release(self) -> tuple[int, int]:
        """Returns the first two numbers of the version; (0, 0) where it has none."""
        found = _VERSION.match(self.version)
        return (int(found[1]), int(found[2])) if found else (0, 0)


def is_default_picture(path: str) -> bool:
    """Tells whether the path of a picture's address is that of a server's own, shown for who has set none."""
    return path.endswith(_DEFAULT_ENDS) or any(folder in path for folder in _DEFAULT_FOLDERS)


def is_instance(values: Json) -> bool:
    """Tells whether a document is a server's description of itself, of version 2 or 1."""
    return isinstance(values.get("version"), str) and any(
        isinstance(values.get(name), str) for name in ("domain", "uri")
    )


def software_of(instance: Json) -> Software | None:
    """Returns the software that a description names; None where it could be one that hides as another."""
    version = str(instance.get("version", ""))
    compatible = _COMPATIBLE.search(version)
    if compatible is not None:
        return Software.of(compatible["name"], compatible["version"] or "")
    said = Software.of("Mastodon", version)
    # Others, whose own versions begin at 0, say with which API of Mastodon they go.
    return said if said.release >= (4, 0) and _number(_child(instance, "api_versions").get("mastodon")) else None


def software_of_nodeinfo(nodeinfo: Json) -> Software | None:
    """Returns the software that a NodeInfo document names."""
    said = _child(nodeinfo, "software")
    name, version = said.get("name"), said.get("version")
    if not isinstance(name, str) or not name:
        return None
    shown = {GOTOSOCIAL: "GoToSocial"}.get(name.lower(), name.capitalize())
    return Software.of(shown, version if isinstance(version, str) else "")


def scopes_of(software: Software | None, wanted: Sequence[str]) -> str:
    """Returns what to ask for: servers that know no parts of `read` and `write` get the whole of them."""
    if software is not None and software.name == PIXELFED:
        wanted = list(dict.fromkeys(scope.partition(":")[0] for scope in wanted))
    return " ".join(wanted)


def terms_of(instance: Json, software: Software | None) -> ServerTerms:
    """Returns what a server takes: what it says itself, else what is known of its software."""
    shown = "" if software is None else software.shown
    stated = {
        "avatar": _upload_limit(instance, "avatar_upload_limit"),
        "banner": _upload_limit(instance, "banner_upload_limit"),
    }
    match software:
        case Software(name="mastodon"):
            return _mastodon(instance, software)
        case Software(name="pixelfed"):
            avatar = SlotTerms(max_bytes=PIXELFED_BYTES, formats=("image/jpeg", "image/png"), alt_text_max=0)
            # It always shows a placeholder there, and has no call to change it.
            return ServerTerms(
                shown,
                {"avatar": avatar, "banner": SlotTerms(mode="none", alt_text_max=0)},
                {METHOD: "POST", REMOVALS: BY_ACCOUNT},
            )
        case Software(name="gotosocial"):
            media = _child(_child(instance, "configuration"), "media_attachments")
            slot = SlotTerms(max_bytes=_number(media.get("image_size_limit")), formats=_picture_types(media))
            return ServerTerms(shown, {"avatar": slot, "banner": slot}, {DESCRIPTIONS: BY_CREDENTIALS})
        case _:
            slots = {slot: SlotTerms(max_bytes=limit, alt_text_max=0) for slot, limit in stated.items()}
            empties = software is not None and software.name in EMPTYING
            return ServerTerms(shown, slots, {REMOVALS: BY_EMPTY_FIELD} if empties else {})


def _mastodon(instance: Json, software: Software) -> ServerTerms:
    limit = MASTODON_BYTES if software.release >= (4, 4) else OLD_MASTODON_BYTES
    describes = (_number(_child(instance, "api_versions").get("mastodon")) or 0) >= DESCRIBING_API
    accounts = _child(_child(instance, "configuration"), "accounts")

    def terms(field: str) -> SlotTerms:
        said = _number(accounts.get(f"max_{field}_description_length"))
        most = min(said or DESCRIPTION_MAX_CHARACTERS, DESCRIPTION_MAX_CHARACTERS)
        return SlotTerms(max_bytes=limit, alt_text_max=most if describes else 0)

    ways = {DESCRIPTIONS: BY_PROFILE} if describes else {}
    return ServerTerms(software.shown, {"avatar": terms("avatar"), "banner": terms("header")}, ways)


def _upload_limit(instance: Json, name: str) -> int | None:
    """Returns a limit of Pleroma and its kin: beside everything else in version 1, under its own name in version 2."""
    return _number(instance.get(name)) or _number(_child(instance, "pleroma").get(name))


def _picture_types(media: Json) -> tuple[str, ...] | None:
    """Returns the picture types among those that a server names; None where it names none of ours."""
    said = media.get("supported_mime_types")
    types = tuple(each for each in said if isinstance(each, str)) if isinstance(said, list) else ()
    return types if "image/jpeg" in types else None


def _child(values: Json, name: str) -> Json:
    child = values.get(name)
    return child if isinstance(child, Mapping) else {}


def _number(value: object) -> int | None:
    """Returns a positive whole number; None for everything else that a server may send."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
