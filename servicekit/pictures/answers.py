"""What a worker answers, and how its owner reads it without trusting it.

A pickle can name any function to be called, so the answer of a worker that a file has taken over must not be read like
one of our own.
"""

import dataclasses
import pickle
import sys
import traceback
from enum import Enum
from io import BytesIO
from pathlib import PurePath
from typing import Any

LENGTH_BYTES = 4
# A result is a description and a few paths; a worker that says more is not itself any more.
MAX_ANSWER_BYTES = 64 * 2**20


class UnreadableAnswerError(Exception):
    """The answer is damaged, or made of what no answer is made of."""


def pack_result(result: object) -> bytes:
    """Writes what a job returned."""
    return _dump((True, result))


def pack_failure(error: Exception) -> bytes:
    """Writes what a job raised, with the place where it did; in words where the error itself cannot travel."""
    where = "".join(traceback.format_exception(error))
    try:
        travelling = _dump(error)
    except Exception:  # whatever a library's error does when it is written
        travelling = b""
    return _dump((False, (travelling, f"{type(error).__name__}: {error}", f"in a picture worker:\n{where}")))


def unpack(answer: bytes) -> object:
    """Returns what the job returned, or raises what it raised (RuntimeError in words, if the owner does not know its kind).

    Only plain values, dataclasses, enumerations, paths and exceptions are made, of modules that this process has
    imported already. Raises UnreadableAnswerError.
    """
    content = _load(answer)
    match content:
        case (True, result):
            return result
        case (False, (bytes(travelling), str(words), str(where))):
            raise _error(travelling, words, where)
    raise UnreadableAnswerError("it is neither a result nor a failure")


def _error(travelling: bytes, words: str, where: str) -> Exception:
    try:
        error = _load(travelling)
    except UnreadableAnswerError:
        error = None
    if not isinstance(error, Exception):
        error = RuntimeError(words)
    error.add_note(where)
    return error


def _dump(content: object) -> bytes:
    file = BytesIO()
    _Writer(file).dump(content)
    return file.getvalue()


def _load(content: bytes) -> object:
    try:
        return _Reader(BytesIO(content)).load()
    except Exception as error:  # an attacker's pickle can raise anything
        raise UnreadableAnswerError(f"{type(error).__name__}: {error}") from error


class _Writer(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:  # as pickle describes it
        # Early releases of Python 3.11 write a member of an enumeration as a call of getattr, which nobody may ask for.
        return (type(value), (value.value,)) if isinstance(value, Enum) else NotImplemented


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        found: object = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if isinstance(found, type) and (
            dataclasses.is_dataclass(found) or issubclass(found, Enum | PurePath | Exception | set | frozenset)
        ):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is nothing that a worker may answer")
