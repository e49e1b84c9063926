"""Letters that were caught on their way."""

import re
from dataclasses import dataclass
from typing import Any

import httpx2

from system.waiting import eventually

_LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class CaughtMail:
    """The mail catcher of an installation, by its HTTP API."""

    url: str

    async def letter(self, to: str, subject: str) -> dict[str, Any]:
        """Waits for a letter to an address with such a word in its subject, and returns the newest."""

        async def newest() -> dict[str, Any] | None:
            async with httpx2.AsyncClient(base_url=self.url) as http:
                letters = (await http.get("/api/letters", params={"to": to})).json()
            found = [letter for letter in letters if subject in letter["subject"]]
            return max(found, key=lambda letter: str(letter["received_at"])) if found else None

        letter: dict[str, Any] = await eventually(newest, what=f"a letter to {to} on “{subject}”")
        return letter

    async def link(self, to: str, subject: str) -> str:
        """Waits for such a letter and returns the address that its button leads to: the one with a token."""
        [link] = [found for found in _LINK.findall((await self.letter(to, subject))["text"]) if "#token=" in found]
        return str(link)
