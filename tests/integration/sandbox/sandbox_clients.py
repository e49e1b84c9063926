"""What the sandbox's tests share: a clock to turn, pictures, the control API, and clients of other people's making."""

import base64
import hashlib
import html
import io
import re
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from authlib.oauth1.rfc5849.client_auth import ClientAuth
from PIL import Image

from sandbox import X_CONSUMER_KEY, X_CONSUMER_SECRET

CALLBACK = "http://127.0.0.1:8080/callback"


class Clock:
    """Real time plus what a test adds, so that signed timestamps of real clients stay valid."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def picture(colour: str = "teal", size: tuple[int, int] = (600, 600), form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, form)
    return out.getvalue()


def noise(width: int, height: int) -> bytes:
    """A PNG of about 3 bytes a pixel."""
    out = io.BytesIO()
    Image.merge("RGB", [Image.effect_noise((width, height), 90 + band) for band in range(3)]).save(out, "PNG")
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def is_colour(data: bytes, rgb: tuple[int, int, int]) -> bool:
    pixel = opened(data).convert("RGB").resize((1, 1)).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return all(abs(one - other) < 8 for one, other in zip(pixel, rgb, strict=True))


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


class Control:
    def __init__(self, http: httpx2.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url

    async def switch(self, platform: str, **switches: Any) -> None:
        answer = await self._http.put(f"{self._url}/api/{platform}/switches", json=switches)
        assert answer.status_code == 200, answer.text

    async def switches(self, platform: str) -> dict[str, Any]:
        return (await self._http.get(f"{self._url}/api/{platform}/switches")).json()

    async def account(self, platform: str, name: str = "ada") -> dict[str, Any]:
        return (await self._http.get(f"{self._url}/api/{platform}/accounts/{name}")).json()

    async def changes(self, platform: str, slot: str, name: str = "ada") -> int:
        return (await self.account(platform, name))[slot]["changes"]


class XClient:
    """Signs with authlib and posts with httpx2."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        origin: str,
        token: str | None = None,
        token_secret: str | None = None,
        consumer_secret: str = X_CONSUMER_SECRET,
    ) -> None:
        self.http = http
        self.origin = origin
        self.token = token
        self.token_secret = token_secret
        self.consumer_secret = consumer_secret

    def signed(self, method: str, path: str, **auth: str) -> tuple[str, str, dict[str, str]]:
        signer = ClientAuth(X_CONSUMER_KEY, self.consumer_secret, self.token, self.token_secret, **auth)
        uri, headers, _ = signer.prepare(method, self.origin + path, {}, "")
        return method, uri, dict(headers)

    async def call(self, method: str, path: str, *, files: Any = None, **auth: str) -> httpx2.Response:
        method, uri, headers = self.signed(method, path, **auth)
        return await self.http.request(method, uri, headers=headers, files=files)

    async def call_form(self, path: str, form: dict[str, str]) -> httpx2.Response:
        body = str(httpx2.QueryParams(form))
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        signer = ClientAuth(X_CONSUMER_KEY, self.consumer_secret, self.token, self.token_secret)
        uri, headers, body = signer.prepare("POST", self.origin + path, headers, body)
        return await self.http.post(uri, headers=dict(headers), content=body)

    async def upload(self, kind: str, data: bytes) -> httpx2.Response:
        field = {"image": "image", "banner": "banner"}[kind]
        return await self.call("POST", f"/1.1/account/update_profile_{kind}.json", files={field: ("a.png", data)})

    async def start(self, callback: str = CALLBACK, query: str = "") -> httpx2.Response:
        return await self.call("POST", f"/oauth/request_token{query}", redirect_uri=callback)

    async def connect(self, account: str = "ada", start_query: str = "") -> "XClient":
        """Walks the three legs as a browser and an app would."""
        pending = dict(parse_qsl((await self.start(query=start_query)).text))
        page = await self.http.get(f"{self.origin}/oauth/authorize", params={"oauth_token": pending["oauth_token"]})
        assert page.status_code == 200
        sent_back = await self.http.post(
            f"{self.origin}/oauth/authorize",
            data={"oauth_token": pending["oauth_token"], "account": account, "decision": "allow"},
        )
        assert sent_back.status_code == 303, sent_back.text
        back = query(sent_back.headers["location"])
        waiting = XClient(self.http, self.origin, pending["oauth_token"], pending["oauth_token_secret"])
        done = await waiting.call("POST", "/oauth/access_token", verifier=back["oauth_verifier"])
        assert done.status_code == 200, done.text
        granted = dict(parse_qsl(done.text))
        assert granted["screen_name"] == account
        return XClient(self.http, self.origin, granted["oauth_token"], granted["oauth_token_secret"])


def code(answer: httpx2.Response) -> int:
    return answer.json()["errors"][0]["code"]


class MastodonClient:
    """Registers, signs in with PKCE and calls, with nothing but httpx2."""

    VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"
    CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()

    def __init__(self, http: httpx2.AsyncClient, origin: str) -> None:
        self.http = http
        self.origin = origin
        self.app: dict[str, Any] = {}
        self.token: str | None = None

    async def register(self, **values: Any) -> httpx2.Response:
        body = {
            "client_name": "Linkarooie",
            "redirect_uris": CALLBACK,
            "scopes": "read:accounts write:accounts",
            **values,
        }
        answer = await self.http.post(f"{self.origin}/api/v1/apps", json=body)
        if answer.status_code == 200:
            self.app = answer.json()
        return answer

    async def authorize(self, account: str = "ada", decision: str = "allow", **changes: Any) -> dict[str, str]:
        """Goes through the consent page; returns what came back to the callback."""
        asked = {
            "response_type": "code",
            "client_id": self.app["client_id"],
            "redirect_uri": CALLBACK,
            "scope": "read:accounts write:accounts",
            "state": "s t&1",
            "code_challenge": self.CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        asked = {name: value for name, value in asked.items() if value is not None}
        page = await self.http.get(f"{self.origin}/oauth/authorize", params=asked)
        if page.status_code == 303:
            return query(page.headers["location"])
        assert page.status_code == 200, page.text
        form = hidden(page.text) | {"account": account, "decision": decision}
        return query((await self.http.post(f"{self.origin}/oauth/authorize", data=form)).headers["location"])

    async def exchange(self, code: str, **changes: Any) -> httpx2.Response:
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.app["client_id"],
            "client_secret": self.app["client_secret"],
            "redirect_uri": CALLBACK,
            "code_verifier": self.VERIFIER,
            **changes,
        }
        return await self.http.post(f"{self.origin}/oauth/token", data=body)

    async def connect(self, account: str = "ada", scope: str = "read:accounts write:accounts") -> "MastodonClient":
        await self.register(scopes=scope)
        code = (await self.authorize(account, scope=scope))["code"]
        answer = await self.exchange(code)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        return self

    async def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.http.request(method, self.origin + path, headers=headers, **options)

    async def upload(self, path: str = "/api/v1/accounts/update_credentials", **files: bytes) -> httpx2.Response:
        return await self.call("PATCH", path, files={name: ("a", data) for name, data in files.items()})

    async def me(self) -> dict[str, Any]:
        return (await self.call("GET", "/api/v1/accounts/verify_credentials")).json()


def hidden(page: str) -> dict[str, str]:
    """Reads the hidden fields of the form on a page."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in found}
