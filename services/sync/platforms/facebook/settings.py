"""What an operator sets to have Pages connected."""

from pydantic import Field, SecretStr, field_validator

from servicekit.settings import ServiceSettings


class FacebookSettings(ServiceSettings):
    service = "sync_facebook"

    # From Meta's app dashboard ("App settings, Basic").
    app_id: str = ""
    app_secret: SecretStr = SecretStr("")
    # Where people consent, and the Graph API.
    url: str = "https://www.facebook.com"
    graph_url: str = "https://graph.facebook.com"
    # A version lives about two years.
    version: str = Field(default="v25.0", pattern=r"^v\d+\.\d+$")

    @field_validator("url", "graph_url")
    @classmethod
    def _no_slash_at_the_end(cls, value: str) -> str:
        return value.rstrip("/")
