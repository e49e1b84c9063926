"""Who calls the gateway in these tests."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

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
