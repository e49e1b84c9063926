"""Which stored files their owners have published. The upload service knows; its answers are kept for a short while."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from linkarooie.upload.v1 import upload_pb2
from servicekit.errors import NotFoundError
from servicekit.grpc_client import remote_errors

if TYPE_CHECKING:  # exists for type checkers only
    from linkarooie.upload.v1.upload_pb2_grpc import UploadServiceAsyncStub

# A page of pictures is asked for in a second or two. Who takes one back is heard of sooner (`forget`), as long as the bus is there.
YES_SECONDS = 30.0
# Who has just published a picture looks at it at once.
NO_SECONDS = 2.0
# A key and an answer are about 300 bytes.
REMEMBERED = 20_000
# Ours have about 200 characters. What cannot be a key is nobody's question.
_KEY = re.compile(r"[\x21-\x7e]{1,1024}")
MEDIA = "/media/"


class PublishedFiles:
    """Asks once for each file at a time, and keeps the answer."""

    def __init__(self, upload: "UploadServiceAsyncStub", *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._upload = upload
        self._monotonic = monotonic
        self._answers: OrderedDict[str, tuple[bool, float]] = OrderedDict()
        self._questions: dict[str, asyncio.Task[bool]] = {}

    async def has(self, object_key: str) -> bool:
        """Tells whether anybody may look at a file. Raises `UnavailableError` when the upload service does not answer."""
        known = self._answers.get(object_key)
        if known is not None and known[1] > self._monotonic():
            return known[0]
        if not _KEY.fullmatch(object_key):
            return False
        task = self._questions.get(object_key)
        if task is None:
            task = self._questions[object_key] = asyncio.create_task(self._ask(object_key))
            task.add_done_callback(partial(self._asked, object_key))
        return await asyncio.shield(task)

    def forget(self, paths: Iterable[str]) -> None:
        """Drops what is known of addresses that answer something else now."""
        for path in paths:
            object_key = unquote(path).removeprefix(MEDIA)
            self._answers.pop(object_key, None)
            # What is being answered at this moment may be the old state: whoever waits gets it, nobody after them.
            self._questions.pop(object_key, None)

    async def _ask(self, object_key: str) -> bool:
        try:
            with remote_errors():
                await self._upload.GetPublishedFile(upload_pb2.GetPublishedFileRequest(object_key=object_key))
        except NotFoundError:
            return False
        return True

    def _asked(self, object_key: str, task: asyncio.Task[bool]) -> None:
        if self._questions.get(object_key) is not task:
            if not task.cancelled():
                task.exception()
            return
        del self._questions[object_key]
        if task.cancelled() or task.exception() is not None:
            return
        is_published = task.result()
        self._answers[object_key] = is_published, self._monotonic() + (YES_SECONDS if is_published else NO_SECONDS)
        self._answers.move_to_end(object_key)
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
