"""The stand-in for Instagram: Business Login and its tokens, the Graph API's `me`, and a page where people change their picture themselves."""

from sandbox.instagram.platform import INSTAGRAM_APP_ID, INSTAGRAM_APP_SECRET, build

__all__ = ["INSTAGRAM_APP_ID", "INSTAGRAM_APP_SECRET", "PORT_OFFSET", "SETTINGS", "build"]

PORT_OFFSET = 7
# What an operator sets, after `LINKAROOIE_`, to have the product talk to this stand-in; `{origin}` and `{host}` are
# filled in when it runs. Consent, codes and the Graph API share an origin here.
SETTINGS = {
    "SYNC_INSTAGRAM_URL": "{origin}",
    "SYNC_INSTAGRAM_API_URL": "{origin}",
    "SYNC_INSTAGRAM_GRAPH_URL": "{origin}",
    "SYNC_INSTAGRAM_APP_ID": INSTAGRAM_APP_ID,
    "SYNC_INSTAGRAM_APP_SECRET": INSTAGRAM_APP_SECRET,
}
