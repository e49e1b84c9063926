"""Messages that were laid aside: to look at, to put back where they came from, to drop."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError, ServerError
from nats.js.errors import NotFoundError as NothingFoundError

from servicekit.bus import Bus
from servicekit.errors import NotFoundError, PreconditionError, UnavailableError
from servicekit.subjects import dead_letter
from servicekit.topology import DEAD_LETTERS

_PREFIX = dead_letter("")
_READ_TIMEOUT_SECONDS = 10
# Beside the envelope, in the headers of a message that was laid aside (see `consumers`).
_CONSUMER, _REASON, _FAILED_AT = "linkarooie-consumer", "linkarooie-reason", "linkarooie-failed-at"


@dataclass(frozen=True)
class DeadLetter:
    """A message that a consumer laid aside. `id` is its place among the dead letters."""

    id: int
    headers: dict[str, str]
    # Where it came from, such as `evt.image.uploaded.v1`.
    subject: str
    content: bytes

    @property
    def failed_at(self) -> datetime | None:
        """When it was laid aside; None where nobody noted that."""
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(self.headers.get(_FAILED_AT, ""))
        return None

    @property
    def consumer(self) -> str:
        return self.headers.get(_CONSUMER, "")

    @property
    def reason(self) -> str:
        return self.headers.get(_REASON, "")

    @property
    def owner_id(self) -> str:
        return self.headers.get("ce-subject", "")

    @property
    def kind(self) -> str:
        """The full name of the message's type."""
        return self.headers.get("ce-type", "")

    def fields(self) -> dict[str, Any] | None:
        """Returns what the message says; None when its type is not known here, or when it is no such message.

        The module of the type's contract must have been imported.
        """
        try:
            found = descriptor_pool.Default().FindMessageTypeByName(self.kind)
            message = message_factory.GetMessageClass(found)()
            message.ParseFromString(self.content)
        except (KeyError, DecodeError):
            return None
        return MessageToDict(message, preserving_proto_field_name=True)


class DeadLetters:
    """The dead letters of the bus. Every method raises `UnavailableError` when the bus does not answer."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def all(self, *, consumer: str | None = None) -> list[DeadLetter]:
        """Returns the dead letters, oldest first; of one consumer, or of all."""
        async with _told():
            # Asked first: a reader of an empty stream would wait for its first message.
            state = (await self._bus.jetstream.stream_info(DEAD_LETTERS)).state
            if not state.messages:
                return []
            reader = await self._bus.jetstream.subscribe(
                f"{_PREFIX}>", stream=DEAD_LETTERS, ordered_consumer=True, config=ConsumerConfig()
            )
            letters: list[DeadLetter] = []
            try:
                more = True
                while more:
                    raw = await reader.next_msg(timeout=_READ_TIMEOUT_SECONDS)
                    where = raw.metadata
                    letters.append(_letter(where.sequence.stream, raw.headers, raw.subject, raw.data))
                    more = where.num_pending > 0
            finally:
                await reader.unsubscribe()
        return [letter for letter in letters if consumer is None or letter.consumer == consumer]

    async def get(self, id: int) -> DeadLetter:
        """Returns one dead letter. Raises `NotFoundError`."""
        async with _told(id):
            found = await self._bus.jetstream.get_msg(DEAD_LETTERS, seq=id)
        return _letter(id, found.headers, found.subject or "", found.data or b"")

    async def replay(self, letter: DeadLetter) -> None:
        """Puts a message back to its subject, then takes it from the dead letters.

        Everybody who hears the subject gets it, with the id that it always had: those who handled it know it from their inbox,
        which is committed with the work and so holds nothing for the one who failed.
        """
        ours = {_CONSUMER, _REASON, _FAILED_AT}
        headers = {name: value for name, value in letter.headers.items() if name not in ours}
        # Another id for the bus, which would drop one that it knows; the same each time this letter is replayed, so that a
        # replay with an unknown outcome can be done again.
        headers["Nats-Msg-Id"] = f"replay-{letter.id}-{letter.headers.get(_FAILED_AT, '')}"
        async with _told():
            await self._bus.jetstream.publish(letter.subject, letter.content, headers=headers)
        # Somebody else may have replayed it at the same time.
        with contextlib.suppress(NotFoundError):
            await self.drop(letter.id)

    async def drop(self, id: int) -> None:
        """Takes a message from the dead letters for good. Raises `NotFoundError`."""
        async with _told(id):
            try:
                await self._bus.jetstream.delete_msg(DEAD_LETTERS, id)
            except ServerError:
                # What the server says of a message that is not there, too: asking for it tells which it is.
                await self._bus.jetstream.get_msg(DEAD_LETTERS, seq=id)
                raise


def _letter(id: int, headers: dict[str, str] | None, subject: str, content: bytes) -> DeadLetter:
    return DeadLetter(id, dict(headers or {}), subject.removeprefix(_PREFIX), content)


@contextlib.asynccontextmanager
async def _told(id: int | None = None) -> AsyncIterator[None]:
    """Turns what nats-py raises into words. `id` is the letter that was asked for."""
    try:
        yield
    except NothingFoundError as error:
        # The one of a message that is not there has 10037; the one of a stream, 10059.
        if id is not None and error.err_code != 10059:
            raise _not_there(id) from error
        raise PreconditionError(
            "The message bus has no stream of dead letters yet. Run `linkarooie migrate` first.", reason="NOT_MIGRATED"
        ) from error
    except (TimeoutError, NatsError) as error:
        raise UnavailableError(
            f"The message bus (LINKAROOIE_NATS_URL) did not do it: {_words(error)}. Nothing was lost; try again.",
            retry_after_seconds=5,
        ) from error


def _not_there(id: int) -> NotFoundError:
    return NotFoundError(
        f"There is no dead letter {id}. `linkarooie admin dead-letters` lists those there are.",
        reason="DEAD_LETTER_NOT_FOUND",
    )


def _words(error: Exception) -> str:
    if isinstance(error, APIError) and error.description:
        return error.description
    return str(error).removeprefix("nats: ") or type(error).__name__
