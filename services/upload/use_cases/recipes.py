"""Which recipes pictures are made by."""

from dataclasses import dataclass
from datetime import datetime

from servicekit.consumers import Delivery
from servicekit.database import OpenStore
from services.upload.store import Store


@dataclass(frozen=True)
class Recipes:
    """Dependencies of the use case."""

    stores: OpenStore[Store]

    async def take(self, delivery: Delivery, *, fingerprint: str, told_at: datetime) -> None:
        """Notes the recipes in force: pictures made by others are brought up to date by the sweeper."""
        async with self.stores() as store:
            if not await store.first_delivery(delivery.consumer, delivery.message_id):
                return
            await store.set_recipes(fingerprint, told_at)
            await store.commit()
