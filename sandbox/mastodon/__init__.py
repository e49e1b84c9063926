"""The stand-in for a Mastodon server: app registration, OAuth, the picture endpoints and the instance description."""

from sandbox.mastodon.platform import build

__all__ = ["PORT_OFFSET", "SETTINGS", "build"]

PORT_OFFSET = 2
# What an operator sets, after `LINKAROOIE_`, to have the product talk to this stand-in; `{origin}` and `{host}` are
# filled in when it runs.
SETTINGS = {"SYNC_MASTODON_SUGGESTED_INSTANCES": "{host}"}
