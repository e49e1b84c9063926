"""What the sandbox's tests share: a clock to turn, pictures, the control API, and clients of other people's making."""

import base64
import hashlib
import html
import io
import json
import re
import time
import uuid
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from authlib.oauth1.rfc5849.client_auth import ClientAuth
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
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


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """An ES256 key that signs JWTs by hand, so that no library is on both sides."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        numbers = self.private.public_key().public_numbers()
        self.jwk = {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32)), "y": b64(numbers.y.to_bytes(32))}

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        parts = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": "ES256", **header}, claims))
        r, s = decode_dss_signature(self.private.sign(parts.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{parts}.{b64(r.to_bytes(32) + s.to_bytes(32))}"


BROAD = "atproto transition:generic"
NARROW = "atproto repo:app.bsky.actor.profile?action=create&action=update blob:image/*"


class BlueskyClient:
    """Signs in by pushed request and DPoP, and calls, with nothing but httpx2 and a key."""

    VERIFIER = MastodonClient.VERIFIER
    CHALLENGE = MastodonClient.CHALLENGE

    def __init__(self, http: httpx2.AsyncClient, origin: str, clock: Clock, scope: str = BROAD) -> None:
        self.http = http
        self.origin = origin
        self.clock = clock
        self.scope = scope
        self.key = Key()
        self.nonce: str | None = None
        self.client_id = "http://localhost?" + str(httpx2.QueryParams({"redirect_uri": CALLBACK, "scope": scope}))
        self.assertion_key: Key | None = None
        self.tokens: dict[str, Any] = {}

    def proof(self, method: str, url: str, token: str | None = None, **changes: Any) -> str:
        claims = {"htm": method, "htu": url.partition("?")[0], "jti": uuid.uuid4().hex, "iat": int(self.clock())}
        if self.nonce:
            claims["nonce"] = self.nonce
        if token:
            claims["ath"] = b64(hashlib.sha256(token.encode()).digest())
        return self.key.sign({"typ": "dpop+jwt", "jwk": self.key.jwk}, {**claims, **changes})

    async def form(self, path: str, **values: Any) -> httpx2.Response:
        """Posts to the authorisation server with a proof; repeats once when told a nonce."""
        url = self.origin + path
        for _ in range(2):
            body = {"client_id": self.client_id, **values}
            if self.assertion_key:
                body |= self.assertion()
            answer = await self.http.post(url, data=body, headers={"DPoP": self.proof("POST", url)})
            self.nonce = answer.headers["dpop-nonce"]
            if answer.json().get("error") != "use_dpop_nonce":
                break
        return answer

    def assertion(self, **changes: Any) -> dict[str, str]:
        assert self.assertion_key
        now = int(self.clock())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self.origin, "jti": uuid.uuid4().hex}
        claims |= {"iat": now, "exp": now + 60, **changes}
        return {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion_key.sign({"typ": "JWT", "kid": "k1"}, claims),
        }

    async def push(self, **changes: Any) -> httpx2.Response:
        values = {
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": self.scope,
            "state": "s&1",
            "code_challenge": self.CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        return await self.form("/oauth/par", **{name: value for name, value in values.items() if value is not None})

    async def authorize(self, account: str = "ada", decision: str = "allow", **changes: Any) -> dict[str, str]:
        pushed = await self.push(**changes)
        assert pushed.status_code == 201, pushed.text
        asked = {"client_id": self.client_id, "request_uri": pushed.json()["request_uri"]}
        page = await self.http.get(f"{self.origin}/oauth/authorize", params=asked)
        assert page.status_code == 200, page.text
        form = hidden(page.text) | {"account": account, "decision": decision}
        return query((await self.http.post(f"{self.origin}/oauth/authorize", data=form)).headers["location"])

    async def exchange(self, code: str, **changes: Any) -> httpx2.Response:
        values = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return await self.form("/oauth/token", **{**values, "code_verifier": self.VERIFIER, **changes})

    async def connect(self, account: str = "ada") -> "BlueskyClient":
        answer = await self.exchange((await self.authorize(account))["code"])
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json()
        return self

    async def refresh(self, token: str | None = None) -> httpx2.Response:
        token = token or self.tokens["refresh_token"]
        answer = await self.form("/oauth/token", grant_type="refresh_token", refresh_token=token)
        if answer.status_code == 200:
            self.tokens = answer.json()
        return answer

    async def call(self, method: str, name: str, **options: Any) -> httpx2.Response:
        """Calls XRPC with the token and a proof."""
        url = f"{self.origin}/xrpc/{name}"
        token = self.tokens["access_token"]
        headers = options.pop("headers", {})
        for _ in range(2):
            proof = {"Authorization": f"DPoP {token}", "DPoP": self.proof(method, url, token)}
            answer = await self.http.request(method, url, headers={**headers, **proof}, **options)
            self.nonce = answer.headers["dpop-nonce"]
            if answer.status_code != 401 or answer.json()["error"] != "use_dpop_nonce":
                break
        return answer

    @property
    def did(self) -> str:
        return str(self.tokens["sub"])

    async def upload(self, data: bytes, media_type: str = "image/png") -> httpx2.Response:
        return await self.call(
            "POST", "com.atproto.repo.uploadBlob", content=data, headers={"Content-Type": media_type}
        )

    async def record(self) -> dict[str, Any]:
        params = {"repo": self.did, "collection": "app.bsky.actor.profile", "rkey": "self"}
        return (await self.http.get(f"{self.origin}/xrpc/com.atproto.repo.getRecord", params=params)).json()

    async def put(self, record: Any, **options: Any) -> httpx2.Response:
        body = {"repo": self.did, "collection": "app.bsky.actor.profile", "rkey": "self", "record": record}
        return await self.call("POST", "com.atproto.repo.putRecord", json={**body, **options})

    async def set_picture(self, slot: str, data: bytes) -> httpx2.Response:
        blob = (await self.upload(data)).json()["blob"]
        old = await self.record()
        return await self.put({**old["value"], slot: blob}, swapRecord=old["cid"])

    async def seen(self, actor: str | None = None) -> dict[str, Any]:
        params = {"actor": actor or self.did}
        return (await self.http.get(f"{self.origin}/xrpc/app.bsky.actor.getProfile", params=params)).json()
