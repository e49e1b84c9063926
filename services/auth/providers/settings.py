"""Settings of signing in with providers. One without its settings is not offered."""

import json
import re
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from servicekit.settings import Words

# Stands in paths, in the browser's address and in the table of identities.
_ID = re.compile(r"[a-z][a-z0-9-]{0,31}")
BUILT_IN = frozenset({"google", "github", "facebook"})


class OpenIdProviderSettings(BaseModel):
    """One more OpenID provider.

    Identities are kept by its `id`, which is therefore never given to another issuer. `trusts_email` says whether an address that it
    calls verified counts as proved to us, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str
    label: str = Field(min_length=1, max_length=50)
    issuer: str
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    trusts_email: bool = False

    @field_validator("id")
    @classmethod
    def _is_a_word(cls, value: str) -> str:
        if _ID.fullmatch(value) is None or value in BUILT_IN:
            raise ValueError(
                "is not a word of small letters, digits and hyphens that no other provider has, such as company-sso"
            )
        return value

    @field_validator("issuer")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("is not the provider's address, such as https://sso.example.org")
        return value


def _read_json(value: object) -> object:
    """Reads the list here, so that a mistake in it is told like any other, by the variable's name."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("is not a JSON list of providers") from None  # the cause holds the text, with its secrets


class ProviderSettings(BaseSettings):
    """What each provider gave the operator for this installation, and where it is; other addresses than the usual are for tests."""

    # Where browsers reach this installation; providers send people back there.
    public_url: str = "http://127.0.0.1:8080"
    # `host:port` of servers that may be private or speak plain HTTP, beyond those that the settings below name.
    trusted_hosts: Words = ()
    # Somebody waits, and several calls are made for each sign-in.
    provider_timeout_seconds: float = Field(default=10.0, gt=0)

    google_client_id: str = ""
    google_client_secret: SecretStr = SecretStr("")
    google_issuer: str = "https://accounts.google.com"
    github_client_id: str = ""
    github_client_secret: SecretStr = SecretStr("")
    github_url: str = "https://github.com"
    github_api_url: str = "https://api.github.com"
    facebook_app_id: str = ""
    facebook_app_secret: SecretStr = SecretStr("")
    facebook_url: str = "https://www.facebook.com"
    facebook_graph_url: str = "https://graph.facebook.com"
    # A version lives about two years.
    facebook_version: str = "v25.0"
    # A JSON list of `{"id", "label", "issuer", "client_id", "client_secret", "trusts_email"}`.
    openid_providers: Annotated[tuple[OpenIdProviderSettings, ...], NoDecode, BeforeValidator(_read_json)] = ()

    @field_validator("public_url", "github_url", "github_api_url", "facebook_url", "facebook_graph_url")
    @classmethod
    def _no_slash_at_the_end(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("openid_providers")
    @classmethod
    def _each_has_its_own_id(cls, value: tuple[OpenIdProviderSettings, ...]) -> tuple[OpenIdProviderSettings, ...]:
        if len({provider.id for provider in value}) != len(value):
            raise ValueError("two providers have the same id")
        return value

    @model_validator(mode="after")
    def _id_and_secret_go_together(self) -> Self:
        for client, secret, names in (
            (self.google_client_id, self.google_client_secret, "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET"),
            (self.github_client_id, self.github_client_secret, "GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET"),
            (self.facebook_app_id, self.facebook_app_secret, "FACEBOOK_APP_ID and FACEBOOK_APP_SECRET"),
        ):
            if bool(client) != bool(secret.get_secret_value()):
                raise ValueError(f"set both of {names}, or neither")
        return self
