"""Settings of the processor."""

import os

from pydantic import Field

from servicekit.pictures.settings import PictureSettings
from servicekit.settings import BusSettings, GrpcSettings, ObjectStoreSettings, ServiceSettings


class ProcessorSettings(ServiceSettings, GrpcSettings, BusSettings, ObjectStoreSettings, PictureSettings):
    service = "processor"

    # One process a core does more than threads would: see docs/adr on picture workers.
    picture_workers: int = Field(default_factory=lambda: min(os.cpu_count() or 1, 4), ge=1)
    # Twelve variants of a 50 megapixel picture take a few seconds; what takes this long is an attack or a fault.
    render_timeout_seconds: float = Field(default=60.0, gt=0)
