"""Keys for programs: how they are written, and what may be asked of one."""

import hashlib
import secrets
import string
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from servicekit.errors import FieldViolation, InvalidInputError
from servicekit.rights import Scope

# By these four characters scanners of code and logs find keys of ours.
PREFIX = "lnk_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_CHARACTERS = 30  # 178 bits
CHECKSUM_CHARACTERS = 6  # as many as the largest CRC-32 has in base 62
SHOWN_CHARACTERS = len(PREFIX) + 8
NAME_MAX_CHARACTERS = 100
MAX_KEYS = 50


@dataclass(frozen=True)
class ApiKey:
    """A key as we keep it: its hash, what it may do, and how it begins, for its owner to recognise it by."""

    id: str
    user_id: str
    name: str
    prefix: str
    hash: bytes = field(repr=False)
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class KeyRequest:
    """What somebody asks for who wants a key, checked."""

    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None


def check_key_request(*, name: str, scopes: Sequence[str], expires_at: datetime | None, now: datetime) -> KeyRequest:
    """Returns the request tidied. Raises `InvalidInputError` that names every field refused, not just the first."""
    name = name.strip()
    problems = {
        "name": _name_problem(name),
        "scopes": _scopes_problem(scopes),
        "expire_time": None if expires_at is None or expires_at > now else "The key would have ended already.",
    }
    violations = tuple(FieldViolation(field, problem) for field, problem in problems.items() if problem is not None)
    if violations:
        raise InvalidInputError(" ".join(violation.description for violation in violations), violations=violations)
    return KeyRequest(name, tuple(scope.value for scope in Scope if scope in scopes), expires_at)


def _name_problem(name: str) -> str | None:
    if not name:
        return "Give the key a name, so that you know later what it is for."
    if len(name) > NAME_MAX_CHARACTERS:
        return f"The name has {len(name)} characters; at most {NAME_MAX_CHARACTERS} are possible."
    if not name.isprintable():
        return "The name holds a line break or another character that cannot be shown. Remove it."
    return None


def _scopes_problem(scopes: Collection[str]) -> str | None:
    if not scopes:
        return "Choose at least one thing that the key may do."
    unknown = sorted(set(scopes) - set(Scope))
    if unknown:
        return f"There is no scope {unknown[0][:NAME_MAX_CHARACTERS]!r}. Choose from {', '.join(Scope)}."
    return None


def new_api_key() -> str:
    """Makes a key: `lnk_`, random characters, and a checksum over both."""
    start = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return start + _checksum(start)


def is_well_formed(key: str) -> bool:
    """Tells whether this can be a key at all: a mistyped or invented one is found without asking anybody."""
    start, checksum = key[:-CHECKSUM_CHARACTERS], key[-CHECKSUM_CHARACTERS:]
    return (
        len(start) == len(PREFIX) + RANDOM_CHARACTERS
        and start.startswith(PREFIX)
        and set(start[len(PREFIX) :]) <= set(ALPHABET)
        and checksum == _checksum(start)
    )


def hash_of_key(key: str) -> bytes:
    """Returns what is stored of a key. A plain hash is enough: nobody can try out 178 random bits."""
    return hashlib.sha256(key.encode()).digest()


def _checksum(start: str) -> str:
    number = zlib.crc32(start.encode("ascii"))
    digits = ""
    for _ in range(CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
