"""The stand-in for X: OAuth 1.0a, the v1.1 picture endpoints, and the reads of v1.1 and v2."""

from sandbox.x.accounts import X_CONSUMER_KEY, X_CONSUMER_SECRET
from sandbox.x.platform import build

__all__ = ["PORT_OFFSET", "SETTINGS", "X_CONSUMER_KEY", "X_CONSUMER_SECRET", "build"]

PORT_OFFSET = 1
# What an operator sets, after `LINKAROOIE_`, to have the product talk to this stand-in; `{origin}` and `{host}` are
# filled in when it runs.
SETTINGS = {
    "SYNC_X_API_BASE_URL": "{origin}",
    "SYNC_X_CONSUMER_KEY": X_CONSUMER_KEY,
    "SYNC_X_CONSUMER_SECRET": X_CONSUMER_SECRET,
}
