"""Settings of the upload service."""

from pydantic import Field

from servicekit.pictures.settings import PictureSettings
from servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings, ObjectStoreSettings, ServiceSettings


class UploadSettings(
    ServiceSettings, GrpcSettings, DatabaseSettings, BusSettings, ObjectStoreSettings, PictureSettings
):
    service = "upload"

    # A picture whose variants do not come within this time is asked for again: its job may be lost.
    render_patience_minutes: float = Field(default=10.0, gt=0)
    # How often such pictures are looked for.
    sweep_seconds: float = Field(default=60.0, gt=0)
