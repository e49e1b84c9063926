"""Settings of the Bluesky adapter."""

import json

from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import SecretStr, field_validator

from servicekit.settings import ServiceSettings


class BlueskySettings(ServiceSettings):
    service = "sync_bluesky"

    # Where people sign in who name no server of their own.
    entryway_url: str = "https://bsky.social"
    # The directory of `did:plc` identities.
    plc_url: str = "https://plc.directory"
    # Answers what profiles show, without signing in.
    app_view_url: str = "https://public.api.bsky.app"
    # An ES256 private key, PEM or JWK. With it sessions last two years instead of two weeks. Only used where the public address is https.
    client_key: SecretStr | None = None

    @field_validator("entryway_url", "plc_url", "app_view_url")
    @classmethod
    def _no_slash_at_the_end(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("client_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _read_key(value.get_secret_value())
        return value

    def key(self) -> ECKey | None:
        """Returns the key that proves who this installation is; None for a public client."""
        return None if self.client_key is None else _read_key(self.client_key.get_secret_value())


def _read_key(text: str) -> ECKey:
    try:
        key = ECKey.import_key(json.loads(text) if text.lstrip().startswith("{") else text)
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError("not a private key: write an ES256 (P-256) key as PEM or JWK") from error
    if not key.is_private or key.as_dict().get("crv") != "P-256":
        raise ValueError("not an ES256 (P-256) private key")
    return key
