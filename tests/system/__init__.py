"""A whole Linkarooie for tests, and people who use it."""

from system.development import Development, Ports
from system.installation import WRITE_TIMEOUT_SECONDS, Installation, installed
from system.mail import CaughtMail
from system.person import PASSWORD, PLATFORMS, Person, told
from system.pictures import photograph, unlike_any_other
from system.waiting import eventually

__all__ = [
    "PASSWORD",
    "PLATFORMS",
    "WRITE_TIMEOUT_SECONDS",
    "CaughtMail",
    "Development",
    "Installation",
    "Person",
    "Ports",
    "eventually",
    "installed",
    "photograph",
    "told",
    "unlike_any_other",
]
