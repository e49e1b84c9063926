"""What programs show after `Authorization: Bearer`: an access token, or an API key that the auth service exchanges for one."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from linkarooie.auth.v1 import auth_pb2
from servicekit.errors import UnauthenticatedError
from servicekit.grpc_client import remote_errors
from servicekit.identity import Caller, TokenVerifier
from servicekit.ids import Clock
from servicekit.protobuf import moment

if TYPE_CHECKING:  # exists for type checkers only
    from linkarooie.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub

API_KEY_PREFIX = "lnk_"
# A key that is revoked or ends is told apart by its token; this only bounds how seldom its use is noted.
KEPT_SECONDS = 60.0
# Long enough to spare the auth service a program that tries a wrong key in a loop.
REFUSAL_KEPT_SECONDS = 5.0
# A token is about 600 bytes.
KEPT_KEYS = 4096


@dataclass(frozen=True)
class _Answer:
    """What the auth service said of a key, and until when it is worth remembering: a token, or why there is none."""

    until: float
    token: str = ""
    refusal: UnauthenticatedError | None = None


class Credentials:
    """Finds out who is behind a bearer credential."""

    def __init__(
        self,
        auth: "AuthServiceAsyncStub",
        verifier: TokenVerifier,
        *,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._auth = auth
        self._verifier = verifier
        self._clock = clock
        self._monotonic = monotonic
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[_Answer]] = {}

    async def caller_of(self, credential: str) -> Caller:
        """Returns who calls. Raises `UnauthenticatedError` that says why nobody does, and `UnavailableError`."""
        if not credential.startswith(API_KEY_PREFIX):
            return await self._verifier.verify(credential)
        token = await self._exchanged(credential)
        try:
            return await self._verifier.verify(token)
        except UnauthenticatedError:
            # What was remembered may be refused for a reason of our own, such as a signing key that was thrown away; and if
            # the key is revoked, the auth service says that better.
            self._forget(credential, token)
        return await self._verifier.verify(await self._exchanged(credential))

    async def _exchanged(self, api_key: str) -> str:
        """Returns an access token for a key, asking once however many wait for it."""
        digest = _digest(api_key)
        answer = self._answers.get(digest)
        if answer is None or answer.until <= self._monotonic():
            # Who began it may go away; the others still wait.
            answer = await asyncio.shield(self._asked(digest, api_key))
        else:
            self._answers.move_to_end(digest)
        if answer.refusal is not None:
            raise UnauthenticatedError(answer.refusal.message, reason=answer.refusal.reason)
        return answer.token

    def _asked(self, digest: bytes, api_key: str) -> "asyncio.Task[_Answer]":
        """Returns the question that is on its way already, or a new one."""
        present = self._asking.get(digest)
        if present is not None:
            return present

        def answered(task: "asyncio.Task[_Answer]") -> None:
            del self._asking[digest]
            if not task.cancelled():
                task.exception()  # whoever waits is told; nobody may be left

        asking = self._asking[digest] = asyncio.create_task(self._ask(digest, api_key))
        asking.add_done_callback(answered)
        return asking

    async def _ask(self, digest: bytes, api_key: str) -> _Answer:
        try:
            with remote_errors():
                exchanged = await self._auth.ExchangeApiKey(auth_pb2.ExchangeApiKeyRequest(api_key=api_key))
        except UnauthenticatedError as refusal:
            answer = _Answer(self._monotonic() + REFUSAL_KEPT_SECONDS, refusal=refusal)
        else:
            left = (moment(exchanged.access_expire_time) - self._clock()).total_seconds()
            answer = _Answer(self._monotonic() + min(KEPT_SECONDS, left), token=exchanged.access_token)
        self._answers[digest] = answer
        self._answers.move_to_end(digest)
        while len(self._answers) > KEPT_KEYS:
            self._answers.popitem(last=False)
        return answer

    def _forget(self, api_key: str, token: str) -> None:
        """Forgets the token of a key, unless there is another one by now."""
        digest = _digest(api_key)
        answer = self._answers.get(digest)
        if answer is not None and answer.token == token:
            del self._answers[digest]


def _digest(api_key: str) -> bytes:
    return hashlib.sha256(api_key.encode()).digest()
