"""The stand-in for GitHub as a sign-in provider: an OAuth app's consent and token, and the API's user and addresses."""

from sandbox.github.platform import GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, build

__all__ = ["GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "PORT_OFFSET", "SETTINGS", "build"]

PORT_OFFSET = 5
# What an operator sets, after `LINKAROOIE_`, to have the product talk to this stand-in; `{origin}` and `{host}` are
# filled in when it runs. As on an enterprise server, the API has a path of its own there instead of a host.
SETTINGS = {
    "AUTH_GITHUB_URL": "{origin}",
    "AUTH_GITHUB_API_URL": "{origin}/api/v3",
    "AUTH_GITHUB_CLIENT_ID": GITHUB_CLIENT_ID,
    "AUTH_GITHUB_CLIENT_SECRET": GITHUB_CLIENT_SECRET,
}
