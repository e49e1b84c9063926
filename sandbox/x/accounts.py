"""X's accounts, tokens and pictures: what they are and how they are kept."""

import hashlib
from dataclasses import dataclass

from PIL import Image

from sandbox.kit.gallery import Slot
from sandbox.kit.pictures import EXTENSIONS, MEDIA_TYPES, Format, cover, decode, encode, fit_width
from sandbox.kit.platform import PEOPLE, AccountView, Context

X_CONSUMER_KEY = "sandbox-x-consumer-key"
X_CONSUMER_SECRET = "sandbox-x-consumer-secret"  # noqa: S105 - the stand-in's own, worth nothing elsewhere

FORMATS: tuple[Format, ...] = ("JPEG", "PNG", "GIF")
BANNER_SIZES = {
    "ipad": (626, 313),
    "ipad_retina": (1252, 626),
    "web": (520, 260),
    "web_retina": (1040, 520),
    "mobile": (320, 160),
    "mobile_retina": (640, 320),
    "300x100": (300, 100),
    "600x200": (600, 200),
    "1500x500": (1500, 500),
}
AVATAR_SIZES = {"normal": 48, "bigger": 73, "mini": 24, "400x400": 400}


@dataclass(frozen=True)
class Crop:
    """Which part of an upload shall be the banner, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def box_within(self, image: Image.Image) -> tuple[int, int, int, int]:
        """Returns the corners; raises `BadCropError`."""
        right, bottom = self.left + self.width, self.top + self.height
        if not (0 <= self.left < right <= image.width and 0 <= self.top < bottom <= image.height):
            raise BadCropError(f"{self} of {image.width}x{image.height}")
        return self.left, self.top, right, bottom


class BadCropError(Exception):
    """The crop does not lie within the picture."""


def scale_avatar(data: bytes, formats: tuple[Format, ...] = FORMATS) -> tuple[str, bytes]:
    """Returns media type and bytes of an upload as X keeps it; raises `BadPictureError`."""
    image, form = decode(data, formats)
    form = "PNG" if form == "GIF" else form
    return MEDIA_TYPES[form], encode(fit_width(image, 400), form)


def scale_banner(data: bytes, crop: Crop | None = None, formats: tuple[Format, ...] = FORMATS) -> bytes:
    """Returns the JPEG that X makes of an upload; raises `BadPictureError` and `BadCropError`."""
    image, _ = decode(data, formats)
    if crop is not None:
        image = image.crop(crop.box_within(image))
    return encode(cover(image, 1500, 500), "JPEG")


@dataclass(frozen=True)
class Token:
    """An access token: whose it is and what it may do."""

    key: str
    secret: str
    account: str
    level: str
    revoked: bool


class Accounts:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._gallery = context.gallery

    # People

    def user_id(self, name: str) -> str:
        """Returns the fixed numeric id, 64 bits wide as X's are (too wide for a JavaScript number)."""
        return str(10**18 + int.from_bytes(hashlib.sha256(name.encode()).digest()[:7]))

    def name_of(self, user_id: str) -> str | None:
        return next((name for name in PEOPLE if self.user_id(name) == user_id), None)

    def view(self, name: str) -> AccountView | None:
        if name not in PEOPLE:
            return None
        avatar = self.avatar_url(name)
        banner = self.banner_url(name)
        return AccountView(
            name,
            PEOPLE[name],
            f"@{name}",
            avatar and avatar.replace("_normal.", "_400x400."),
            banner and f"{banner}/1500x500",
        )

    def avatar_url(self, name: str) -> str | None:
        shown = self._gallery.shown(name, "avatar")
        if shown is None or shown.token is None:
            return None
        base, _, extension = shown.token.rpartition(".")
        return f"{self._context.origin}/profile_images/{base}_normal.{extension}"

    def banner_url(self, name: str) -> str | None:
        shown = self._gallery.shown(name, "banner")
        return f"{self._context.origin}/profile_banners/{shown.token}" if shown and shown.token else None

    # Pictures

    def save_avatar(self, media_type: str, body: bytes) -> str:
        """Keeps a new avatar; returns the token of its address."""
        serial = int(self._context.clock() * 1000) << 22 | int.from_bytes(hashlib.sha256(body).digest()[:2])
        token = f"{serial}/{self._context.token(6)}.{EXTENSIONS[media_type]}"
        self._store.put_blob(token, media_type, body)
        return token

    def save_banner(self, name: str, body: bytes) -> str:
        """Keeps a new banner; its address ends in the second of the upload, never twice the same."""
        second = int(self._context.clock())
        latest = self._store.get("banner_seconds", name) or {"second": 0}
        second = max(second, latest["second"] + 1)
        self._store.put("banner_seconds", name, {"second": second})
        token = f"{self.user_id(name)}/{second}"
        self._store.put_blob(token, "image/jpeg", body)
        return token

    def save_initial(self, name: str, slot: Slot, data: bytes) -> str:
        return self.save_avatar(*scale_avatar(data)) if slot == "avatar" else self.save_banner(name, scale_banner(data))

    def served(self, slot: Slot, token: str) -> tuple[str, bytes] | None:
        """Returns the picture behind an address; None once another picture shows, as on X."""
        change = self._gallery.find(slot, token)
        if change is None:
            return None
        shown = self._gallery.shown(change.account, slot)
        return self._store.blob(token) if shown and shown.seq == change.seq else None

    # Tokens

    def issue_token(self, name: str, level: str) -> Token:
        token = Token(f"{self.user_id(name)}-{self._context.token(20)}", self._context.token(33), name, level, False)
        self._store.put(
            "tokens", token.key, {"secret": token.secret, "account": name, "level": level, "revoked": False}
        )
        return token

    def token(self, key: str) -> Token | None:
        found = self._store.get("tokens", key)
        return None if found is None else Token(key, **found)

    def revoke_token(self, key: str) -> None:
        if found := self._store.get("tokens", key):
            self._store.put("tokens", key, {**found, "revoked": True})

    def revoke_all(self) -> None:
        for key, _ in self._store.items("tokens"):
            self.revoke_token(key)
