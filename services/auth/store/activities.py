"""Queries about the audit trail."""

from collections.abc import Iterator
from dataclasses import asdict

import sqlalchemy as sa
from pydantic import TypeAdapter

from servicekit.database import UnitOfWork
from servicekit.pages import PageRequest
from services.auth.domain.activity import Action, Activity
from services.auth.store.tables import activities

_ACTIVITY = TypeAdapter(Activity)


class ActivityQueries(UnitOfWork):
    async def add_activity(self, activity: Activity) -> None:
        await self.session.execute(sa.insert(activities).values(**asdict(activity)))

    async def add_activity_if(self, condition: bool, activity: Activity) -> None:
        """Adds a line or does not, with the same statement: how long it takes shall not tell strangers which."""
        values = {column: sa.bindparam(column.name, value, column.type) for column, value in _row(activity)}
        line = sa.select(*values.values()).where(sa.literal(condition))
        await self.session.execute(sa.insert(activities).from_select(list(values), line))

    async def has_signed_in(self, user_id: str) -> bool:
        """Tells whether somebody ever signed in to an account."""
        signed_in = activities.c.action.in_((Action.SIGNED_IN, Action.SIGNED_IN_NEW_DEVICE))
        query = sa.select(sa.exists().where(activities.c.user_id == user_id, signed_in))
        return bool((await self.session.execute(query)).scalar_one())

    async def activities(self, user_id: str, page: PageRequest) -> list[Activity]:
        """Returns one line more than the page has, newest first."""
        query = sa.select(activities).where(activities.c.user_id == user_id)
        if page.after is not None:
            query = query.where(activities.c.id < page.after)
        rows = await self.session.execute(query.order_by(activities.c.id.desc()).limit(page.size + 1))
        return [_ACTIVITY.validate_python(dict(row._mapping)) for row in rows]


def _row(activity: Activity) -> Iterator[tuple[sa.Column[object], object]]:
    return ((activities.c[name], value) for name, value in asdict(activity).items())
