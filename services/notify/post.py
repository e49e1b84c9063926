"""Hands letters to the mail server, and tells what can be tried again from what cannot."""

import asyncio
import contextlib
import re
from email.headerregistry import Address
from email.message import EmailMessage

import aiosmtplib

from services.notify.domain.letter import Letter
from services.notify.letters import one_line
from services.notify.settings import NotifySettings

# One answer of the mail server.
ANSWER_TIMEOUT_SECONDS = 20.0
# The whole conversation about one letter.
SEND_TIMEOUT_SECONDS = 60.0


# In the links of letters. Mail servers that dislike a letter may quote its links, and what they say is kept and logged.
TOKEN = re.compile(r"token=\S+", re.IGNORECASE)


class LetterRefusedError(Exception):
    """The mail server will not take this letter, however often it is offered. The message is its reason."""


class LetterDelayedError(Exception):
    """The letter did not go out, or we do not know; offer it again later. The message is why."""


class Post:
    """Sends letters by SMTP, with a connection each."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self._sender = Address("Linkarooie", addr_spec=settings.smtp_from)

    async def send(self, letter: Letter) -> None:
        """Sends one letter. Raises `LetterRefusedError` or `LetterDelayedError`."""
        try:
            message = self.compose(letter)
        except (ValueError, IndexError) as error:  # the header parser raises either for an address that is none
            raise LetterRefusedError(f"the letter cannot be addressed: {error}") from error
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                await self._converse(message)
        except ValueError as error:  # the library found an address that it cannot send
            raise LetterRefusedError(f"the letter cannot be addressed: {error}") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise LetterDelayedError(_words(error)) from error

    def compose(self, letter: Letter) -> EmailMessage:
        """Makes the message: the same one, with the same id, each time, so that a mailbox can recognise a repetition.

        Raises `ValueError` or `IndexError` for an address that is none.
        """
        message = EmailMessage()
        message["Message-ID"] = f"<{letter.id}@{self._sender.domain}>"
        message["Date"] = letter.created_at
        message["From"] = self._sender
        message["To"] = Address(one_line(letter.name), addr_spec=letter.address)
        message["Subject"] = one_line(letter.subject)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        return message

    async def _converse(self, message: EmailMessage) -> None:
        settings = self._settings
        password = settings.smtp_password
        server = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            use_tls=settings.mail_security == "tls",
            start_tls=settings.mail_security == "starttls",
            username=settings.smtp_username,
            password=None if password is None else password.get_secret_value(),
            local_hostname=self._sender.domain,  # else the library asks the name server for ours, and blocks
            timeout=ANSWER_TIMEOUT_SECONDS,
        )
        # Whatever goes wrong up to here is about the server or our account there, never about the letter.
        await server.connect()
        try:
            await server.send_message(message)
        except (aiosmtplib.SMTPDataError, aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPNotSupported) as error:
            if _is_final(error):
                raise LetterRefusedError(_words(error)) from error
            raise
        finally:
            # The letter is out or not; how the farewell goes changes nothing.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await server.quit()


def _is_final(error: aiosmtplib.SMTPException) -> bool:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(refusal.code >= 500 for refusal in error.recipients)
    return error.code >= 500 if isinstance(error, aiosmtplib.SMTPResponseException) else True


def _words(error: BaseException) -> str:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return "; ".join(_words(refusal) for refusal in error.recipients)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return TOKEN.sub("token=…", one_line(f"{error.code} {error.message}"))
    return one_line(str(error)) or type(error).__name__
