"""The loop that sends what waits in `letters`. Every replica runs one; they share the work by leases."""

import asyncio
import contextlib
import random
from datetime import timedelta

import structlog

from servicekit import metrics
from servicekit.database import OpenStore
from servicekit.ids import Clock
from services.notify.domain.letter import Letter, LetterState, next_attempt
from services.notify.post import LetterDelayedError, LetterRefusedError, Post
from services.notify.store import Store

log = structlog.get_logger()

# Letters at once, a connection each: mail servers commonly allow ten from one client.
BATCH = 5
# Longer than `post.SEND_TIMEOUT_SECONDS`, so that nobody else takes a letter that is on its way.
LEASE = timedelta(minutes=2)
# A commit in this process rings at once; this finds letters whose time has come, and those of a replica that died.
POLL_SECONDS = 2.0


class LetterSender:
    """A part of the service's `App`."""

    def __init__(self, stores: OpenStore[Store], post: Post, *, clock: Clock) -> None:
        self._stores = stores
        self._post = post
        self._clock = clock
        self._ring = asyncio.Event()

    def ring(self) -> None:
        """Says that there is a new letter."""
        self._ring.set()

    async def start(self) -> None:
        self._stopping = False
        self._task = asyncio.create_task(self._send_for_ever(), name="letter sender")

    async def stop(self) -> None:
        """Ends at once; what was on its way is tried again when its lease ends, with the same message id."""
        self._stopping = True  # a library may lose the cancellation, as Python's own `wait_for` did before 3.12
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _send_for_ever(self) -> None:
        while not self._stopping:
            # Cleared before the query: a letter written during it rings again instead of being lost.
            self._ring.clear()
            try:
                while await self.send_batch() == BATCH:
                    pass
            except Exception:
                # Whatever it was, the letters are still there and their leases end.
                metrics.LOOP_FAILURES.labels("letters").inc()
                log.exception("letter_round_failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._ring.wait()

    async def send_batch(self) -> int:
        """Sends up to `BATCH` letters that are due, and returns how many it tried."""
        async with self._stores() as store:
            claimed = await store.claim_letters(BATCH, lease=LEASE)
            await store.commit()
        # Outside of any transaction: a mail server may take its time.
        await asyncio.gather(*(self._send(letter) for letter in claimed))
        return len(claimed)

    async def _send(self, letter: Letter) -> None:
        if letter.is_expired(now=self._clock()):
            log.error("letter_expired", letter_id=letter.id, kind=letter.kind, attempt=letter.attempts)
            await self._finish(letter, LetterState.EXPIRED)
            return
        try:
            await self._post.send(letter)
        except LetterRefusedError as refusal:
            await self._refuse(letter, str(refusal))
        except LetterDelayedError as delay:
            now = self._clock()
            again_at = next_attempt(letter, now=now, jitter=random.uniform)
            if again_at is None:
                await self._refuse(letter, f"given up after {letter.attempts} attempts: {delay}")
                return
            log.warning("letter_delayed", letter_id=letter.id, attempt=letter.attempts, error=str(delay))
            await self._note(letter, next_attempt_at=again_at, failure=str(delay))
        else:
            await self._finish(letter, LetterState.SENT, sent_at=self._clock(), failure="")
            log.info("letter_sent", letter_id=letter.id, kind=letter.kind, attempt=letter.attempts)

    async def _refuse(self, letter: Letter, reason: str) -> None:
        log.error("letter_refused", letter_id=letter.id, kind=letter.kind, reason=reason)
        await self._finish(letter, LetterState.REFUSED, failure=reason)

    async def _finish(self, letter: Letter, state: LetterState, **values: object) -> None:
        """Notes that a letter is done with, and forgets what it said if there was a secret in it."""
        wiped = {} if letter.secret_until is None else {"text": "", "html": ""}
        await self._note(letter, state=state, **wiped, **values)

    async def _note(self, letter: Letter, **values: object) -> None:
        async with self._stores() as store:
            await store.change_letter(letter, **values)
            await store.commit()
