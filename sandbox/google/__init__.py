"""The stand-in for Google as a sign-in provider: OpenID Connect with discovery, keys, consent, tokens and userinfo."""

from sandbox.google.platform import GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, build

__all__ = ["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "PORT_OFFSET", "SETTINGS", "build"]

PORT_OFFSET = 4
# What an operator sets, after `LINKAROOIE_`, to have the product talk to this stand-in; `{origin}` and `{host}` are
# filled in when it runs.
SETTINGS = {
    "AUTH_GOOGLE_ISSUER": "{origin}",
    "AUTH_GOOGLE_CLIENT_ID": GOOGLE_CLIENT_ID,
    "AUTH_GOOGLE_CLIENT_SECRET": GOOGLE_CLIENT_SECRET,
}
