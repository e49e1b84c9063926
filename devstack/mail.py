"""Catches every letter that Linkarooie sends, and shows them on a small web page."""

import asyncio
import errno
import secrets
import socket
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import uvicorn
from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as SmtpEnvelope
from aiosmtpd.smtp import Session as SmtpSession

from devstack.errors import PortInUseError
from devstack.folder import DataFolder
from devstack.letters import Envelope, LetterBox
from devstack.mail_pages import make_app
from devstack.ports import who_listens_on
from servicekit.ports import LOOPBACK, listen_on

# Larger than any letter that Linkarooie sends; the catcher is no place for attachments.
MAX_LETTER_BYTES = 10 * 1024 * 1024


class MailCatcher:
    """An SMTP server that delivers nothing, and its web page; both run in this process."""

    def __init__(self, folder: DataFolder, *, web_port: int | None) -> None:
        self.smtp_port = folder.port("smtp")
        self.web_port = web_port if web_port is not None else folder.port("mail")
        self._box = LetterBox(folder.path / "mail")
        self._smtp: asyncio.Server | None = None
        self._conversations: weakref.WeakSet[asyncio.BaseProtocol] = weakref.WeakSet()
        self._web: _WebServer | None = None
        self._web_task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Returns the address of the web page."""
        return f"http://{LOOPBACK}:{self.web_port}"

    async def start(self) -> None:
        """Starts both servers; raises PortInUseError when the web page's port is taken."""
        sock = await _listen(self.smtp_port, "SMTP", "Start again: another port will be found.")
        self._smtp = await asyncio.get_running_loop().create_server(self._converse, sock=sock)
        remedy = "Stop that program, or set LINKAROOIE_MAIL_PORT to another port."
        sock = await _listen(self.web_port, "the caught mail", remedy)
        config = uvicorn.Config(
            make_app(self._box), log_config=None, access_log=False, lifespan="off", ws="none", http="h11"
        )
        # A browser may keep its connection open; it need not be waited for.
        config.timeout_graceful_shutdown = 1
        self._web = _WebServer(config)
        self._web_task = asyncio.create_task(self._web.serve(sockets=[sock]))

    async def stop(self) -> None:
        """Stops both servers and ends their connections; the letters stay."""
        if self._smtp is not None:
            self._smtp.close()
            for conversation in list(self._conversations):
                # aiosmtpd sets it once connected and clears it at the end.
                if (transport := getattr(conversation, "transport", None)) is not None:
                    transport.abort()
            self._smtp = None
        if self._web is not None and self._web_task is not None:
            self._web.should_exit = True
            await self._web_task
            self._web = self._web_task = None

    def _converse(self) -> asyncio.BaseProtocol:
        smtp: asyncio.BaseProtocol = SMTP(
            _Handler(self._box, lambda: datetime.now(UTC), lambda: secrets.token_hex(4)),
            hostname="localhost",
            ident="Linkarooie mail catcher",
            enable_SMTPUTF8=True,
            data_size_limit=MAX_LETTER_BYTES,
            loop=asyncio.get_running_loop(),
        )
        self._conversations.add(smtp)
        return smtp


async def _listen(port: int, purpose: str, remedy: str) -> socket.socket:
    try:
        return listen_on(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        holder = await asyncio.to_thread(who_listens_on, port)
        raise PortInUseError(port, purpose, holder, remedy) from error


class _Handler:
    """Answers aiosmtpd's calls; the method name is the library's."""

    def __init__(self, box: LetterBox, now: Callable[[], datetime], make_unique: Callable[[], str]) -> None:
        self._box = box
        self._now = now
        self._make_unique = make_unique

    async def handle_DATA(self, _server: SMTP, _session: SmtpSession, envelope: SmtpEnvelope) -> str:  # noqa: N802
        kept = Envelope(sender=envelope.mail_from or "", recipients=tuple(envelope.rcpt_tos), received_at=self._now())
        content = envelope.original_content or b""
        try:
            await asyncio.to_thread(self._box.save, content, kept, self._make_unique())
        except OSError as error:
            return f"452 4.3.1 The letter could not be kept: {error.strerror}"
        return "250 2.0.0 Caught"


class _WebServer(uvicorn.Server):
    """Leaves the signals of the process alone: they are the stack's owner's."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
