"""Settings of the upload service."""

from pydantic import Field

from servicekit.pictures.settings import PictureSettings
from servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings, ObjectStoreSettings, ServiceSettings, Words


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
    # How long the address of an upload that goes directly to the store is good. S3 allows a week at most.
    url_minutes: float = Field(default=60.0, gt=0, le=7 * 24 * 60)
    # How long fetching a picture from an address may take, redirects and all; the gateway waits for 60.
    import_timeout_seconds: float = Field(default=20.0, gt=0, le=50)
    # `host:port` of servers that pictures may be fetched from although they are private or speak plain HTTP.
    trusted_hosts: Words = ()
    # How often the object store is gone through for what nobody refers to.
    clean_up_hours: float = Field(default=24.0, gt=0)
