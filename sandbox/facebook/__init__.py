"""The stand-in for Facebook: the login dialog and its tokens, and the Graph API for people and for the Pages that they look after."""

from sandbox.facebook.platform import FACEBOOK_APP_ID, FACEBOOK_APP_SECRET, build

__all__ = ["FACEBOOK_APP_ID", "FACEBOOK_APP_SECRET", "PORT_OFFSET", "SETTINGS", "build"]

PORT_OFFSET = 6
# What an operator sets, after `LINKAROOIE_`, to have the product talk to this stand-in; `{origin}` and `{host}` are
# filled in when it runs. The dialog and the Graph API share an origin here.
SETTINGS = {
    "AUTH_FACEBOOK_URL": "{origin}",
    "AUTH_FACEBOOK_GRAPH_URL": "{origin}",
    "AUTH_FACEBOOK_APP_ID": FACEBOOK_APP_ID,
    "AUTH_FACEBOOK_APP_SECRET": FACEBOOK_APP_SECRET,
    "SYNC_FACEBOOK_URL": "{origin}",
    "SYNC_FACEBOOK_GRAPH_URL": "{origin}",
    "SYNC_FACEBOOK_APP_ID": FACEBOOK_APP_ID,
    "SYNC_FACEBOOK_APP_SECRET": FACEBOOK_APP_SECRET,
}
