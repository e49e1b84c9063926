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
    # How long a deleted picture can be restored.
    restore_days: int = Field(default=30, ge=1)
    # How much the originals of one account may take, in MB; 0 for no limit.
    quota_mb: int = Field(default=2000, ge=0)
    # How often the object store is gone through for what nobody refers to.
    clean_up_hours: float = Field(default=24.0, gt=0)
