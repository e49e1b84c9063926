"""Settings of the upload service."""

from pydantic import Field

from servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings, ObjectStoreSettings, ServiceSettings


class UploadSettings(ServiceSettings, GrpcSettings, DatabaseSettings, BusSettings, ObjectStoreSettings):
    service = "upload"

    # What a person's camera makes fits; see `servicekit.pictures.probe` for what the pixel limit protects.
    max_image_bytes: int = Field(default=25_000_000, ge=1)
    max_image_pixels: int = Field(default=50_000_000, ge=1)
