"""Who calls the gateway in these tests, and what it is set to."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

MEDIA_KEY = "the media key of the tests, long enough"
MAX_IMAGE_BYTES = 2_000_000

RunGateway = Callable[..., AbstractAsyncContextManager[str]]


@dataclass(frozen=True)
class Person:
    """An account, and one session of it."""

    id: str
    email: str
    password: str
    token: str
    cookies: dict[str, str]

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}
