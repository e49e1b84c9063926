"""The switches by which a person or a test makes a stand-in misbehave."""

from collections.abc import Callable
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Access = Literal["read", "write", "auth"]


class Switches(BaseModel):
    """How one platform behaves. A platform widens `fail` and adds its own by subclassing.

    The defaults are a healthy platform. `times` counts requests that were struck by `fail`, `lose_answer` or
    `silent_reject`; after the last one the platform is healthy again.
    """

    model_config = ConfigDict(extra="forbid")

    fail: str | None = Field(default=None, description="Answer API calls with this failure")
    only: Access | None = Field(default=None, description="Only such calls fail: reads, writes or sign-in")
    times: int | None = Field(
        default=None, ge=1, le=10_000, description="Strike this many times, then behave (empty: always)"
    )
    retry_after_seconds: float = Field(default=10, ge=0, le=86_400, description="Seconds until a 429's window resets")
    slow_seconds: float = Field(default=0, ge=0, le=3_600, description="Seconds until an accepted picture shows")
    silent_reject: bool = Field(default=False, description="Answer success, but never change the picture")
    lose_answer: bool = Field(
        default=False, description="Change the picture, then drop the connection without an answer"
    )
    enforce_limits: bool = Field(default=True, description="Count requests against the platform's real rate limits")
    expire_tokens: bool = Field(default=False, description="Once: end the access tokens that are out now")
    revoke_tokens: bool = Field(default=False, description="Once: revoke every access that people gave")

    @classmethod
    def failures(cls) -> tuple[str, ...]:
        """Returns the values that `fail` may have."""
        annotation = cls.model_fields["fail"].annotation
        return tuple(value for part in get_args(annotation) for value in get_args(part))


class Panel:
    """Holds a platform's switches and counts down `times`."""

    def __init__(self, model: type[Switches]) -> None:
        self.model = model
        self.switches = model()

    def set(self, switches: Switches) -> None:
        """Takes new switches; what happens only once (expire, revoke) is done by the caller and not kept."""
        self.switches = switches.model_copy(update={"expire_tokens": False, "revoke_tokens": False})

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

    def rejects_silently(self) -> bool:
        return self._strikes(self.switches.silent_reject)

    def loses_answer(self) -> bool:
        return self._strikes(self.switches.lose_answer)

    def _strikes(self, switched_on: bool) -> bool:
        if switched_on:
            self._count()
        return switched_on

    def _count(self) -> None:
        left = self.switches.times
        if left is None:
            return
        update: dict[str, object] = {"times": left - 1}
        if left == 1:
            update = {"times": None, "fail": None, "silent_reject": False, "lose_answer": False}
        self.switches = self.switches.model_copy(update=update)
