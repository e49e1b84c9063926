"""Settings of the notify service."""

from email.headerregistry import Address
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings, ServiceSettings
from servicekit.vault import VaultKeys

Security = Literal["none", "starttls", "tls"]


def _parses_as_address(value: str) -> str:
    Address(addr_spec=value)
    return value


class NotifySettings(ServiceSettings, GrpcSettings, DatabaseSettings, BusSettings):
    service = "notify"

    # Where people reach the installation, for the links in letters; without a slash at the end.
    public_url: str = "http://127.0.0.1:8080"
    # The same as the auth service's: the links of its letters come sealed under them.
    letter_keys: VaultKeys
    smtp_host: str
    smtp_port: int = Field(default=587, ge=1, le=65535)
    # Not set: STARTTLS, but none where the mail server is on this machine.
    smtp_security: Security | None = None
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    # The sender of all letters: an address without a name.
    smtp_from: Annotated[str, AfterValidator(_parses_as_address)] = "linkarooie@localhost"

    @property
    def mail_security(self) -> Security:
        """Returns how the connection to the mail server is protected."""
        return self.smtp_security or ("none" if _is_this_machine(self.smtp_host) else "starttls")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
