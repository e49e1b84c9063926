"""Who calls the gateway in these tests, and what it is set to."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import httpx2

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


@asynccontextmanager
async def browser_of(gateway: str, person: Person, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser in which somebody has signed in: all it has are its cookies."""
    async with httpx2.AsyncClient(base_url=gateway, headers={"sec-fetch-site": "same-origin", **headers}) as browser:
        answer = await browser.post("/v1/auth/login", json={"email": person.email, "password": person.password})
        assert answer.status_code == 200, answer.text
        yield browser


def reason_of(answer: httpx2.Response) -> tuple[int, str]:
    """Returns what a problem is, for programs."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["reason"]
