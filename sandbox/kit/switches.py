"""The switches by which a person or a test makes a stand-in misbehave."""

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from sandbox.kit.pictures import Format

Access = Literal["read", "write", "auth"]


class Switches(BaseModel):
    """How one stand-in behaves. Each widens `fail` and adds its own by subclassing.

    The defaults are healthy. `times` counts requests that were struck by `fail` or one of `STRIKES`; after the last one
    these are off again. What `ONCE` names is done at once and not kept.
    """

    model_config = ConfigDict(extra="forbid")

    STRIKES: ClassVar[tuple[str, ...]] = ()
    ONCE: ClassVar[tuple[str, ...]] = ()

    fail: str | None = Field(default=None, description="Answer API calls with this failure")
    only: Access | None = Field(default=None, description="Only such calls fail: reads, writes or sign-in")
    times: int | None = Field(
        default=None, ge=1, le=10_000, description="Strike this many times, then behave (empty: always)"
    )


class PictureSwitches(Switches):
    """How a platform with pictures and rate limits behaves."""

    STRIKES: ClassVar[tuple[str, ...]] = ("silent_reject", "lose_answer", "hold_answer")
    ONCE: ClassVar[tuple[str, ...]] = ("expire_tokens", "revoke_tokens")

    retry_after_seconds: float = Field(default=10, ge=0, le=86_400, description="Seconds until a 429's window resets")
    slow_seconds: float = Field(default=0, ge=0, le=3_600, description="Seconds until an accepted picture shows")
    silent_reject: bool = Field(default=False, description="Answer success, but never change the picture")
    lose_answer: bool = Field(
        default=False, description="Change the picture, then drop the connection without an answer"
    )
    hold_answer: bool = Field(default=False, description="Change the picture, then stay silent until the caller leaves")
    max_bytes: int | None = Field(default=None, ge=1, description="Refuse larger files than this (empty: as ever)")
    refuse_format: Literal["JPEG", "PNG"] | None = Field(default=None, description="Refuse files of this format")
    enforce_limits: bool = Field(default=True, description="Count requests against the platform's real rate limits")
    expire_tokens: bool = Field(default=False, description="Once: end the access tokens that are out now")
    revoke_tokens: bool = Field(default=False, description="Once: revoke every access that people gave")

    def bytes_taken(self, usual: int) -> int:
        """Returns how large files may be now, of a platform that usually takes so many bytes."""
        return usual if self.max_bytes is None else min(usual, self.max_bytes)

    def formats_taken(self, usual: tuple[Format, ...]) -> tuple[Format, ...]:
        """Returns which of a platform's usual formats it takes now."""
        return tuple(each for each in usual if each != self.refuse_format)


S = TypeVar("S", bound=Switches)


class Panel(Generic[S]):
    """Holds a stand-in's switches and counts down `times`."""

    def __init__(self, model: type[S]) -> None:
        self.model = model
        self.switches: S = model()

    def set(self, switches: S) -> None:
        """Takes new switches, without what happens only once."""
        self.switches = switches.model_copy(update=dict.fromkeys(switches.ONCE, False))

    def reset(self) -> None:
        self.switches = self.model()

    def take_failure(self, access: Access, applies: Callable[[str], bool]) -> str | None:
        """Returns the failure that this call must answer with, if any, and counts it."""
        switches = self.switches
        if switches.fail is None or switches.only not in (None, access) or not applies(switches.fail):
            return None
        failure = switches.fail
        self._count()
        return failure

    def strikes(self, switch: str) -> bool:
        """Returns whether one of `STRIKES` is on for this call, and counts it."""
        on: bool = getattr(self.switches, switch)
        if on:
            self._count()
        return on

    def _count(self) -> None:
        left = self.switches.times
        if left is None:
            return
        update: dict[str, object] = {"times": left - 1}
        if left == 1:
            update = {"times": None, "fail": None, **dict.fromkeys(self.switches.STRIKES, False)}
        self.switches = self.switches.model_copy(update=update)
