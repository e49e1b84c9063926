"""Somebody who gets notices and letters, and ways to look at what they got."""

import asyncio
import json
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.notify.v1 import notify_pb2
from servicekit.bus import Bus
from servicekit.grpc_client import remote_errors
from servicekit.identity import Caller
from servicekit.ids import new_id


@dataclass(frozen=True)
class Person:
    """Somebody new, with what the test needs to act for them."""

    id: str
    email: str
    bus: Bus
    mail_url: str
    caller: Caller

    async def hears(self, event: Message, *, event_id: str | None = None) -> None:
        await self.bus.publish_fact(event, event_id=event_id or new_id(), source="test", owner_id=self.id)

    async def registers(self) -> None:
        await self.hears(events.AccountRegistered(user_id=self.id, email=self.email, display_name="Ann"))

    async def letters(self) -> list[dict[str, str]]:
        """What the mail catcher has for them, oldest first."""
        address = f"{self.mail_url}/api/letters?to={urllib.parse.quote(self.email)}"

        def fetch() -> list[dict[str, str]]:
            with urllib.request.urlopen(address) as answer:
                found: list[dict[str, str]] = json.load(answer)
                return found[::-1]

        return await asyncio.to_thread(fetch)

    async def subjects(self) -> list[str]:
        return sorted(letter["subject"] for letter in await self.letters())


async def list_notices(notify: Any, **request: Any) -> notify_pb2.ListNoticesResponse:
    with remote_errors():
        answer: notify_pb2.ListNoticesResponse = await notify.ListNotices(notify_pb2.ListNoticesRequest(**request))
    return answer


async def titles(notify: Any) -> list[str]:
    return [notice.title for notice in (await list_notices(notify)).notices]


async def has(read: Callable[[], Any], value: str) -> bool:
    return value in await read()


async def equal(read: Callable[[], Any], value: object) -> bool:
    return bool(await read() == value)
