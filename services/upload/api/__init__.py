"""The gRPC face of the upload service: translate, call a use case, translate back."""

from services.upload.api.avatars import AvatarApi
from services.upload.api.defaults import DefaultsApi
from services.upload.api.edits import EditsApi
from services.upload.api.intake import IntakeApi
from services.upload.api.library import LibraryApi
from services.upload.use_cases.avatar_files import AvatarFiles
from services.upload.use_cases.avatars import Avatars
from services.upload.use_cases.defaults import Choosing
from services.upload.use_cases.direct_uploads import DirectUploads
from services.upload.use_cases.edits import Editing
from services.upload.use_cases.imports import Imports
from services.upload.use_cases.intake import Intake
from services.upload.use_cases.library import Library
from services.upload.use_cases.purging import Purging


class UploadApi(AvatarApi, IntakeApi, LibraryApi, EditsApi, DefaultsApi):
    """All of it."""

    def __init__(
        self,
        *,
        avatars: Avatars,
        avatar_files: AvatarFiles,
        intake: Intake,
        library: Library,
        purging: Purging,
        editing: Editing,
        choosing: Choosing,
        direct: DirectUploads,
        imports: Imports,
    ) -> None:
        self._avatars = avatars
        self._avatar_files = avatar_files
        self._intake = intake
        self._library = library
        self._purging = purging
        self._editing = editing
        self._choosing = choosing
        self._direct = direct
        self._imports = imports
