"""Settings of what is accepted as a picture: the same wherever one is judged."""

from pydantic import Field
from pydantic_settings import BaseSettings

from servicekit.pictures.model import PictureLimits


class PictureSettings(BaseSettings):
    """The limits of `PictureLimits`, which says what each protects. A part of a service's settings."""

    max_image_bytes: int = Field(default=25_000_000, ge=1)
    max_image_pixels: int = Field(default=50_000_000, ge=1)
    max_image_scans: int = Field(default=100, ge=1)
    max_image_frames: int = Field(default=500, ge=1)

    @property
    def picture_limits(self) -> PictureLimits:
        return PictureLimits(
            max_bytes=self.max_image_bytes,
            max_pixels=self.max_image_pixels,
            max_scans=self.max_image_scans,
            max_frames=self.max_image_frames,
        )
