"""The gRPC face of the upload service: translate, call a use case, translate back."""

from services.upload.api.intake import IntakeApi
from services.upload.api.library import LibraryApi
from services.upload.use_cases.intake import Intake
from services.upload.use_cases.library import Library


class UploadApi(IntakeApi, LibraryApi):
    """All of it."""

    def __init__(self, *, intake: Intake, library: Library) -> None:
        self._intake = intake
        self._library = library
