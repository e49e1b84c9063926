"""Tables and queries of the notify service."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from servicekit.database import UnitOfWork, inbox_table, outbox_table
from servicekit.pages import PageRequest
from services.notify.domain.letter import Letter, LetterState, Recipient
from services.notify.domain.news import News, Notice, NoticeLevel

metadata = sa.MetaData()

recipients = sa.Table(
    "recipients",
    metadata,
    sa.Column("user_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    # A default for replicas of the release before, which run beside us while we are rolled out.
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("thing_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("action_path", sa.Text, nullable=False),
    sa.Column("action_label", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("read_at", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("thing_id", "version", "kind", name="notices_cause"),
    sa.Index("notices_of_owner", "owner_id", "id"),
)
sa.Index("notices_unread", notices.c.owner_id, postgresql_where=notices.c.read_at.is_(None))

letters = sa.Table(
    "letters",
    metadata,
    sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("sent_at", sa.DateTime(timezone=True)),
    sa.Column("failure", sa.Text, nullable=False),
    # When the secret in its link expires; text and html are emptied as soon as such a letter is done with.
    sa.Column("secret_until", sa.DateTime(timezone=True)),
)
sa.Index("letters_due", letters.c.next_attempt_at, postgresql_where=letters.c.state == sa.literal_column("'pending'"))

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)


class Store(UnitOfWork):
    """The unit of work of the notify service."""

    outbox = outbox
    inbox = inbox

    async def add_recipient(self, recipient: Recipient) -> bool:
        """Takes somebody in. False when they are known."""
        statement = insert(recipients).values(**asdict(recipient)).on_conflict_do_nothing()
        return (await self.session.execute(statement.returning(recipients.c.user_id))).first() is not None

    async def change_recipient(self, recipient: Recipient) -> None:
        changed = sa.update(recipients).where(recipients.c.user_id == recipient.user_id)
        await self.session.execute(changed.values(**asdict(recipient)))

    async def recipient(self, user_id: str) -> Recipient | None:
        """Returns whom to write to, locked, so that news for one person are taken in one after the other."""
        query = sa.select(recipients).where(recipients.c.user_id == user_id).with_for_update()
        row = (await self.session.execute(query)).first()
        return None if row is None else Recipient(**row._mapping)

    async def is_overtaken(self, news: News) -> bool:
        """Tells whether something newer was said about the same thing."""
        query = sa.select(notices.c.id).where(notices.c.thing_id == news.thing_id, notices.c.version > news.version)
        return (await self.session.execute(query.limit(1))).first() is not None

    async def add_notice(self, notice: Notice) -> bool:
        """Adds a notice. False when there is one of the same cause."""
        statement = insert(notices).values(**asdict(notice)).on_conflict_do_nothing(constraint="notices_cause")
        return (await self.session.execute(statement.returning(notices.c.id))).first() is not None

    async def notices_of(self, owner_id: str, page: PageRequest) -> list[Notice]:
        """Returns somebody's notices, newest first: one more than the page holds, if there are that many."""
        query = sa.select(notices).where(notices.c.owner_id == owner_id).order_by(notices.c.id.desc())
        if page.after is not None:
            query = query.where(notices.c.id < page.after)
        return [_notice(row) for row in await self.session.execute(query.limit(page.size + 1))]

    async def unread_count(self, owner_id: str) -> int:
        query = sa.select(sa.func.count()).where(notices.c.owner_id == owner_id, notices.c.read_at.is_(None))
        return (await self.session.execute(query)).scalar_one()

    async def mark_read(self, owner_id: str, ids: Sequence[str] | None) -> None:
        """Marks somebody's unread notices as read: those with the ids, or all for None."""
        statement = sa.update(notices).where(notices.c.owner_id == owner_id, notices.c.read_at.is_(None))
        if ids is not None:
            statement = statement.where(notices.c.id.in_(ids))
        await self.session.execute(statement.values(read_at=self.clock()))

    async def add_letter(self, letter: Letter) -> None:
        """Adds a letter, unless there is one with its id."""
        await self.session.execute(insert(letters).values(**asdict(letter)).on_conflict_do_nothing())

    async def claim_letters(self, limit: int, *, lease: timedelta) -> list[Letter]:
        """Takes letters that are due and that nobody holds, for the time of the lease."""
        now = self.clock()
        due = (
            sa.select(letters.c.id)
            .where(letters.c.state == LetterState.PENDING, letters.c.next_attempt_at <= now)
            .order_by(letters.c.next_attempt_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        claim = (
            sa.update(letters)
            .where(letters.c.id == due.c.id)
            .values(next_attempt_at=now + lease, attempts=letters.c.attempts + 1)
            .returning(*letters.c)
        )
        return [_letter(row) for row in await self.session.execute(claim)]

    async def change_letter(self, letter: Letter, **values: Any) -> None:  # columns of `letters`
        """Writes what became of a claimed letter, unless somebody else has claimed it since."""
        mine = (letters.c.id == letter.id, letters.c.attempts == letter.attempts)
        await self.session.execute(sa.update(letters).where(*mine).values(**values))

    async def forget_letters(self, *, before: datetime) -> None:
        """Removes letters that were done with before a time."""
        done = (letters.c.state != LetterState.PENDING, letters.c.created_at < before)
        await self.session.execute(sa.delete(letters).where(*done))


def _notice(row: sa.Row[Any]) -> Notice:  # a row of `notices`
    values = dict(row._mapping)
    return Notice(**{**values, "level": NoticeLevel(values["level"])})


def _letter(row: sa.Row[Any]) -> Letter:  # a row of `letters`
    values = dict(row._mapping)
    return Letter(**{**values, "state": LetterState(values["state"])})
