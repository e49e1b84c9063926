"""Settings of the analytics service."""

from servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings, ServiceSettings


class AnalyticsSettings(ServiceSettings, GrpcSettings, DatabaseSettings, BusSettings):
    service = "analytics"
