"""Settings of the upload service."""

from servicekit.pictures.settings import PictureSettings
from servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings, ObjectStoreSettings, ServiceSettings


class UploadSettings(
    ServiceSettings, GrpcSettings, DatabaseSettings, BusSettings, ObjectStoreSettings, PictureSettings
):
    service = "upload"
