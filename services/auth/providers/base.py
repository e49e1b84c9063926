"""What a provider is: somewhere people have an account with which they sign in here.

`begin` says where to send the browser, `finish` turns what comes back into whose account it is. Nothing else is wanted of a provider,
so its tokens are thrown away as soon as that is known.

    ProviderError
        ConsentDeclinedError    the person said no there
        UnreachableError        the provider does not answer, or is in trouble: later it may
        AnswerInvalidError      its answer proves nothing: nobody is signed in by it
"""

import json
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from servicekit import deadline
from servicekit.outbound import Answer, AnswerTooLargeError, Outbound, OutboundError
from services.auth.domain.identity import ProviderAccount

# Longer than any code that the protocols define; what is not of this form is not quoted.
_ERROR_CODE = re.compile(r"[a-z0-9_.-]{1,60}", re.IGNORECASE)
# Of OpenID Connect (Core, section 2, at most 255 ASCII characters); the others' numbers are shorter.
SUBJECT_MAX_CHARACTERS = 255


class ProviderError(Exception):
    """A sign-in with a provider led nowhere. The message is for the log and holds no secret."""


class ConsentDeclinedError(ProviderError):
    pass


class UnreachableError(ProviderError):
    pass


class AnswerInvalidError(ProviderError):
    """`code` is the provider's own name for what went wrong, where it gave one."""

    def __init__(self, message: str, *, code: object = None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Begun:
    """Where to send the browser; `kept` is kept, sealed, until it comes back."""

    authorize_url: str
    kept: Mapping[str, str] = field(repr=False)


class Provider(ABC):
    """One provider. Keeps nothing of people."""

    def __init__(self, provider_id: str, label: str) -> None:
        """`label` is its name for people."""
        self.id = provider_id
        self.label = label

    @abstractmethod
    async def begin(self, *, redirect_uri: str, state: str) -> Begun:
        """Prepares a consent. Raises `ProviderError`."""

    @abstractmethod
    async def finish(
        self, parameters: Mapping[str, str], *, kept: Mapping[str, str], redirect_uri: str
    ) -> ProviderAccount:
        """Returns whose account it is, by what came back through the browser. Raises `ProviderError`."""


class Http:
    """Calls providers: bounded in time and size, and with what goes wrong on the way as a `ProviderError`."""

    def __init__(self, outbound: Outbound, *, timeout_seconds: float) -> None:
        self._outbound = outbound
        self._timeout_seconds = timeout_seconds

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: str | None = None,
    ) -> Answer:
        """Returns the answer, whatever its status below 500. `content` is a form."""
        sent = {"Accept": "application/json", **(headers or {})}
        if content is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            answer = await self._outbound.request(
                method,
                url,
                timeout_seconds=deadline.time_left(self._timeout_seconds),
                headers=sent,
                params=params,
                content=None if content is None else content.encode(),
            )
        except AnswerTooLargeError as error:
            raise AnswerInvalidError(str(error)) from error
        except OutboundError as error:
            raise UnreachableError(str(error)) from error
        if answer.status >= 500 or answer.status == 429:
            raise UnreachableError(f"HTTP {answer.status}")
        return answer

    async def close(self) -> None:
        await self._outbound.close()


def json_of(answer: Answer) -> Any:  # JSON
    """Returns the JSON of a good answer. Raises `AnswerInvalidError` for any other, with the error's code where it names one."""
    try:
        value = json.loads(answer.body)
    except ValueError as error:
        raise AnswerInvalidError(f"HTTP {answer.status} without JSON") from error
    named = value.get("error") if isinstance(value, dict) else None
    if isinstance(named, dict):  # as Facebook's Graph API writes it
        named = named.get("code")
    if named is not None or not answer.is_success:
        raise AnswerInvalidError(f"HTTP {answer.status}, error {error_code(named)}", code=named)
    return value


def object_of(answer: Answer) -> Mapping[str, Any]:  # JSON
    """As `json_of`, for an answer that is to be an object."""
    value = json_of(answer)
    if not isinstance(value, dict):
        raise AnswerInvalidError("an answer that is no JSON object")
    return value


def error_code(value: object) -> str:
    """Returns an error's code for the log. Descriptions are left out: they may quote what was sent."""
    text = str(value)
    return text if _ERROR_CODE.fullmatch(text) else "that cannot be quoted"


def code_of(parameters: Mapping[str, str]) -> str:
    """Returns the code that came back through the browser. Raises `ConsentDeclinedError`, and `AnswerInvalidError` when there is none."""
    error = parameters.get("error")
    if error == "access_denied":
        raise ConsentDeclinedError("access_denied")
    if error is not None:
        raise AnswerInvalidError(f"sent back with the error {error_code(error)}")
    code = parameters.get("code")
    if not code:
        raise AnswerInvalidError("sent back without a code")
    return code


def access_token_of(answer: Mapping[str, Any]) -> str:
    """Returns the access token of an answer. Raises `AnswerInvalidError`."""
    token = answer.get("access_token")
    # RFC 6749, section 7.1: what we do not know how to use must not be used.
    if not isinstance(token, str) or not token or str(answer.get("token_type", "bearer")).lower() != "bearer":
        raise AnswerInvalidError("no bearer token in the answer")
    return token


def text_of(values: Mapping[str, Any], name: str) -> str:
    """Returns a member that is text; empty if it is absent or something else."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def new_secret() -> str:
    """Makes a secret of 256 bits; also of the length and the letters that RFC 7636, section 4.1, asks of a verifier."""
    return secrets.token_urlsafe(32)
