"""Keeps caught letters as .eml files, the newest few hundred."""

import email
import email.policy
import json
import os
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import pydantic

KEPT_LETTERS = 500

# The first line of each file says who the letter was really for, which its own headers need not tell (blind copies).
ENVELOPE = b"X-Caught-Envelope: "


class Envelope(pydantic.BaseModel):
    """What the sender told the server about a letter."""

    sender: str
    recipients: tuple[str, ...]
    received_at: datetime


@dataclass(frozen=True)
class Letter:
    """One caught letter, and what can be read of it; `text` and `html` are None where it has no such part."""

    id: str
    envelope: Envelope
    subject: str
    text: str | None
    html: str | None


class LetterBox:
    """The letters in one folder. Blocks on the disk: call it off the event loop."""

    def __init__(self, folder: Path, *, keep: int = KEPT_LETTERS) -> None:
        self._folder = folder
        self._keep = keep
        self._read: dict[str, Letter] = {}

    def save(self, content: bytes, envelope: Envelope, unique: str) -> None:
        """Keeps a letter and drops the oldest beyond the limit; `unique` tells letters of the same instant apart."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / f"{envelope.received_at:%Y%m%dT%H%M%S%f}-{unique}.eml"
        # Half a letter must not be read, and a full disk must not leave one.
        temporary = path.with_suffix(".new")
        try:
            temporary.write_bytes(ENVELOPE + _to_ascii(envelope) + b"\r\n" + content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        for letter_id in self._ids()[self._keep :]:
            (self._folder / f"{letter_id}.eml").unlink(missing_ok=True)
            self._read.pop(letter_id, None)

    def letters(self) -> list[Letter]:
        """Lists the letters, newest first."""
        found = [self.letter(letter_id) for letter_id in self._ids()]
        return [letter for letter in found if letter is not None]

    def letter(self, letter_id: str) -> Letter | None:
        """Returns one letter, None when there is none of that id."""
        if letter_id not in self._read:
            # Looked up among what is there, so that an id from outside never becomes a path.
            if letter_id not in self._ids():
                return None
            try:
                self._read[letter_id] = parse_letter(letter_id, (self._folder / f"{letter_id}.eml").read_bytes())
            except FileNotFoundError:
                return None  # dropped meanwhile
        return self._read[letter_id]

    def _ids(self) -> list[str]:
        return sorted((path.stem for path in self._folder.glob("*.eml")), reverse=True)


def parse_letter(letter_id: str, file: bytes) -> Letter:
    """Reads a kept letter; parts of it that are broken come out as readable as they can be."""
    first_line, _, content = file.partition(b"\r\n")
    message = email.message_from_bytes(content, policy=email.policy.default)
    return Letter(
        id=letter_id,
        envelope=Envelope.model_validate_json(first_line.removeprefix(ENVELOPE)),
        subject=str(message.get("Subject", "")),
        text=_body(message, "plain"),
        html=_body(message, "html"),
    )


def _to_ascii(envelope: Envelope) -> bytes:
    return json.dumps(envelope.model_dump(mode="json")).encode("ascii")


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return None
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):
        payload = part.get_payload(decode=True)
        return payload.decode(errors="replace") if isinstance(payload, bytes) else None
