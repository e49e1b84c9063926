"""The secrets that an installation needs, made fresh."""

import base64
import secrets


def new_secrets() -> dict[str, str]:
    """Returns every secret of an installation by the variable that carries it."""
    return {
        "LINKAROOIE_AUTH_VAULT_KEYS": _vault_key(),
        "LINKAROOIE_LETTER_KEYS": _vault_key(),
        "LINKAROOIE_SYNC_VAULT_KEYS": _vault_key(),
        "LINKAROOIE_GATEWAY_MEDIA_KEY": secrets.token_urlsafe(32),
    }


def _vault_key() -> str:
    return f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
