"""A browser's way through a sign-in provider, as the tests of all three share it."""

import hashlib
import re
from typing import Any

import httpx2
from sandbox_clients import b64, hidden, query

VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"
STATE = "s t&1"


def callback(provider: str) -> str:
    return f"http://127.0.0.1:8080/v1/auth/oauth/{provider}/callback"


class Provider:
    """Walks through one provider. `asked` is what the app asks for; a value of None leaves a parameter out."""

    def __init__(self, http: httpx2.AsyncClient, origin: str, page: str, asked: dict[str, str]) -> None:
        self.http = http
        self.origin = origin
        self.page = origin + page
        self.asked = asked

    async def ask(self, **changes: str | None) -> httpx2.Response:
        """Opens the consent page."""
        asked = {name: value for name, value in {**self.asked, **changes}.items() if value is not None}
        return await self.http.get(self.page, params=asked)

    async def decide(self, page: httpx2.Response, account: str = "ada", decision: str = "allow") -> httpx2.Response:
        """Sends the page's form."""
        assert page.status_code == 200, page.text
        [action] = re.findall(r'<form method="post" action="([^"]*)">', page.text)
        form = {**hidden(page.text), "account": account, "decision": decision}
        return await self.http.post(self.origin + action, data=form)

    async def authorize(self, account: str = "ada", decision: str = "allow", **changes: str | None) -> dict[str, str]:
        """Goes there and back; returns what came back to the callback."""
        answer = await self.decide(await self.ask(**changes), account, decision)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith(self.asked["redirect_uri"] + "?")
        return query(answer.headers["location"])

    async def get(self, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await self.http.get(self.origin + path, headers=headers, **options)


def challenge() -> dict[str, str]:
    return {"code_challenge": b64(hashlib.sha256(VERIFIER.encode()).digest()), "code_challenge_method": "S256"}
