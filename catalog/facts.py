"""The claims that a platform file makes, each with what it rests on."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["avatar", "banner"]
Mode = Literal["write", "assisted", "read_only", "none"]
Observe = Literal["api", "public_url", "push", "none"]
ReadBack = Literal["exact", "changed", "hash"]
Mask = Literal["circle", "rounded", "square", "none"]
Confidence = Literal["D", "S", "T", "U"]
"""D: the platform's own documentation. S: seen in source code or in a recorded answer. T: a third party says so.
U: unsure, or our own estimate: nothing may break if it is wrong."""

Text = Annotated[str, Field(min_length=1)]
Url = Annotated[str, Field(pattern=r"^https://[^\s]+$")]
MediaType = Annotated[str, Field(pattern=r"^image/[a-z0-9.+-]+$")]
Count = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[int, Field(strict=True, gt=0)]
T = TypeVar("T")


class Model(BaseModel):
    """Is frozen and refuses keys that it does not know, so that a misspelt limit is never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Model):
    """A place where somebody looked something up, and when."""

    title: Text
    url: Url | None = None
    checked: date


class Evidence(Model):
    """Says what a figure rests on: a key of the platform's `sources`, and how far to trust it."""

    source: Text
    confidence: Confidence
    note: str = ""


class Fact(Evidence, Generic[T]):
    """One value with what it rests on."""

    value: T


class Size(NamedTuple):
    """Pixels."""

    width: Positive
    height: Positive


class SafeZone(Evidence):
    """A rectangle of the rendition, in its pixels, on one kind of device.

    `keep` is visible everywhere: what matters belongs inside. `covered` lies under something, such as the avatar.
    """

    name: Text
    device: Literal["all", "desktop", "tablet", "phone", "tv"]
    kind: Literal["keep", "covered"]
    x: Count
    y: Count
    width: Positive
    height: Positive


class Facts(Model):
    """Every claim about a slot. Read them through `Slot`, which gives the plain values."""

    mode: Fact[Mode]
    """What we can do: write by API, guide the person, only look, or nothing."""
    observe: Fact[Observe]
    """How we see what is there now."""
    read_back: Fact[ReadBack]
    """What a read proves: a content id we know, a changed address and a like picture, or only a like picture."""
    formats: Fact[Annotated[tuple[MediaType, ...], Field(min_length=1)]]
    """Media types to send, the best first."""
    size: Fact[Size]
    """The rendition to make."""
    min_size: Fact[Size] | None = None
    """The smallest picture that the platform takes, where one is known."""
    max_bytes: Fact[Positive]
    """The largest file that is safe on every server of this platform, inclusive."""
    mask: Fact[Mask]
    """The shape in which the platform shows the picture."""
    animation: Fact[bool]
    """Whether a moving picture moves there."""
    alpha: Fact[bool]
    """Whether transparency survives; where not, it is flattened before sending."""
    alt_text_max: Fact[Positive] | None = None
    """Characters of alternative text, where the platform takes any."""
    settle_seconds: Fact[Count]
    """After an accepted write the old picture may go on showing for this long: seeing it proves nothing yet."""
    min_interval_seconds: Fact[Positive] | None = None
    """Time to leave between two writes, where the platform minds."""
    approval_delay_seconds: Fact[Positive] | None = None
    """How long the platform may take to approve a picture, where it does."""
    perceptual_distance_max: Fact[Annotated[int, Field(strict=True, ge=0, le=64)]]
    """Bits of a 64-bit perceptual hash in which the platform's re-encoded picture may differ from ours."""

    def stated(self) -> Iterator[tuple[str, Fact[object]]]:
        """Yields each fact that is stated, by name."""
        for name in type(self).model_fields:
            fact = getattr(self, name)
            if isinstance(fact, Fact):
                yield name, fact
