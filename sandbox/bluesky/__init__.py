"""The stand-in for Bluesky: personal data server, authorisation server, directory and app view on one origin."""

from sandbox.bluesky.accounts import BLUESKY_APP_PASSWORDS
from sandbox.bluesky.platform import build

__all__ = ["BLUESKY_APP_PASSWORDS", "PORT_OFFSET", "SETTINGS", "build"]

PORT_OFFSET = 3
# What an operator sets, after `LINKAROOIE_`, to have the product talk to this stand-in; `{origin}` and `{host}` are
# filled in when it runs.
SETTINGS = {
    "SYNC_BLUESKY_ENTRYWAY_URL": "{origin}",
    "SYNC_BLUESKY_PLC_URL": "{origin}/plc",
    "SYNC_BLUESKY_APP_VIEW_URL": "{origin}",
}
