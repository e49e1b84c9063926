"""Rules of uploads that go directly to the store. Pure: no I/O."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from string import hexdigits

from servicekit.errors import AlreadyExistsError, InvalidInputError, PreconditionError, ServiceError
from servicekit.pictures.model import PictureLimits
from services.upload.domain.image import check_alt_text, tidy_file_name
from services.upload.domain.limits import too_many_bytes

# After the address has ended, a PUT that began in time may still be under way, and its sender about to complete it.
PATIENCE = timedelta(hours=1)
# As long as programs may ask what became of an upload.
KEPT_FOR = timedelta(days=30)
SHA256_CHARACTERS = 64


class UploadState(StrEnum):
    """Where an upload is. All but the first are final."""

    PENDING = "pending"
    COMPLETED = "completed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Declaration:
    """What its sender says of a file before sending it. `sha256` is empty where that was left open."""

    bytes: int
    content_type: str
    sha256: str = ""
    alt_text: str = ""
    file_name: str = ""


@dataclass(frozen=True)
class DirectUpload:
    """One upload. `image_id` is the picture that came of it; the failure says why what came was refused."""

    id: str
    owner_id: str
    state: UploadState
    object_key: str
    declared: Declaration
    idempotency_key: str | None
    created_at: datetime
    expires_at: datetime
    image_id: str | None = None
    failure_reason: str = ""
    failure_message: str = ""

    @property
    def is_pending(self) -> bool:
        return self.state is UploadState.PENDING

    def accepts_bytes(self, now: datetime) -> bool:
        """Tells whether something can still be PUT."""
        return self.is_pending and now < self.expires_at

    def check_same(self, declared: Declaration) -> None:
        """Raises `AlreadyExistsError` when the key of this upload came again with another declaration."""
        if declared != self.declared:
            raise AlreadyExistsError(
                "This Idempotency-Key was used before for another upload. Use a new key for a new upload.",
                reason="IDEMPOTENCY_KEY_REUSED",
            )

    def check_received(self, *, size_bytes: int, content_type: str, sha256: str | None = None) -> None:
        """Raises `InvalidInputError` (UPLOAD_DIFFERS) when what came is not what was declared. A hash that is not known yet is None."""
        _check("bytes", str(self.declared.bytes), str(size_bytes))
        _check("content_type", self.declared.content_type, content_type)
        if self.declared.sha256 and sha256 is not None:
            _check("sha256", self.declared.sha256, sha256)

    def why_not_completed(self) -> PreconditionError:
        """Returns why this upload, which is over, never became a picture."""
        match self.state:
            case UploadState.REFUSED:
                return PreconditionError(
                    f"What was sent was refused: {self.failure_message} Begin a new upload with another file.",
                    reason="UPLOAD_REFUSED",
                    metadata={"refusal": self.failure_reason},
                )
            case UploadState.CANCELLED:
                return PreconditionError("This upload was given up. Begin a new one.", reason="UPLOAD_CANCELLED")
            case _:
                return PreconditionError(
                    "This upload was not completed in time, and what was sent of it was removed. Begin a new one.",
                    reason="UPLOAD_EXPIRED",
                )


def staged_key(owner_id: str, upload_id: str) -> str:
    """Returns where the bytes of an upload wait to be looked at: apart by owner, like originals."""
    return f"uploads/{owner_id}/{upload_id}"


def check_declaration(declared: Declaration, limits: PictureLimits) -> Declaration:
    """Returns what was declared in the form that we keep. Raises `InvalidInputError` for what would be refused when it comes."""
    content_type = declared.content_type.strip().lower()
    if content_type not in limits.content_types:
        raise InvalidInputError(
            f"{content_type or 'No media type'} is not accepted. Accepted are {', '.join(sorted(limits.content_types))}.",
            reason="UNSUPPORTED_FORMAT",
            metadata={"content_type": content_type, "accepted": ", ".join(sorted(limits.content_types))},
        )
    if declared.bytes == 0:
        raise InvalidInputError.of_field("bytes", "Say how many bytes will come: an upload has at least one.")
    if declared.bytes > limits.max_bytes:
        raise too_many_bytes(limits.max_bytes, declared.bytes)
    sha256 = declared.sha256.lower()
    if sha256 and (len(sha256) != SHA256_CHARACTERS or not set(sha256) <= set(hexdigits)):
        raise InvalidInputError.of_field(
            "sha256", "A SHA-256 has 64 hexadecimal digits; leave it out to leave it open."
        )
    return Declaration(
        declared.bytes, content_type, sha256, check_alt_text(declared.alt_text), tidy_file_name(declared.file_name)
    )


def not_received() -> ServiceError:
    return PreconditionError(
        "Nothing has arrived at this upload's address yet. PUT the file to its `url` with its `headers`, then complete it.",
        reason="UPLOAD_NOT_RECEIVED",
    )


def _check(what: str, declared: str, actual: str) -> None:
    if declared != actual:
        words = {"bytes": "size", "content_type": "type", "sha256": "SHA-256"}[what]
        raise InvalidInputError(
            f"The {words} of what came is {actual}, and {declared} was declared. Begin a new upload that declares what you send.",
            reason="UPLOAD_DIFFERS",
            metadata={"field": what, "declared": declared, "actual": actual},
        )
