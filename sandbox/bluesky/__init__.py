"""The stand-in for Bluesky: personal data server, authorisation server, directory and app view on one origin."""

from sandbox.bluesky.accounts import BLUESKY_APP_PASSWORDS
from sandbox.bluesky.platform import build

__all__ = ["BLUESKY_APP_PASSWORDS", "PORT_OFFSET", "build"]

PORT_OFFSET = 3
