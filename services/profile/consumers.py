"""What the profile service hears: that accounts were made."""

from collections.abc import Mapping

from google.protobuf.message import Message

from linkarooie.events.v1 import events_pb2 as events
from servicekit.consumers import Delivery, Handler
from services.profile.use_cases import Profiles


def handlers(profiles: Profiles) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event."""

    async def account_registered(delivery: Delivery) -> None:
        event: events.AccountRegistered = delivery.message
        await profiles.create(delivery, user_id=event.user_id, display_name=event.display_name)

    return {events.AccountRegistered: account_registered}
