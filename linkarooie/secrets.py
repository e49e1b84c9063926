"""The secrets that an installation needs, made fresh."""

import base64
import secrets

from services.auth.keys import new_signing_keys


def new_secrets() -> dict[str, str]:
    """Returns every secret of an installation by the variable that carries it."""
    vault_key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {
        "LINKAROOIE_AUTH_SIGNING_KEYS": new_signing_keys(),
        "LINKAROOIE_SYNC_VAULT_KEYS": f"k1:{vault_key}",
        "LINKAROOIE_GATEWAY_MEDIA_KEY": secrets.token_urlsafe(32),
    }
