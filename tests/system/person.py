"""People who use an installation by its HTTP API."""

import html
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

from sandbox import Sandbox
from system.mail import CaughtMail
from system.waiting import eventually

PASSWORD = "one picture everywhere"
PLATFORMS = ("x", "mastodon", "bluesky")


@dataclass(frozen=True)
class Person:
    """Somebody with an account, who uses the HTTP API."""

    http: httpx2.AsyncClient
    id: str
    email: str

    @classmethod
    async def signed_up(cls, http: httpx2.AsyncClient, mail: CaughtMail) -> "Person":
        """Registers somebody new, confirms the address with the link of the letter, and signs them in."""
        email = f"{uuid.uuid4().hex}@example.org"
        registration = {"email": email, "password": PASSWORD, "display_name": "Ada Rivers"}
        told(await http.post("/v1/auth/register", json=registration), 201)
        token = (await mail.link(email, "Confirm your address")).partition("#token=")[2]
        told(await http.post("/v1/auth/email/verify", json={"token": token}), 200)
        return await cls.signed_in(http, email)

    @classmethod
    async def signed_in(cls, http: httpx2.AsyncClient, email: str, password: str = PASSWORD) -> "Person":
        """Signs in whoever has an account."""
        signed_in = told(await http.post("/v1/auth/login", json={"email": email, "password": password}), 200)
        http.headers["authorization"] = f"Bearer {signed_in['access_token']}"
        return cls(http, told(await http.get("/v1/me"), 200)["id"], email)

    async def get(self, path: str) -> Any:
        """Reads, and again where a service that was just started is not found at once."""

        async def answered() -> httpx2.Response | None:
            answer = await self.http.get(path)
            return None if answer.status_code == 503 else answer

        return told(await eventually(answered, within_seconds=10), 200)

    async def send_picture(self, content: bytes, *, key: str | None = None) -> httpx2.Response:
        """Uploads a picture and returns whatever came back."""
        headers = {"idempotency-key": key or uuid.uuid4().hex}
        return await self.http.post("/v1/images", files={"file": ("photo.jpg", content)}, headers=headers)

    async def upload(self, content: bytes) -> str:
        """Uploads a picture, which is taken, and returns its id."""
        image_id: str = told(await self.send_picture(content), 201)["id"]
        return image_id

    async def ready(self, image_id: str, *, within_seconds: float = 30) -> dict[str, Any]:
        """Waits until a picture is ready."""

        async def is_ready() -> dict[str, Any] | None:
            image: dict[str, Any] = await self.get(f"/v1/images/{image_id}")
            assert image["state"] != "failed", image
            return image if image["state"] == "ready" else None

        image: dict[str, Any] = await eventually(is_ready, within_seconds=within_seconds, what=f"{image_id} ready")
        return image

    async def images(self) -> list[dict[str, Any]]:
        """Returns the whole library, newest first."""
        return [image async for image in self._all("/v1/images")]

    async def notices(self, kind: str) -> list[dict[str, Any]]:
        """Returns all notices of a kind, newest first."""
        return [notice async for notice in self._all("/v1/notices") if notice["kind"] == kind]

    async def _all(self, path: str) -> AsyncIterator[dict[str, Any]]:
        token = ""
        while True:
            page = await self.get(f"{path}?page_size=100&page_token={token}")
            for item in page["items"]:
                yield item
            token = page["next_page_token"]
            if not token:
                return

    async def connect(self, platform: str, *, account: str = "ada", instance: str = "") -> str:
        """Connects an account through the platform's own consent page and returns the connection's id."""
        wanted = {"platform": platform, "instance": instance}
        link = told(await self.http.post("/v1/connections", json=wanted), 200)["authorize_url"]
        async with httpx2.AsyncClient(timeout=30) as browser:
            page = await browser.get(link)
            assert page.status_code == 200, page.text
            action, hidden = consent_form(page.text)
            answer = {**hidden, "account": account, "decision": "allow"}
            sent_back = await browser.post(urljoin(link, action), data=answer)
        assert sent_back.status_code in (302, 303), sent_back.text
        arrived = await self.http.get(sent_back.headers["location"])
        assert arrived.status_code == 303, arrived.text
        where = urlsplit(arrived.headers["location"])
        assert "connected" in parse_qs(where.query), where.query
        [connection_id] = parse_qs(where.query)["connected"]
        return connection_id

    async def sync(self, image_id: str, *connection_ids: str, slot: str = "avatar") -> str:
        """Asks for a picture to be shown and returns the sync's id."""
        wanted = {"image_id": image_id, "slot": slot, "connection_ids": connection_ids}
        sync_id: str = told(await self.http.post("/v1/syncs", json=wanted), 202)["id"]
        return sync_id

    async def target(self, sync_id: str, platform: str) -> dict[str, Any]:
        """Returns a sync's target on a platform."""
        [target] = [one for one in (await self.get(f"/v1/syncs/{sync_id}"))["targets"] if one["platform"] == platform]
        found: dict[str, Any] = target
        return found

    async def comes_to(
        self, sync_id: str, platform: str, *states: str, within_seconds: float = 60, reason: str | None = None
    ) -> dict[str, Any]:
        """Waits until a target is in one of the states (with this reason), and returns it."""
        seen: list[tuple[str, str | None]] = []

        async def is_there() -> dict[str, Any] | None:
            target = await self.target(sync_id, platform)
            now = target["state"], (target["reason"] or {}).get("code")
            if now not in seen[-1:]:
                seen.append(now)
            return target if now[0] in states and reason in (None, now[1]) else None

        try:
            target: dict[str, Any] = await eventually(is_there, within_seconds=within_seconds)
        except AssertionError as error:
            raise AssertionError(f"{platform} did not come to {states}; it was {seen}") from error
        return target

    async def connect_all(self, sandbox: Sandbox, *, account: str = "ada", only: str | None = None) -> None:
        """Connects this account on every platform of the sandbox, or on one of them."""
        for platform in (only,) if only else PLATFORMS:
            instance = urlsplit(sandbox.urls[platform]).netloc if platform == "mastodon" else ""
            await self.connect(platform, account=account, instance=instance)


def told(answer: httpx2.Response, status: int) -> Any:
    """Returns what an answer says; fails with all of it when its status is another."""
    assert answer.status_code == status, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
    return answer.json()


def consent_form(page: str) -> tuple[str, dict[str, str]]:
    """Reads the form of a consent page: where it goes, and its hidden fields."""
    [action] = re.findall(r'<form method="post" action="([^"]*)"', page)
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return html.unescape(action), {name: html.unescape(value) for name, value in fields}
