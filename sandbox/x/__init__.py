"""The stand-in for X: OAuth 1.0a, the v1.1 picture endpoints, and the reads of v1.1 and v2."""

from sandbox.x.accounts import X_CONSUMER_KEY, X_CONSUMER_SECRET
from sandbox.x.platform import build

__all__ = ["PORT_OFFSET", "X_CONSUMER_KEY", "X_CONSUMER_SECRET", "build"]

PORT_OFFSET = 1
