"""The shape of a stand-in: what the sandbox hands to it and what it hands back."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.types import ASGIApp

from sandbox.kit.gallery import SLOTS, Gallery, Slot
from sandbox.kit.limits import Limiter
from sandbox.kit.pictures import initial_picture
from sandbox.kit.store import Store
from sandbox.kit.switches import Panel, Switches

# Two people with an account everywhere.
PEOPLE: Mapping[str, str] = {"ada": "Ada Rivers", "grace": "Grace Meadow"}


@dataclass(frozen=True)
class Context:
    """What a stand-in is built from. `clock` gives unix seconds, `token` an unguessable text of n bytes' worth."""

    platform: str
    origin: str
    store: Store
    gallery: Gallery
    limiter: Limiter
    clock: Callable[[], float]
    token: Callable[[int], str]
    closing: asyncio.Event


@dataclass(frozen=True)
class AccountView:
    """What a visitor sees of an account now; `facts` are lines worth knowing when signing in by hand."""

    name: str
    display_name: str
    handle: str
    avatar_url: str | None = None
    banner_url: str | None = None
    facts: Sequence[tuple[str, str]] = ()
    banner_shape: tuple[str, str] | None = ("3 / 1", "3 / 1")
    """CSS `aspect-ratio` of the banner on computers and on phones; None where accounts have none."""
    banner_position: str = "50% 50%"
    """CSS `object-position`: which part of a banner of another shape is seen."""

    def url(self, slot: Slot) -> str | None:
        return self.avatar_url if slot == "avatar" else self.banner_url


class Platform(Protocol):
    """One stand-in: a platform that shows pictures, or a provider of sign-in."""

    id: str
    name: str
    accent: str
    """CSS colour that tells the platforms' pages apart."""
    context: Context

    @property
    def panel(self) -> Panel[Any]:  # Any: every stand-in has switches of its own
        """The switches, and how they stand."""

    @property
    def avatar_shape(self) -> str | None:
        """CSS `border-radius` of the avatar, as the platform shows it; None for a sign-in provider: it shows no pictures."""

    @property
    def app(self) -> ASGIApp: ...

    def populate(self) -> None:
        """Creates what a first day begins with, where it does not exist yet."""

    def account(self, name: str) -> AccountView | None:
        """Returns what the account's page shows; None for a stranger."""

    @property
    def actions(self) -> Mapping[str, Callable[[], None]]:
        """Returns what each switch of `Switches.ONCE` does."""


def place_initial_pictures(context: Context, save: Callable[[str, Slot, bytes], str]) -> None:
    """Gives each account that has none its first pictures; `save` keeps one and returns the token of its address."""
    for name in PEOPLE:
        for slot in SLOTS:
            if context.gallery.latest(name, slot) is None:
                token = save(name, slot, initial_picture(context.platform, name, slot))
                context.gallery.place(name, slot, token, initial=True)


def apply_switches(platform: Platform, switches: Switches) -> None:
    """Turns the switches, and does at once what happens only once."""
    for name in switches.ONCE:
        if getattr(switches, name):
            platform.actions[name]()
    platform.panel.set(switches)


def reset(platform: Platform) -> None:
    """Brings a platform back to its first day: first pictures, no apps, no tokens, everything healthy."""
    platform.context.limiter.reset()
    platform.panel.reset()
    with platform.context.store.together():
        platform.context.store.clear()
        platform.populate()
