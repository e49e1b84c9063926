"""Avatars that other people's pages show: what many ask for is kept for some seconds, and drawn once.

Beside the cache of files (`gateway.cache`), since these change under their address: what is older than a few seconds is asked for again
by its etag, and drawn anew only if it is another.
"""

import asyncio
import contextvars
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from linkarooie.upload.v1 import upload_pb2
from servicekit.errors import NotFoundError
from servicekit.grpc_client import remote_errors

# So soon everybody sees that an owner has changed something, beside what browsers keep.
KEPT_SECONDS = 5.0
# About ten thousand at the sizes that pages show.
MAX_BYTES = 32_000_000
# What an entry takes beside its bytes.
ENTRY_BYTES = 512

Ask = Callable[[upload_pb2.GetAvatarRequest], Awaitable[upload_pb2.GetAvatarResponse]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """An answer, or why there is none, and until when it is taken for the present one."""

    answer: upload_pb2.GetAvatarResponse | NotFoundError
    weight: int
    until: float


class AvatarCache:
    """Keeps answers to the questions that many ask. Who asks what somebody else is asking at the moment waits for the same answer."""

    def __init__(self, *, max_bytes: int = MAX_BYTES, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._bytes = 0
        self._questions: dict[bytes, asyncio.Task[upload_pb2.GetAvatarResponse]] = {}

    async def get(self, request: upload_pb2.GetAvatarRequest, ask: Ask) -> upload_pb2.GetAvatarResponse:
        """Returns the answer, from `ask` unless it is kept. Raises what that raises; that there is none is kept, too."""
        key = request.SerializeToString(deterministic=True)
        entry = self._entries.get(key)
        if entry is not None and entry.until > self._monotonic():
            self._entries.move_to_end(key)
            return _told(entry.answer)
        question = self._questions.get(key)
        if question is None:
            # In a context of its own: it is nobody's question alone, so it carries nobody's token, and goes on when the first one leaves.
            question = asyncio.create_task(self._ask(key, request, ask), context=contextvars.Context())
            self._questions[key] = question
            question.add_done_callback(partial(self._asked, key))
        return await asyncio.shield(question)

    async def _ask(self, key: bytes, request: upload_pb2.GetAvatarRequest, ask: Ask) -> upload_pb2.GetAvatarResponse:
        asked = upload_pb2.GetAvatarRequest()
        asked.CopyFrom(request)
        old = self._entries.get(key)
        if old is not None and not isinstance(old.answer, NotFoundError):
            asked.known_etag = old.answer.etag
        try:
            with remote_errors():
                answer = await ask(asked)
        except NotFoundError as error:
            self._keep(key, error)
            raise
        if asked.known_etag and answer.etag == asked.known_etag and old is not None:
            answer = _told(old.answer)
        self._keep(key, answer)
        return answer

    def _asked(self, key: bytes, question: "asyncio.Task[upload_pb2.GetAvatarResponse]") -> None:
        del self._questions[key]
        if not question.cancelled():
            question.exception()  # all who waited for it may be gone: it is not unheard of

    def _keep(self, key: bytes, answer: upload_pb2.GetAvatarResponse | NotFoundError) -> None:
        before = self._entries.pop(key, None)
        if before is not None:
            self._bytes -= before.weight
        size = 0 if isinstance(answer, NotFoundError) else len(answer.data)
        entry = _Entry(answer, ENTRY_BYTES + len(key) + size, self._monotonic() + KEPT_SECONDS)
        self._entries[key] = entry
        self._bytes += entry.weight
        while self._bytes > self._max_bytes:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= oldest.weight


def _told(answer: upload_pb2.GetAvatarResponse | NotFoundError) -> upload_pb2.GetAvatarResponse:
    if isinstance(answer, NotFoundError):
        # A new one each time: an error that is raised again grows by where it has been.
        raise NotFoundError(answer.message, reason=answer.reason)
    return answer
