"""A Mastodon server's accounts, tokens and pictures: what they are and how they are kept."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from sandbox.kit.gallery import Slot
from sandbox.kit.pictures import EXTENSIONS, MEDIA_TYPES, Format, cover, decode, encode, fit_area
from sandbox.kit.platform import PEOPLE, AccountView, Context
from sandbox.kit.store import Document
from sandbox.mastodon.flavours import Flavour

_ALL_FORMATS: tuple[Format, ...] = ("JPEG", "PNG", "GIF", "WEBP")
HEADER_MAX_PIXELS = 750_000
# Mastodon's names for the slots, in addresses and fields.
FIELDS: dict[Slot, str] = {"avatar": "avatar", "banner": "header"}


@dataclass(frozen=True)
class Token:
    """An access token. `account` is None for an app's own token."""

    key: str
    account: str | None
    scopes: tuple[str, ...]
    client_id: str
    ended: str | None
    """Why it is no use any more: "revoked" or "expired"."""

    def allows(self, *scopes: str) -> bool:
        """Tells whether any of these scopes, or the broad one before their colon, was granted."""
        granted = set(self.scopes)
        return any(scope in granted or scope.partition(":")[0] in granted for scope in scopes)


def scale(slot: Slot, data: bytes, formats: tuple[Format, ...] = _ALL_FORMATS) -> tuple[str, bytes]:
    """Returns media type and bytes of an upload as Mastodon keeps it; raises `BadPictureError`."""
    image, form = decode(data, formats)
    scaled = cover(image, 400, 400) if slot == "avatar" else fit_area(image, HEADER_MAX_PIXELS)
    return MEDIA_TYPES[form], encode(scaled, form)


class Accounts:
    def __init__(self, context: Context, flavour: Callable[[], Flavour]) -> None:
        self._context = context
        self._flavour = flavour
        self._store = context.store
        self._gallery = context.gallery

    # People

    def account_id(self, name: str) -> str:
        return str(110 * 10**15 + int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) % 10**15)

    def profile(self, name: str) -> Document:
        """Returns the texts of a profile."""
        found = self._store.get("profiles", name) or {}
        texts = {"display_name": PEOPLE[name], "note": "", "avatar_description": "", "header_description": ""}
        return {**texts, **found}

    def write_profile(self, name: str, texts: Document) -> None:
        self._store.put("profiles", name, {**self.profile(name), **texts})

    def view(self, name: str) -> AccountView | None:
        if name not in PEOPLE:
            return None
        host = self._context.origin.partition("://")[2]
        display_name = self.profile(name)["display_name"] or name
        return AccountView(name, display_name, f"@{name}@{host}", self.url(name, "avatar"), self.url(name, "banner"))

    def url(self, name: str, slot: Slot, style: str = "original") -> str | None:
        """Returns the address of what is shown; None where nothing is. A GIF's `static` is a PNG."""
        shown = self._gallery.shown(name, slot)
        if shown is None or shown.token is None or slot not in self._flavour().slots:
            return None
        path, _, file = shown.token.partition("/original/")
        if style == "static" and file.endswith(".gif") and self._flavour().has_statics:
            return f"{self._context.origin}/{path}/static/{file.removesuffix('gif')}png"
        return f"{self._context.origin}/{shown.token}"

    def missing_url(self, slot: Slot) -> str:
        return f"{self._context.origin}/{self._flavour().missing[slot]}"

    def credential_account(self, name: str) -> Document:
        profile = self.profile(name)
        pictures = {
            FIELDS[slot] + suffix: self.url(name, slot, style) or self.missing_url(slot)
            for slot in FIELDS
            for suffix, style in (("", "original"), ("_static", "static"))
        }
        note = f"<p>{escape(profile['note'])}</p>" if profile["note"] else ""
        return {
            "id": self.account_id(name),
            "username": name,
            "acct": name,
            "display_name": profile["display_name"],
            "locked": False,
            "bot": False,
            "discoverable": True,
            "group": False,
            "created_at": "2024-01-01T00:00:00.000Z",
            "note": note,
            "url": f"{self._context.origin}/@{name}",
            "uri": f"{self._context.origin}/users/{name}",
            **pictures,
            "followers_count": 0,
            "following_count": 0,
            "statuses_count": 0,
            "last_status_at": None,
            "emojis": [],
            "fields": [],
            "source": {
                "privacy": "public",
                "sensitive": False,
                "language": None,
                "note": profile["note"],
                "fields": [],
                "follow_requests_count": 0,
            },
        }

    def profile_entity(self, name: str) -> Document:
        """Returns what /api/v1/profile shows: absent pictures are null there."""
        return {
            "id": self.account_id(name),
            **self.profile(name),
            "fields": [],
            "avatar": self.url(name, "avatar"),
            "avatar_static": self.url(name, "avatar", "static"),
            "header": self.url(name, "banner"),
            "header_static": self.url(name, "banner", "static"),
            "locked": False,
            "bot": False,
            "hide_collections": None,
            "discoverable": True,
            "indexable": True,
            "show_media": True,
            "show_media_replies": True,
            "show_featured": True,
            "attribution_domains": [],
        }

    # Pictures

    def save(self, name: str, slot: Slot, media_type: str, body: bytes) -> str:
        """Keeps a scaled picture under a new address; returns the address's token."""
        number = self.account_id(name)
        folder = "/".join(number[at : at + 3] for at in range(0, len(number), 3))
        file = f"{self._context.token(8)}.{EXTENSIONS[media_type]}"
        token = f"{self._flavour().folder.format(field=FIELDS[slot], number=folder)}/{file}"
        self._store.put_blob(token, media_type, body)
        return token

    def save_initial(self, name: str, slot: Slot, data: bytes) -> str:
        return self.save(name, slot, *scale(slot, data))

    def served(self, path: str) -> tuple[str, bytes] | None:
        """Returns the picture behind an address; None once it was replaced: Mastodon deletes the file then."""
        static = "/static/" in path
        token = path.replace("/static/", "/original/").removesuffix("png") + "gif" if static else path
        change = self._gallery.find("avatar", token) or self._gallery.find("banner", token)
        shown = change and self._gallery.shown(change.account, change.slot)
        found = self._store.blob(token)
        if change is None or shown is None or shown.seq != change.seq or found is None:
            return None
        return ("image/png", encode(decode(found[1], _ALL_FORMATS)[0], "PNG")) if static else found

    # Tokens

    def issue_token(self, account: str | None, scopes: tuple[str, ...], client_id: str) -> Document:
        """Creates a token; returns the answer of the token endpoint."""
        key, now = self._context.token(22), int(self._context.clock())
        document: Document = {
            "account": account,
            "scopes": scopes,
            "client_id": client_id,
            "ended": None,
            "until": None,
        }
        answer: Document = {
            "access_token": key,
            "token_type": "Bearer",
            "scope": " ".join(scopes),
            "created_at": now,
        }
        life = self._flavour().token_seconds
        if life is not None and account is not None:
            document["until"] = now + life
            renewal = self._context.token(22)
            self._store.put("renewals", renewal, {"account": account, "scopes": scopes, "client_id": client_id})
            answer |= {"expires_in": life, "refresh_token": renewal}
        self._store.put("tokens", key, document)
        return answer

    def renew_token(self, renewal: str, client_id: str) -> Document | None:
        """Returns the answer to a refresh token; None for one that is no use. Who rotates them takes each once."""
        found = self._store.get("renewals", renewal)
        if found is None or found["client_id"] != client_id:
            return None
        answer = self.issue_token(found["account"], tuple(found["scopes"]), client_id)
        if self._flavour().rotates:
            self._store.delete("renewals", renewal)
        else:
            self._store.delete("renewals", answer.pop("refresh_token"))
        return answer

    def token(self, key: str) -> Token | None:
        found = self._store.get("tokens", key)
        if found is None:
            return None
        is_over = found["until"] is not None and found["until"] <= self._context.clock()
        ended = found["ended"] or ("expired" if is_over else None)
        return Token(key, found["account"], tuple(found["scopes"]), found["client_id"], ended)

    def end_token(self, key: str, why: str) -> None:
        if found := self._store.get("tokens", key):
            self._store.put("tokens", key, {**found, "ended": why})

    def end_renewals(self, token: Token | None) -> None:
        """Ends the refresh tokens of the access that a token belongs to."""
        for key, document in self._store.items("renewals"):
            if token and (document["account"], document["client_id"]) == (token.account, token.client_id):
                self._store.delete("renewals", key)

    def end_all(self, why: str) -> None:
        if why == "revoked":
            for key, _ in self._store.items("renewals"):
                self._store.delete("renewals", key)
        for key, document in self._store.items("tokens"):
            if document["ended"] is None:
                self.end_token(key, why)
