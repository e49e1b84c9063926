"""The stand-in for X: OAuth 1.0a, the v1.1 picture endpoints, and the reads of v1.1 and v2."""

from sandbox.x.accounts import X_CONSUMER_KEY, X_CONSUMER_SECRET
from sandbox.x.platform import build

__all__ = ["PORT_OFFSET", "SETTINGS", "X_CONSUMER_KEY", "X_CONSUMER_SECRET", "build"]

PORT_OFFSET = 1
# What an operator sets to have the product talk to this stand-in, without the prefix of the sync service's variables;
# `{origin}` and `{host}` are filled in when it runs.
SETTINGS = {
    "X_API_BASE_URL": "{origin}",
    "X_CONSUMER_KEY": X_CONSUMER_KEY,
    "X_CONSUMER_SECRET": X_CONSUMER_SECRET,
}
