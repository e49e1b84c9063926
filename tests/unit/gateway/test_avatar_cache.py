"""What the gateway keeps of avatars: for seconds, within its memory, and asked for once."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.avatars import ENTRY_BYTES, KEPT_SECONDS, AvatarCache
from linkarooie.upload.v1 import upload_pb2
from servicekit.errors import NotFoundError, UnavailableError
from servicekit.identity import Caller, acting_for, caller_token

Answer = upload_pb2.GetAvatarResponse
Question = upload_pb2.GetAvatarRequest


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Service:
    """Answers as the upload service does. `asked` holds the etag that came with each question."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.picture = b"first"
        self.failure: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_asked = asyncio.Event()
        self.tokens: list[str | None] = []

    async def __call__(self, question: Question) -> Answer:
        self.asked.append((question.name, question.known_etag))
        self.tokens.append(caller_token())
        self.is_asked.set()
        await self.may_answer.wait()
        if self.failure is not None:
            raise self.failure
        etag = f"etag of {self.picture.decode()}"
        return Answer(etag=etag) if question.known_etag == etag else Answer(etag=etag, data=self.picture)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Callable[[], float]) -> AvatarCache:
    return AvatarCache(monotonic=clock)


@pytest.fixture
def service() -> Service:
    return Service()


async def test_an_answer_is_kept_for_seconds_and_then_asked_for_by_its_etag(
    cache: AvatarCache, service: Service, clock: Clock
) -> None:
    first = [await cache.get(Question(name="ada"), service) for _ in range(3)]
    clock.now += KEPT_SECONDS
    same = [await cache.get(Question(name="ada"), service) for _ in range(2)]
    service.picture = b"second"
    clock.now += KEPT_SECONDS
    changed = await cache.get(Question(name="ada"), service)

    assert {answer.data for answer in (*first, *same)} == {b"first"}
    assert changed.data == b"second"
    assert service.asked == [("ada", ""), ("ada", "etag of first"), ("ada", "etag of first")]


async def test_whatever_changes_the_answer_is_another_question(cache: AvatarCache, service: Service) -> None:
    questions = (
        Question(name="ada"),
        Question(name="grace"),
        Question(name="ada", size=1),
        Question(name="ada", formats=["image/webp"]),
        Question(name="ada", fallback="retro"),
        Question(name="ada", force_fallback=True),
    )

    for question in questions * 2:
        await cache.get(question, service)

    assert len(service.asked) == len(questions)


async def test_who_asks_at_the_same_time_waits_for_one_answer_also_when_the_first_goes_away(
    cache: AvatarCache, service: Service
) -> None:
    service.may_answer.clear()
    with acting_for(Caller("ada", "session", "a token")):
        waiting = [asyncio.create_task(cache.get(Question(name="ada"), service)) for _ in range(20)]
        await service.is_asked.wait()
    waiting[0].cancel()
    service.may_answer.set()

    answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(answers[0], asyncio.CancelledError)
    assert [answer.data for answer in answers[1:] if isinstance(answer, Answer)] == [b"first"] * 19
    assert (len(service.asked), service.tokens) == (1, [None])


async def test_that_there_is_none_is_kept_as_long_and_no_longer(
    cache: AvatarCache, service: Service, clock: Clock
) -> None:
    service.failure = NotFoundError("None.", reason="AVATAR_NOT_FOUND")
    for _ in range(3):
        with pytest.raises(NotFoundError) as told:
            await cache.get(Question(name="ada"), service)
        assert (told.value.message, told.value.reason) == ("None.", "AVATAR_NOT_FOUND")
    clock.now += KEPT_SECONDS
    service.failure = None

    assert (await cache.get(Question(name="ada"), service)).data == b"first"
    assert service.asked == [("ada", ""), ("ada", "")]


async def test_a_failure_is_told_to_all_who_wait_and_kept_for_nobody(cache: AvatarCache, service: Service) -> None:
    service.failure = UnavailableError("Away.")
    failed = await asyncio.gather(*(cache.get(Question(name="ada"), service) for _ in range(3)), return_exceptions=True)
    service.failure = None

    assert [type(answer) for answer in failed] == [UnavailableError] * 3
    assert (await cache.get(Question(name="ada"), service)).data == b"first"
    assert len(service.asked) == 2


async def test_what_was_asked_for_longest_ago_makes_room(service: Service, clock: Clock) -> None:
    service.picture = bytes(10_000)
    cache = AvatarCache(max_bytes=3 * (10_000 + ENTRY_BYTES + 50), monotonic=clock)
    for name in ("a", "b", "c", "a", "d", "a", "b"):
        await cache.get(Question(name=name), service)
    service.picture = bytes(100_000)
    for _ in range(2):
        await cache.get(Question(name="too large to be kept"), service)

    assert [name for name, _ in service.asked] == ["a", "b", "c", "d", "b", *["too large to be kept"] * 2]
