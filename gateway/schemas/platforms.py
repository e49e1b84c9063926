"""The catalogue as this installation can serve it."""

from google.protobuf.json_format import MessageToDict
from pydantic import ConfigDict, Field

from gateway.schemas.common import Answer
from linkarooie.sync.v1 import sync_pb2


class SafeZone(Answer):
    """A rectangle of the finished picture, in its pixels."""

    model_config = ConfigDict(extra="ignore")

    name: str
    device: str
    kind: str
    """`keep`: visible everywhere. `covered`: lies under something."""
    x: int
    y: int
    width: int
    height: int
    note: str = ""


class Assistance(Answer):
    """How a person sets the picture by hand."""

    steps: list[str]
    link: str


class Evidence(Answer):
    """What a figure rests on."""

    source: str
    """A key of the platform's `sources`."""
    confidence: str
    """`D` documented, `S` seen, `T` a third party says so, `U` our estimate."""
    note: str


class Source(Answer):
    """A place where something was looked up, and when."""

    title: str
    url: str | None
    checked: str


class PlatformSlot(Answer):
    """One place on a platform that shows a picture."""

    model_config = ConfigDict(extra="ignore")

    key: str
    """Such as `x.avatar`."""
    mode: str
    """`write`, `assisted`, `read_only` or `none`."""
    observe: str
    formats: list[str]
    """Media types, the best first."""
    size: list[int] = Field(min_length=2, max_length=2)
    """Width and height of the finished picture in pixels."""
    min_size: list[int] | None
    max_bytes: int
    mask: str
    """The shape in which the platform shows it: `circle`, `rounded`, `square` or `none`."""
    animation: bool
    alpha: bool
    alt_text_max: int | None
    settle_seconds: int
    min_interval_seconds: int | None
    approval_delay_seconds: int | None
    safe_zones: list[SafeZone]
    assist: Assistance | None
    evidence: dict[str, Evidence]
    """What each figure rests on, by its name."""


class NotAllowed(Answer):
    """What the platform does not let an app do."""

    what: str
    why: str
    link: str
    slot: str | None


class Platform(Answer):
    """One platform."""

    id: str
    name: str
    can_connect: bool
    cannot_connect_reason: str | None
    """Why not, for people; null when accounts can be connected."""
    takes_instance: bool
    """Whether the person has to name a server."""
    suggested_instances: list[str]
    setup_steps: list[str]
    """What the operator has to do before accounts can be connected, step by step; empty where they can, or nothing would help."""
    redirect_url: str
    """Where the platform sends people back to after their consent, as it has to be registered there."""
    homepage: str
    profile_settings_url: str
    slots: dict[str, PlatformSlot]
    """By `avatar` and `banner`."""
    not_allowed: list[NotAllowed]
    sources: dict[str, Source]

    @classmethod
    def of(cls, offer: sync_pb2.PlatformOffer, public_url: str) -> "Platform":
        return cls.model_validate(
            {
                **MessageToDict(offer.catalogue),
                "id": offer.id,
                "name": offer.name,
                "can_connect": offer.can_connect,
                "cannot_connect_reason": offer.cannot_connect_reason or None,
                "takes_instance": offer.takes_instance,
                "suggested_instances": list(offer.suggested_instances),
                "setup_steps": list(offer.setup_steps),
                "redirect_url": f"{public_url}/v1/connections/callback/{offer.id}",
            }
        )


class PlatformList(Answer):
    """All platforms, sorted by name."""

    items: list[Platform]
    next_page_token: str
    """Always empty: there are too few to page."""
