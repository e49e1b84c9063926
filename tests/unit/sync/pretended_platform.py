"""A platform with one account that does what platforms do, good and bad, when it is told to."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, cast

from pretended_time import PretendedLoop, SkewedClock
from target_making import NOW

from services.sync.domain import outcomes as o
from services.sync.domain.connection import Connection, Grant, RemoteAccount
from services.sync.domain.outcomes import PlatformError
from services.sync.domain.target import Seen
from services.sync.looks import Looker
from services.sync.platforms.base import Adapter, Api, AuthStart, Kind, Observation, Picture, Session
from services.sync.store import Store

ADA = RemoteAccount("1", "@ada", "https://p.test/@ada")
GREY = "80" * 48
# 64 bits of shape each, far from one another.
SHAPES = tuple(digit * 16 for digit in "0f3c5a69")
TOKEN_LIFE = timedelta(hours=2)


def shape_of(content: bytes) -> str:
    """Returns the hash of how a file looks; the files of these tests begin with it."""
    return content.split(b"|")[0].decode()


class KilledError(BaseException):
    """Ends a process as SIGKILL does: nothing of ours runs after it."""


@dataclass(frozen=True)
class Behaviour:
    """What the platform makes of one write.

    It is done after `done_seconds` and shows `shown_seconds` later, unless `never`; the answer comes after `answer_seconds`.
    """

    answer: Literal["accepted", "submitted", "review", "lost", "refused", "nobody hears it"] = "accepted"
    problem: o.Problem | None = None
    never: bool = False
    mangled: bool = False
    done_seconds: float = 0.1
    shown_seconds: float = 0.0
    answer_seconds: float = 0.2


@dataclass(frozen=True)
class Shown:
    tag: str
    shape: str
    sha256: str


@dataclass
class Write:
    """A write that changes the picture."""

    picture: Shown
    shows_at: float
    was_right: bool
    by: str


@dataclass
class Grants:
    """The only access that is good: a renewal ends the one before, and a renewal token that comes twice ends all."""

    access: int = 1
    renewal: int = 1
    is_revoked: bool = False
    is_expired: bool = False
    wrong_401s: int = 0


@dataclass
class PretendedPlatform:
    """`names_by_content` says that the picture's tag is made from the file; else each upload gets a new one."""

    loop: PretendedLoop
    names_by_content: bool
    before_write: Callable[[str], None]
    shown: Shown = Shown("first", "7" * 16 + GREY, "first")
    coming: list[Write] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    behaviours: deque[Behaviour] = field(default_factory=deque)
    look_problems: deque[o.Problem] = field(default_factory=deque)
    lose_next_renewal: bool = False
    grants: Grants = field(default_factory=Grants)
    changed_elsewhere: int = 0
    serial: int = 0
    writing: int = 0
    asked: dict[str, int] = field(default_factory=dict)

    def picture(self) -> Shown:
        """Returns what is seen now. Writes take effect in the order in which they came."""
        while self.coming and any(write.shows_at <= self.loop.now for write in self.coming):
            write = self.coming.pop(0)
            self.shown = write.picture
        return self.shown

    def change_elsewhere(self) -> None:
        self.coming.clear()
        self.changed_elsewhere += 1
        self.shown = Shown(f"elsewhere {self.changed_elsewhere}", "9" * 16 + GREY, "elsewhere")

    def check_access(self, session: Session) -> None:
        if self.grants.is_revoked or session.credentials["access"] != str(self.grants.access):
            raise PlatformError(o.AuthRevoked() if self.grants.is_revoked else o.AuthExpired())
        if self.grants.is_expired:
            raise PlatformError(o.AuthExpired())

    def grant_anew(self) -> Grant:
        """Gives access; whatever was given before has ended."""
        self.grants = Grants(self.grants.access + 1, self.grants.renewal + 1)
        expires_at = NOW + timedelta(seconds=self.loop.now) + TOKEN_LIFE
        return Grant({"access": str(self.grants.access), "renewal": str(self.grants.renewal)}, expires_at)

    def take(self, picture: Picture, behaviour: Behaviour) -> None:
        """Takes a file, an empty one for a removal; whoever sent it may be gone by the time it shows."""
        if behaviour.never:
            return
        self.serial += 1
        content_id = adapter_content_id(picture.sha256)
        tag = content_id if self.names_by_content else f"upload {self.serial}"
        shape = "6" * 16 + GREY if behaviour.mangled else shape_of(picture.content)
        if self.names_by_content and behaviour.mangled:
            tag = f"mangled {self.serial}"
        if not picture.content and not behaviour.mangled:
            tag = shape = ""
        was_right = self.picture().sha256 == picture.sha256
        shows_at = self.loop.now + behaviour.done_seconds + behaviour.shown_seconds
        write = Write(
            Shown(tag, shape, "" if behaviour.mangled else picture.sha256), shows_at, was_right, picture.sha256
        )
        self.coming.append(write)
        self.writes.append(write)


def adapter_content_id(sha256: str) -> str:
    return f"content {sha256}"


class PretendedAdapter(Adapter):
    """The adapter to it; each process has its own, with its own clock."""

    def __init__(self, platform: PretendedPlatform, pause: Callable[[], Awaitable[None]]) -> None:
        super().__init__(cast("Api", None))
        self._platform = platform
        self._pause = pause

    def content_id(self, sha256: str) -> str | None:
        return adapter_content_id(sha256) if self._platform.names_by_content else None

    async def begin_auth(self, *, callback_url: str, state: str, instance: str) -> AuthStart:
        raise NotImplementedError

    async def finish_auth(self, parameters: Mapping[str, str], *, kept: Mapping[str, str], callback_url: str) -> Any:
        raise NotImplementedError

    async def refresh(self, session: Session) -> Grant:
        platform = self._platform
        await self._pause()
        grants = platform.grants
        if session.credentials["renewal"] != str(grants.renewal):
            grants.is_revoked = True
        if grants.is_revoked:
            raise PlatformError(o.AuthRevoked())
        granted = platform.grant_anew()
        if platform.lose_next_renewal:
            platform.lose_next_renewal = False
            raise PlatformError(o.Transient("lost"))
        await self._pause()
        return granted

    async def revoke(self, session: Session) -> None:
        raise AssertionError

    async def whoami(self, session: Session) -> RemoteAccount:
        await self._pause()
        self._platform.check_access(session)
        return ADA

    async def observe(self, session: Session, slot: Kind) -> Observation:
        platform = self._platform
        await self._pause()
        await asyncio.sleep(0.05)
        if platform.look_problems:
            raise PlatformError(platform.look_problems.popleft())
        platform.check_access(session)
        tag = platform.picture().tag
        await self._pause()
        return Observation(f"https://p.test/{tag}", tag) if tag else Observation()

    async def submit(self, session: Session, slot: Kind, picture: Picture) -> o.Success:
        platform = self._platform
        platform.before_write(picture.sha256)
        platform.writing += 1
        try:
            return await self._submit(session, picture)
        finally:
            platform.writing -= 1

    async def remove(self, session: Session, slot: Kind) -> o.Success:
        return await self.submit(session, slot, Picture(b"", "", ""))

    async def _submit(self, session: Session, picture: Picture) -> o.Success:
        platform = self._platform
        await self._pause()
        if platform.grants.wrong_401s:
            platform.grants.wrong_401s -= 1
            raise PlatformError(o.AuthRevoked())
        platform.check_access(session)
        behaviour = platform.behaviours.popleft() if platform.behaviours else Behaviour()
        if behaviour.answer != "refused":
            platform.take(picture, behaviour)
        await self._pause()
        await asyncio.sleep(behaviour.answer_seconds)
        await self._pause()
        match behaviour.answer:
            case "accepted":
                return o.Accepted()
            case "submitted":
                return o.Submitted("2", 1)
            case "review":
                return o.PendingReview(60)
            case "lost":
                raise PlatformError(o.OutcomeUnknown(no_answer=True))
            case "nobody hears it":
                raise KilledError
            case "refused":
                assert behaviour.problem is not None
                raise PlatformError(behaviour.problem)

    async def check(self, session: Session, operation: str) -> o.Success:
        await self._pause()
        self._platform.check_access(session)
        left = int(operation) - 1
        return o.Submitted(str(left), 2) if left else o.Accepted()


@dataclass(frozen=True)
class PretendedLooker:
    """Looks without fetching anything: how a picture looks is known by its tag."""

    platform: PretendedPlatform
    stores: Callable[[], Store]
    clock: SkewedClock

    async def look(self, connection: Connection, adapter: Adapter, session: Session, slot: str) -> Seen:
        at = self.clock()
        shown = await adapter.observe(session, cast("Kind", slot))
        if not shown.tag:
            return await self._seen(connection, slot, Seen(at))
        pictures = {write.picture.tag: write.picture for write in self.platform.writes}
        picture = pictures.get(shown.tag)
        shape = picture.shape if picture else hashlib.sha256(shown.tag.encode()).hexdigest()[:16] + GREY
        return await self._seen(connection, slot, Seen(at, shown.url, shown.tag, shape, object_key="kept"))

    async def _seen(self, connection: Connection, slot: str, seen: Seen) -> Seen:
        async with self.stores() as store:
            await store.set_seen(connection.id, slot, seen)
            await store.commit()
        return seen

    def as_real(self) -> Looker:
        return cast("Looker", self)
