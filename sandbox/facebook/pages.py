"""Facebook's Pages, who looks after which, and people's own profiles: their pictures and the tokens that open them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.kit.gallery import Slot
from sandbox.kit.pictures import EXTENSIONS, BadPictureError, Format, cover, decode, encode, fit_width, initial_picture
from sandbox.kit.platform import PEOPLE, AccountView, Context

FORMATS: tuple[Format, ...] = ("JPEG", "PNG", "GIF")
MAX_BYTES = 4_000_000
AVATAR_SIDE, COVER_WIDTH = 1080, 1640
COVER_MIN = (400, 150)
# An uploaded photo that is put nowhere is forgotten after about a day.
PHOTO_SECONDS = 24 * 3600
# What computers show of a cover, and phones.
COVER_SHAPES = ("820 / 312", "640 / 360")


@dataclass(frozen=True)
class Page:
    """A Page, or a person's own profile, which shows the same pictures. `name` is the one that the sandbox's own pages know it by."""

    name: str
    title: str
    owner: str

    @property
    def id(self) -> str:
        return str(10**14 + int.from_bytes(hashlib.sha256(f"page/{self.name}".encode()).digest()[:5]))


# The first Page of each of the two people carries their name in the sandbox; Ada looks after a second one.
PAGES: Mapping[str, Page] = {
    page.name: page
    for page in (
        Page("ada", "Ada Rivers Studio", "ada"),
        Page("ada-garden", "Riverside Garden Club", "ada"),
        Page("grace", "Grace Meadow Bakery", "grace"),
    )
}

PROFILES: Mapping[str, Page] = {
    f"{name}-profile": Page(f"{name}-profile", title, name) for name, title in PEOPLE.items()
}


def pages_of(owner: str) -> list[Page]:
    return [page for page in PAGES.values() if page.owner == owner]


class BadCoverError(BadPictureError):
    """The picture is too small for a cover."""


def scale(slot: Slot, data: bytes, formats: tuple[Format, ...] = FORMATS) -> bytes:
    """Returns the JPEG that Facebook makes of an upload; raises `BadPictureError` and `BadCoverError`."""
    image, _ = decode(data, formats)
    if slot == "avatar":
        side = min(image.width, image.height, AVATAR_SIDE)
        return encode(cover(image, side, side), "JPEG")
    if image.width < COVER_MIN[0] or image.height < COVER_MIN[1]:
        raise BadCoverError
    return encode(fit_width(image, COVER_WIDTH), "JPEG")


class Pictures:
    """The pictures of the Pages, and photos that may become covers. A picture's token is its photo's id."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._gallery = context.gallery

    def populate(self) -> None:
        for page in (*PAGES.values(), *PROFILES.values()):
            for slot in ("avatar", "banner"):
                if self._gallery.latest(page.name, slot) is None:
                    body = scale(slot, initial_picture("facebook", page.name, slot))
                    self._gallery.place(page.name, slot, self.keep(page, body), initial=True)

    def keep(self, page: Page, body: bytes) -> str:
        """Keeps a photo that is shown nowhere yet; returns its id."""
        photo_id = str(2 * 10**14 + int(self._context.token(6), 16) % 10**13)
        self._store.put_blob(photo_id, "image/jpeg", body)
        until = self._context.clock() + PHOTO_SECONDS
        self._store.put("photos", photo_id, {"page": page.name, "until": until})
        return photo_id

    def forget(self, photo_id: str) -> None:
        self._store.delete("photos", photo_id)

    def is_usable(self, page: Page, photo_id: str) -> bool:
        """Tells whether a photo can become this Page's cover."""
        photo = self._store.get("photos", photo_id)
        return photo is not None and photo["page"] == page.name and photo["until"] >= self._context.clock()

    def set_offset(self, page: Page, x: int, y: int) -> None:
        self._store.put("offsets", page.name, {"x": x, "y": y})

    def offset(self, page: Page) -> tuple[int, int]:
        found = self._store.get("offsets", page.name) or {"x": 50, "y": 50}
        return found["x"], found["y"]

    def shown(self, page: Page, slot: Slot) -> str | None:
        """Returns the photo that a Page shows."""
        change = self._gallery.shown(page.name, slot)
        return change.token if change else None

    def url(self, photo_id: str, side: int | None = None) -> str:
        """Returns an address of a photo; it is signed, so each one is another."""
        size = "" if side is None else f"s{side}x{side}_"
        extension = EXTENSIONS["image/jpeg"]
        return f"{self._context.origin}/v/t39/{size}{photo_id}_n.{extension}?oh={self._context.token(8)}&oe={self._context.token(4)}"

    def served(self, name: str) -> bytes | None:
        """Returns the file behind the last part of an address."""
        size, _, rest = name.rpartition("_n.")[0].rpartition("_")
        found = self._store.blob(rest)
        if found is None:
            return None
        side = size.removeprefix("s").partition("x")[0]
        if not side.isdigit():
            return found[1]
        try:
            image, _ = decode(found[1], FORMATS)
        except BadPictureError:
            return None
        side_now = min(int(side), image.width)
        return encode(cover(image, side_now, side_now), "JPEG") if side_now else None

    def view(self, page: Page) -> AccountView:
        avatar, banner = self.shown(page, "avatar"), self.shown(page, "banner")
        x, y = self.offset(page)
        return AccountView(
            page.name,
            page.title,
            "own profile" if page.name in PROFILES else f"Page {page.id}",
            avatar and self.url(avatar),
            banner and self.url(banner),
            facts=[] if page.name in PROFILES else [("Their own profile", f"/@{page.owner}-profile")],
            banner_shape=COVER_SHAPES,
            banner_position=f"{x}% {y}%",
        )
