"""All subjects of the bus, and the envelope that every message travels in (CloudEvents 1.0, binary mode)."""

import re
from collections.abc import Mapping
from datetime import datetime

from google.protobuf.message import Message
from opentelemetry import propagate

from linkarooie.events.v1 import events_pb2 as events

SUBJECTS: Mapping[type[Message], str] = {
    events.AccountRegistered: "evt.account.registered.v1",
    events.AccountSignedIn: "evt.account.signed_in.v1",
    events.AccountChanged: "evt.account.changed.v1",
    events.AccountLetterRequested: "evt.account.letter_requested.v1",
    events.AccountSecurityNoted: "evt.account.security_noted.v1",
    events.ProfileUpdated: "evt.profile.updated.v1",
    events.ImageUploaded: "evt.image.uploaded.v1",
    events.ImageReady: "evt.image.ready.v1",
    events.ImageFailed: "evt.image.failed.v1",
    events.ImageEdited: "evt.image.edited.v1",
    events.ImageDeleted: "evt.image.deleted.v1",
    events.ImageRestored: "evt.image.restored.v1",
    events.ImagePurged: "evt.image.purged.v1",
    events.DefaultsChanged: "evt.defaults.changed.v1",
    events.AddressesChanged: "evt.addresses.changed.v1",
    events.VariantsReady: "evt.variants.ready.v1",
    events.VariantsFailed: "evt.variants.failed.v1",
    events.RecipesPublished: "evt.recipes.published.v1",
    events.ConnectionAdded: "evt.connection.added.v1",
    events.ConnectionObserved: "evt.connection.observed.v1",
    events.ConnectionExpiryNoted: "evt.connection.expiry_noted.v1",
    events.ConnectionRevoked: "evt.connection.revoked.v1",
    events.ConnectionRemoved: "evt.connection.removed.v1",
    events.SyncRequested: "evt.sync.requested.v1",
    events.TargetChanged: "evt.target.changed.v1",
    events.TargetReminded: "evt.target.reminded.v1",
    events.SyncFinished: "evt.sync.finished.v1",
}
"""The subject of each fact: `evt.<thing>.<past participle>.v<version of the contract>`."""

MESSAGES: Mapping[str, type[Message]] = {subject: message for message, subject in SUBJECTS.items()}

SYNC_JOBS = "job.sync.*"
PROCESS_JOBS = "job.process.*"
RENDER_INTERACTIVE = "job.process.interactive"
"""Pictures that a person waits for."""
RENDER_BULK = "job.process.bulk"
"""Pictures that nobody waits for: they take what the others leave."""

_TOKEN = re.compile(r"[a-z0-9_]+")


def subject_of(message: type[Message]) -> str:
    """Returns the subject of a fact. Raises `KeyError` for a message that is none."""
    return SUBJECTS[message]


def sync_job(platform: str) -> str:
    """Returns the subject of the doorbells for one platform's targets. Raises `ValueError` for a name that is no token."""
    return f"job.sync.{_token(platform)}"


def live(user_id: str) -> str:
    """Returns the subject on which the open pages of one person hear of changes; not stored anywhere."""
    return f"live.{_token(user_id.replace('-', ''))}"


def dead_letter(subject: str) -> str:
    """Returns the subject under which a message of `subject` is laid aside."""
    return f"dlq.{subject}"


def _token(word: str) -> str:
    if not _TOKEN.fullmatch(word):
        raise ValueError(f"{word!r} cannot be part of a subject: only a-z, 0-9 and _ can")
    return word


def envelope(event_id: str, message: type[Message], *, source: str, time: datetime, owner_id: str) -> dict[str, str]:
    """Makes the headers of a message. The id is made once and kept, so that a repetition carries the same one."""
    headers = {
        "Nats-Msg-Id": event_id,
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": message.DESCRIPTOR.full_name,
        "ce-source": f"/linkarooie/{source}",
        "ce-time": time.isoformat(),
        "ce-subject": owner_id,
        "content-type": "application/protobuf",
    }
    propagate.inject(headers)
    return headers
