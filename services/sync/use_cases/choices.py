"""Which accounts to connect, where one consent has opened more than one, or another one than was to be connected again.

Until its owner has chosen, the access to them is kept sealed, like what a beginning keeps, and for as long.
"""

import asyncio
import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from pydantic import TypeAdapter

from servicekit.database import OpenStore
from servicekit.errors import InvalidInputError, NotFoundError
from servicekit.ids import Clock, is_id, new_id
from servicekit.outbound import OutboundError
from servicekit.vault import Vault, VaultError
from services.sync.domain.connection import ATTEMPT_LIFE, ConnectAttempt, OpenedAccount, link_expired
from services.sync.platforms.base import Adapter
from services.sync.store import Store
from services.sync.store.care import CHOICE_PREFIX

log = structlog.get_logger()

KEPT_FIELD = "connection_choice"

# Small pictures, for telling accounts apart. A person waits for them, so what is slow is left out, and of very many only the first have one.
PICTURE_MAX_BYTES = 64_000
PICTURES_MAX = 40
PICTURE_SECONDS = 4.0
_SIGNATURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
}


@dataclass(frozen=True)
class Offer:
    """One account to choose. `picture` is in base64; `connection_id` the connection that the account is already."""

    opened: OpenedAccount
    picture: str = ""
    connection_id: str = ""

    @property
    def picture_bytes(self) -> bytes:
        return base64.b64decode(self.picture)


_OFFERS = TypeAdapter(list[Offer])


@dataclass(frozen=True)
class Choice:
    """What somebody can choose from, until when."""

    platform: str
    offers: Sequence[Offer]
    expires_at: datetime
    expected_id: str = ""  # the connection that was to be connected again and is not among them

    def chosen(self, remote_ids: Collection[str]) -> list[Offer]:
        """Returns the offers that somebody has chosen, in the order offered. Raises `InvalidInputError`."""
        if not remote_ids:
            raise InvalidInputError.of_field("remote_ids", "Choose at least one account.", reason="NOTHING_CHOSEN")
        if not set(remote_ids) <= {offer.opened.account.remote_id for offer in self.offers}:
            raise InvalidInputError.of_field(
                "remote_ids",
                "This account is not among those that were offered. Start connecting again.",
                reason="ACCOUNT_NOT_OFFERED",
            )
        return [offer for offer in self.offers if offer.opened.account.remote_id in remote_ids]


@dataclass(frozen=True)
class Choices:
    """Dependencies of what is done here."""

    stores: OpenStore[Store]
    vault: Vault
    clock: Clock

    async def offer(
        self, platform: str, opened: Sequence[OpenedAccount], adapter: Adapter, *, owner_id: str, expected_id: str = ""
    ) -> str:
        """Keeps accounts for their owner to choose from; returns the id of the choice.

        `expected_id` is the connection that was to be connected again, if one was.
        """
        pictures = await asyncio.gather(*(_picture(adapter, each.picture_url) for each in opened[:PICTURES_MAX]))
        pictures += [b""] * (len(opened) - len(pictures))
        offers = [
            Offer(each, base64.b64encode(picture).decode()) for each, picture in zip(opened, pictures, strict=True)
        ]
        choice_id = new_id()
        kept = {"offers": _OFFERS.dump_json(offers).decode(), "expected_id": expected_id}
        attempt = ConnectAttempt(
            id=choice_id,
            owner_id=owner_id,
            platform=platform,
            state_hash=f"{CHOICE_PREFIX}{choice_id}",
            sealed=self.vault.seal(kept, user=owner_id, thing=choice_id, field=KEPT_FIELD),
            expires_at=self.clock() + ATTEMPT_LIFE,
        )
        async with self.stores() as store:
            await store.add_attempt(attempt)
            await store.commit()
        return choice_id

    async def open(self, store: Store, choice_id: str, *, owner_id: str, lock: bool = False) -> Choice:
        """Returns a choice that can be made now. Raises `NotFoundError`, also for somebody else's, and `PreconditionError`."""
        attempt = await store.attempt(choice_id, owner_id=owner_id, lock=lock) if is_id(choice_id) else None
        if attempt is None:
            raise NotFoundError("There is no such choice. Start connecting again.", reason="CHOICE_NOT_FOUND")
        attempt.check_usable(self.clock())
        try:
            kept = self.vault.open(attempt.sealed, user=owner_id, thing=attempt.id, field=KEPT_FIELD)
        except VaultError as error:
            log.error("connection_choice_not_opened", error=str(error))
            raise link_expired() from error
        offers = []
        for offer in _OFFERS.validate_json(kept["offers"]):
            known = await store.connection_by_identity(owner_id, attempt.platform, offer.opened.account)
            offers.append(replace(offer, connection_id="" if known is None else known.id))
        expected_id = kept.get("expected_id", "")
        is_among = expected_id in [offer.connection_id for offer in offers]
        return Choice(attempt.platform, offers, attempt.expires_at, "" if is_among else expected_id)


def picture_type(content: bytes) -> str:
    """Tells the media type of a picture by its first bytes; empty for what browsers shall not be given as one."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((name for signature, name in _SIGNATURES.items() if content.startswith(signature)), "")


async def _picture(adapter: Adapter, url: str) -> bytes:
    """Fetches a small picture; nothing where that does not work at once."""
    if not url:
        return b""
    try:
        answer = await adapter.api.outbound.request(
            "GET", url, timeout_seconds=PICTURE_SECONDS, max_bytes=PICTURE_MAX_BYTES
        )
    except OutboundError:
        return b""
    return answer.body if answer.is_success and picture_type(answer.body) else b""
