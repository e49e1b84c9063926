"""What the notify service does, one function a use case."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from linkarooie.notify.v1 import notify_pb2
from servicekit.consumers import Delivery
from servicekit.database import OpenStore
from servicekit.errors import InvalidInputError
from servicekit.ids import Clock, is_id, new_id
from servicekit.pages import Page, PageRequest, page_of
from services.notify.domain.letter import Letter, LetterText, Recipient
from services.notify.domain.news import News, Notice, welcome
from services.notify.letters import Typesetter
from services.notify.live import LivePages
from services.notify.store import Store

MAX_IDS = 500


class RecipientUnknownError(Exception):
    """News came before the account that it is for. Events keep no order, so the message is to be handled again later."""


@dataclass(frozen=True)
class Notifier:
    """Dependencies of the use cases. `ring_post` is called when a new letter is there."""

    stores: OpenStore[Store]
    typesetter: Typesetter
    pages: LivePages
    ring_post: Callable[[], None]
    clock: Clock

    async def take_account(self, delivery: Delivery, recipient: Recipient) -> None:
        """Remembers whom to write to, and greets them."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            is_new = await store.add_recipient(recipient)
            if is_new:
                await store.add_letter(self._letter("account.registered", welcome(), recipient))
            await store.commit()
        if is_new:
            self.ring_post()

    async def take_change(self, delivery: Delivery, recipient: Recipient) -> None:
        """Remembers an account's new address or name, unless a newer one is known.

        Raises `RecipientUnknownError` when the account itself has not been heard of yet.
        """
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            known = await store.recipient(recipient.user_id)
            if known is None:
                raise RecipientUnknownError(f"no account {recipient.user_id} yet")
            if recipient.version > known.version:
                await store.change_recipient(recipient)
            await store.commit()

    async def write(self, delivery: Delivery, kind: str, content: LetterText, *, letter_id: str, to: Recipient) -> None:
        """Writes a letter that was asked for, once, to an address that need not belong to an account."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            await store.add_letter(self._letter(kind, content, to, letter_id=letter_id))
            await store.commit()
        self.ring_post()

    async def show(self, owner_id: str, update: notify_pb2.LiveUpdate) -> None:
        """Lets open pages know that something changed."""
        await self.pages.tell(owner_id, update)

    async def tell(self, delivery: Delivery, news: News, *, owner_id: str, to: Recipient | None = None) -> None:
        """Tells a person something: a notice, a letter where the news has one, and a word to their open pages.

        The letter goes to the account's address, or `to` another that is given. What was said before, or was overtaken by
        something newer, is left unsaid. Raises `RecipientUnknownError` when there is a letter to write and nobody to
        write it to yet.
        """
        notice_id = await self._record(delivery, news, owner_id, to)
        if notice_id is None:
            return
        if news.letter is not None:
            self.ring_post()
        update = notify_pb2.LiveUpdate(kind="notice", id=notice_id, event_id=delivery.message_id)
        await self.pages.tell(owner_id, update)

    async def _record(self, delivery: Delivery, news: News, owner_id: str, to: Recipient | None) -> str | None:
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return None
            recipient = to or await store.recipient(owner_id)
            if recipient is None and news.letter is not None:
                raise RecipientUnknownError(f"no account {owner_id} yet")
            notice = self._notice(news, owner_id)
            said = not await store.is_overtaken(news) and await store.add_notice(notice)
            if said and recipient is not None and news.letter is not None:
                await store.add_letter(self._letter(news.kind, news.letter, recipient))
            await store.commit()
            return notice.id if said else None

    def _notice(self, news: News, owner_id: str) -> Notice:
        return Notice(
            id=new_id(),
            owner_id=owner_id,
            kind=news.kind,
            thing_id=news.thing_id,
            version=news.version,
            level=news.level,
            title=news.title,
            body=news.body,
            action_path=news.action_path,
            action_label=news.action_label,
            created_at=self.clock(),
        )

    def _letter(self, kind: str, content: LetterText, recipient: Recipient, *, letter_id: str | None = None) -> Letter:
        typeset = self.typesetter.typeset(content, name=recipient.name)
        now = self.clock()
        return Letter(
            id=letter_id or new_id(),
            owner_id=recipient.user_id,
            kind=kind,
            address=recipient.email,
            name=recipient.name,
            subject=typeset.subject,
            text=typeset.text,
            html=typeset.html,
            created_at=now,
            next_attempt_at=now,
            secret_until=content.secret_until,
        )

    async def page(self, page: PageRequest, *, owner_id: str) -> tuple[Page[Notice], int]:
        """Returns a page of the owner's notices, newest first, and how many are unread in all."""
        async with self.stores() as store:
            found = await store.notices_of(owner_id, page)
            return page_of(page, found), await store.unread_count(owner_id)

    async def mark_read(self, ids: Sequence[str], *, owner_id: str) -> int:
        """Marks the owner's notices as read, all of them for no ids, and returns how many are unread now.

        Raises `InvalidInputError` for too many ids.
        """
        if len(ids) > MAX_IDS:
            raise InvalidInputError.of_field(
                "ids", f"At most {MAX_IDS} notices can be marked at once; leave the list empty to mark all."
            )
        async with self.stores() as store:
            await store.mark_read(owner_id, [one for one in ids if is_id(one)] if ids else None)
            unread = await store.unread_count(owner_id)
            await store.commit()
        return unread
