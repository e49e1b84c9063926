"""The stand-in for a Mastodon server: app registration, OAuth, the picture endpoints and the instance description."""

from sandbox.mastodon.platform import build

__all__ = ["PORT_OFFSET", "build"]

PORT_OFFSET = 2
