"""Bluesky's accounts: identities, profile records, blobs, and what the app view makes of them."""

import base64
import hashlib
from dataclasses import dataclass

from PIL import Image

from sandbox.bluesky.cid import blob_cid, record_cid
from sandbox.kit.gallery import SLOTS, Slot
from sandbox.kit.pages import moment
from sandbox.kit.pictures import MEDIA_TYPES, Format, cover, decode, encode, sniff
from sandbox.kit.platform import PEOPLE, AccountView, Context
from sandbox.kit.store import Document

# The stand-in's own, worth nothing elsewhere.
BLUESKY_APP_PASSWORDS = {"ada": "sand-boxa-ada1-pass", "grace": "sand-boxg-grac-pass"}

PROFILE = "app.bsky.actor.profile"
FORMATS: tuple[Format, ...] = ("JPEG", "PNG", "GIF", "WEBP")
# What the app view's image service scales to at most.
VIEW_SIZES: dict[Slot, tuple[int, int]] = {"avatar": (1000, 1000), "banner": (3000, 1000)}


@dataclass(frozen=True)
class Blob:
    """An uploaded file. `state` is "temporary" until a record holds it, and "gone" when none does any more."""

    cid: str
    mime_type: str
    size: int
    state: str

    def reference(self) -> Document:
        """Returns the object that records hold."""
        return {"$type": "blob", "ref": {"$link": self.cid}, "mimeType": self.mime_type, "size": self.size}


class Accounts:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._gallery = context.gallery

    # Identity

    def did(self, name: str) -> str:
        digest = base64.b32encode(hashlib.sha256(f"sandbox/{name}".encode()).digest()).decode().lower()
        return f"did:plc:{digest[:24]}"

    def handle(self, name: str) -> str:
        return f"{name}.sandbox.test"

    def find(self, identifier: str) -> str | None:
        """Returns the person with this DID, handle or e-mail address."""
        wanted = identifier.lower().removeprefix("@")
        for name in PEOPLE:
            if wanted in (self.did(name), self.handle(name), f"{name}@sandbox.test"):
                return name
        return None

    def did_document(self, name: str) -> Document:
        return {
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": self.did(name),
            "alsoKnownAs": [f"at://{self.handle(name)}"],
            "verificationMethod": [],
            "service": [
                {
                    "id": "#atproto_pds",
                    "type": "AtprotoPersonalDataServer",
                    "serviceEndpoint": self._context.origin,
                }
            ],
        }

    # Repository

    def record(self, name: str) -> tuple[str, Document] | None:
        """Returns CID and value of the profile record; None for an account that has none yet."""
        found = self._store.get("profiles", name)
        return None if found is None else (found["cid"], found["value"])

    def write_record(self, name: str, value: Document, delay_seconds: float, *, initial: bool = False) -> bool:
        """Replaces the profile record; returns whether a picture changed. The blobs it names must exist."""
        with self._store.together():
            held = {slot: _held_cid(value, slot) for slot in SLOTS}
            changed = False
            for slot, cid in held.items():
                latest = self._gallery.latest(name, slot)
                if cid != (latest.token if latest else None):
                    self._gallery.place(name, slot, cid, delay_seconds=delay_seconds, initial=initial)
                    changed = True
                    if latest and latest.token and latest.token not in held.values():
                        self._set_blob_state(name, latest.token, "gone")
                if cid:
                    self._set_blob_state(name, cid, "used")
            self._store.put("profiles", name, {"cid": record_cid(value), "value": value})
        return changed

    def edit_elsewhere(self, name: str) -> None:
        """Changes the profile's description, as another app of the same person would."""
        if found := self.record(name):
            text = f"Edited elsewhere at {moment(self._context.clock())} ({self._context.token(4)})"
            self.write_record(name, {**found[1], "description": text}, 0)

    def forget_profiles(self) -> None:
        for name in PEOPLE:
            self.write_record(name, {}, 0, initial=True)
            self._store.delete("profiles", name)

    def save_blob(self, name: str, data: bytes, declared_type: str) -> Blob:
        """Keeps uploaded bytes; the type is sniffed where they are a picture."""
        form = sniff(data, FORMATS)
        mime_type = MEDIA_TYPES[form] if form else declared_type
        cid = blob_cid(data)
        known = self.blob(name, cid)
        state = known.state if known and known.state == "used" else "temporary"
        blob = Blob(cid, mime_type, len(data), state)
        self._store.put_blob(f"{self.did(name)}/{cid}", mime_type, data)
        self._put_blob(name, blob)
        return blob

    def blob(self, name: str, cid: str) -> Blob | None:
        found = self._store.get("blobs", f"{self.did(name)}/{cid}")
        return None if found is None else Blob(**found)

    def blob_bytes(self, did: str, cid: str) -> bytes | None:
        found = self._store.blob(f"{did}/{cid}")
        return found and found[1]

    def _put_blob(self, name: str, blob: Blob) -> None:
        self._store.put("blobs", f"{self.did(name)}/{blob.cid}", vars(blob))

    def _set_blob_state(self, name: str, cid: str, state: str) -> None:
        if blob := self.blob(name, cid):
            self._put_blob(name, Blob(blob.cid, blob.mime_type, blob.size, state))

    def create_profile(self, name: str, pictures: dict[Slot, bytes]) -> None:
        """Gives a person the profile that they begin with."""
        value: Document = {
            "$type": PROFILE,
            "displayName": PEOPLE[name],
            "description": "Lives in the sandbox.",
            "createdAt": "2024-01-01T00:00:00.000Z",
        }
        for slot, data in pictures.items():
            value[slot] = self.save_blob(name, data, "image/png").reference()
        self.write_record(name, value, 0, initial=True)

    # App view

    def profile_view(self, name: str) -> Document:
        found = self.record(name)
        texts = {
            key: value
            for key, value in (found[1] if found else {}).items()
            if key in ("displayName", "description", "createdAt")
        }
        urls: Document = {slot: url for slot in SLOTS if (url := self.url(name, slot))}
        return {
            "did": self.did(name),
            "handle": self.handle(name),
            **texts,
            **urls,
            "indexedAt": moment(self._context.clock()),
            "labels": [],
            "followersCount": 0,
            "followsCount": 0,
            "postsCount": 0,
        }

    def url(self, name: str, slot: Slot) -> str | None:
        shown = self._gallery.shown(name, slot)
        if shown is None or shown.token is None:
            return None
        return f"{self._context.origin}/img/{slot}/plain/{self.did(name)}/{shown.token}@jpeg"

    def view(self, name: str) -> AccountView | None:
        if name not in PEOPLE:
            return None
        found = self.record(name)
        display_name = (found[1].get("displayName") if found else "") or name
        facts = (("Handle", self.handle(name)), ("DID", self.did(name)), ("App password", BLUESKY_APP_PASSWORDS[name]))
        return AccountView(
            name, display_name, f"@{self.handle(name)}", self.url(name, "avatar"), self.url(name, "banner"), facts
        )


def _held_cid(value: Document, slot: Slot) -> str | None:
    held = value.get(slot)
    return held["ref"]["$link"] if held else None


def view_picture(data: bytes, slot: Slot) -> bytes:
    """Re-encodes a blob as the app view's image service does: cropped to the slot's ratio, a JPEG, never enlarged."""
    image: Image.Image = decode(data, FORMATS)[0]
    most_wide, most_high = VIEW_SIZES[slot]
    ratio = most_wide / most_high
    width = int(min(most_wide, image.width, image.height * ratio))
    return encode(cover(image, width, max(1, round(width / ratio))), "JPEG", 80)
