"""Settings: read once from the environment, validated, secrets apart and never in `repr`.

A service reads `LINKAROOIE_<NAME>`; `LINKAROOIE_<SERVICE>_<NAME>` goes before it, so that one process can hold several
services with a database role each. With `LINKAROOIE_SECRETS_DIR` set, a file of the same name there (in lower case, as Kubernetes
mounts them) is read where the environment has nothing.
"""

import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

PREFIX = "LINKAROOIE_"


class SettingsError(Exception):
    """The environment does not hold what a service needs; the message names each variable and what is wrong with it."""


def _split_words(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) and not value.startswith("[") else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_words)]
"""A list written in the environment as words with spaces or commas between."""


class ServiceSettings(BaseSettings):
    """What every service reads. A service inherits this and the parts below that it stands on, and names itself."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)
    service: ClassVar[str]

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=9100, ge=0, le=65535)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # we read two prefixes instead of one
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        own_prefix = f"{PREFIX}{cls.service.upper()}_"
        environment = [EnvSettingsSource(settings_cls, env_prefix=prefix) for prefix in (own_prefix, PREFIX)]
        directory = os.environ.get(f"{PREFIX}SECRETS_DIR")
        if directory is None:
            return (init_settings, *environment)
        files = [SecretsSettingsSource(settings_cls, directory, env_prefix=prefix) for prefix in (own_prefix, PREFIX)]
        return (init_settings, *environment, *files)


class GrpcSettings(BaseSettings):
    """Where a service listens and how calls between services are protected.

    With the three files set, servers show their certificate and ask for the caller's, and clients do the same (mutual TLS).
    """

    grpc_listen: str = "127.0.0.1:50051"
    grpc_stop_grace_seconds: float = Field(default=20.0, ge=0)
    tls_certificate_file: Path | None = None
    tls_key_file: Path | None = None
    tls_authority_file: Path | None = None
    auth_target: str = "127.0.0.1:50051"
    token_issuer: str = "linkarooie"  # noqa: S105  # a name, not a secret

    @model_validator(mode="after")
    def _tls_is_all_or_nothing(self) -> Self:
        files = (self.tls_certificate_file, self.tls_key_file, self.tls_authority_file)
        if any(files) and not all(files):
            raise ValueError("set all of TLS_CERTIFICATE_FILE, TLS_KEY_FILE and TLS_AUTHORITY_FILE, or none")
        return self


class DatabaseSettings(BaseSettings):
    """The service's own Postgres role. The schema has the service's name."""

    database_url: SecretStr
    database_pool_size: int = Field(default=10, ge=1)
    database_pool_overflow: int = Field(default=5, ge=0)


class BusSettings(BaseSettings):
    """The NATS server, with its credentials in the address (`nats://user:password@host:port`)."""

    nats_url: SecretStr
    # 1 on one machine; 3 where NATS is clustered.
    nats_replicas: int = Field(default=1, ge=1, le=5)
    # What all streams together may take of each server's disk; NATS sets it aside, so it must fit the server's own limit.
    nats_storage_bytes: int = Field(default=8 << 30, ge=64 << 20)
    # How long a handler may be silent before its message goes to somebody else. Handlers send a sign of life at a third of it.
    consumer_ack_wait_seconds: float = Field(default=30.0, ge=1)


class ObjectStoreSettings(BaseSettings):
    """An S3-compatible object store."""

    s3_endpoint: str
    # Where programs outside reach the same store, for uploads that go directly there; as within where it is not set.
    s3_public_endpoint: str = ""
    s3_access_key: SecretStr
    s3_secret_key: SecretStr
    s3_bucket: str = "linkarooie"
    # Fixed, because the client would ask the server for it before each presigned address otherwise.
    s3_region: str = "us-east-1"


SettingsType = TypeVar("SettingsType", bound=ServiceSettings)


def load_settings(settings_class: type[SettingsType]) -> SettingsType:
    """Reads a service's settings from the environment.

    Raises `SettingsError` that names every variable in want, without its value.
    """
    try:
        return settings_class()
    except ValidationError as error:
        lines = [
            f"  {_variable(settings_class, details['loc'])}: {details['msg']}"
            for details in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError(
            f"the settings of the {settings_class.service} service are not complete:\n" + "\n".join(lines)
        ) from None


def _variable(settings_class: type[ServiceSettings], location: tuple[int | str, ...]) -> str:
    if not location:
        return f"{PREFIX}*"
    name = str(location[0]).upper()
    own_prefix = f"{settings_class.service.upper()}_"
    return f"{PREFIX}{name}" if name.startswith(own_prefix) else f"{PREFIX}{own_prefix}{name} (or {PREFIX}{name})"
