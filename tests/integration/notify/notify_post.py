"""A mail server that answers what the test says, and a clock to wait for it faster."""

import asyncio
import email
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from linkarooie.processes import free_port
from servicekit.ids import utc_now


class MailServer:
    """Answers what the test says, and keeps what it took."""

    def __init__(self) -> None:
        self.port = free_port()
        self.to_recipient = "250 OK"
        self.to_content = "250 OK"
        self.hangs_up = False
        self.seen: list[str] = []

    async def handle_RCPT(  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.seen.append(str(email.message_from_bytes(envelope.content)["Message-ID"]))
        if self.hangs_up:
            server.transport.abort()
        return self.to_content

    def times_seen(self, letter: Any) -> int:
        """How often the content of a letter came; other tests may have left letters behind."""
        return self.seen.count(f"<{letter.id}@linkarooie.test>")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: SMTP(self, hostname="localhost"), "127.0.0.1", self.port)
        try:
            yield
        finally:
            listening.close()


class ForwardClock:
    """The time, and a way to let it pass faster."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self._ahead

    def advance(self, by: timedelta) -> None:
        self._ahead += by


RunWith = Callable[..., AbstractAsyncContextManager[ForwardClock]]
