"""Which services there are and how to build one, without importing the others."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from pydantic_settings import SettingsConfigDict

from servicekit.app import App
from servicekit.settings import DatabaseSettings, ServiceSettings, load_settings


@dataclass(frozen=True)
class Service:
    """One service: its name, the package it lives in, and what it has."""

    name: str
    package: str
    has_database: bool = True
    serves_grpc: bool = True

    @property
    def settings_class(self) -> type[ServiceSettings]:
        module = import_module(f"{self.package}.settings")
        return cast("type[ServiceSettings]", getattr(module, f"{self.name.capitalize()}Settings"))

    def build(self) -> App:
        """Builds the service from the environment. Raises `SettingsError` that names what is missing there."""
        build = cast("Callable[[ServiceSettings], App]", import_module(f"{self.package}.app").build)
        return build(load_settings(self.settings_class))

    @property
    def migrations(self) -> Path:
        """Returns the folder of its migrations."""
        return Path(import_module(self.package).__path__[0]) / "migrations"

    def database_settings(self) -> DatabaseSettings:
        """Reads no more of the environment than a migration needs."""
        name = self.name

        class MigrationSettings(ServiceSettings, DatabaseSettings):
            model_config = SettingsConfigDict(title=f"{name} migrations")
            service = name

        return load_settings(MigrationSettings)


# In the order in which they start: what others ask comes first.
SERVICES: tuple[Service, ...] = (
    Service("auth", "services.auth"),
    Service("profile", "services.profile"),
    Service("upload", "services.upload"),
    Service("processor", "services.processor", has_database=False),
    Service("sync", "services.sync"),
    Service("notify", "services.notify"),
    Service("analytics", "services.analytics"),
    Service("gateway", "gateway", has_database=False, serves_grpc=False),
)
BY_NAME = {service.name: service for service in SERVICES}
