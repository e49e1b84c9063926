"""Queries about the audit trail."""

from dataclasses import asdict

import sqlalchemy as sa
from pydantic import TypeAdapter

from servicekit.database import UnitOfWork
from servicekit.pages import PageRequest
from services.auth.domain.activity import Activity
from services.auth.store.tables import activities

_ACTIVITY = TypeAdapter(Activity)


class ActivityQueries(UnitOfWork):
    async def add_activity(self, activity: Activity) -> None:
        await self.session.execute(sa.insert(activities).values(**asdict(activity)))

    async def activities(self, user_id: str, page: PageRequest) -> list[Activity]:
        """Returns one line more than the page has, newest first."""
        query = sa.select(activities).where(activities.c.user_id == user_id)
        if page.after is not None:
            query = query.where(activities.c.id < page.after)
        rows = await self.session.execute(query.order_by(activities.c.id.desc()).limit(page.size + 1))
        return [_ACTIVITY.validate_python(dict(row._mapping)) for row in rows]
