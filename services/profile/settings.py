"""Settings of the profile service."""

from servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings, ServiceSettings


class ProfileSettings(ServiceSettings, GrpcSettings, DatabaseSettings, BusSettings):
    service = "profile"
