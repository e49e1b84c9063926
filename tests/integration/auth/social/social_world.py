"""Browsers at a certified OpenID provider and at the sandbox's, and the calls by which they sign in here."""

import asyncio
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from auth_client import AuthStub, call, coming_from
from nats.js.errors import NotFoundError

from linkarooie.auth.v1 import auth_pb2
from servicekit.bus import Bus
from servicekit.errors import ServiceError
from servicekit.subjects import subject_of

PUBLIC_URL = "http://127.0.0.1:8080"
# The clients of the provider in `../openid_provider/server.mjs`, each with another way that its ID tokens are signed.
CLIENTS = ("rs256", "es256", "eddsa", "ps256")
# The same provider once more, with its word on addresses not taken.
UNTRUSTED = "untrusted"


def redirect_uri(provider: str) -> str:
    return f"{PUBLIC_URL}/v1/auth/oauth/{provider}/callback"


class OpenIdServer:
    """The certified provider, running."""

    def __init__(self, process: asyncio.subprocess.Process, issuer: str, http: httpx2.AsyncClient) -> None:
        self._process = process
        self.issuer = issuer
        self._http = http

    @classmethod
    async def start(cls, node: str, folder: str, http: httpx2.AsyncClient) -> Self:
        uris = [redirect_uri(provider) for provider in (*CLIENTS, UNTRUSTED)]
        process = await asyncio.create_subprocess_exec(
            node,
            "server.mjs",
            json.dumps({"redirect_uris": uris}),
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # warns that it keeps everything in memory, as is wanted
        )
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = await process.stdout.readline()
        return cls(process, json.loads(line)["issuer"], http)

    @property
    def settings(self) -> list[dict[str, Any]]:
        """Returns what an operator would set: each client as a provider of its own."""
        named = [(client, client, True) for client in CLIENTS] + [(UNTRUSTED, "rs256", False)]
        return [
            {
                "id": provider,
                "label": f"Company ({provider})",
                "issuer": self.issuer,
                "client_id": client,
                "client_secret": f"{client} secret: 100% +/&",
                "trusts_email": trusts_email,
            }
            for provider, client, trusts_email in named
        ]

    async def rotate_keys(self) -> None:
        assert (await self._http.post(f"{self.issuer}/rotate")).status_code == 204

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


@dataclass(frozen=True)
class Person:
    """Somebody with an account at the OpenID provider, whom nobody else in the tests is."""

    sub: str = field(default_factory=lambda: f"sub-{secrets.token_hex(8)}")
    email: str = field(default_factory=lambda: f"{secrets.token_hex(8)}@example.org")
    email_verified: bool = True
    name: str = "Ada Rivers"

    @property
    def claims(self) -> str:
        return json.dumps({"email": self.email, "email_verified": self.email_verified, "name": self.name})


class Browser:
    """Somebody's browser: cookies at the provider, a secret here, and perhaps a session."""

    def __init__(self, auth: AuthStub, *, token: str | None = None) -> None:
        self.auth = auth
        self.secret = secrets.token_urlsafe(32)
        self.token = token
        self.device_token = ""

    async def begin(self, provider: str, *, return_to: str = "/") -> str:
        """Begins to sign in. Returns where to go."""
        request = auth_pb2.BeginSocialSignInRequest(provider=provider, browser_secret=self.secret, return_to=return_to)
        return str((await call(self.auth, "BeginSocialSignIn", request)).authorize_url)

    async def begin_link(self, provider: str, *, return_to: str = "/settings/sign-in") -> str:
        """Begins to link an identity to the account that is signed in here. Returns where to go."""
        request = auth_pb2.BeginIdentityLinkRequest(provider=provider, browser_secret=self.secret, return_to=return_to)
        answer = await call(self.auth, "BeginIdentityLink", request, metadata=coming_from(token=self.token))
        return str(answer.authorize_url)

    async def finish(self, provider: str, parameters: Mapping[str, str]) -> auth_pb2.FinishSocialSignInResponse:
        request = auth_pb2.FinishSocialSignInRequest(
            provider=provider,
            parameters=parameters,
            browser_secret=self.secret,
            device_token=self.device_token,
        )
        answer: auth_pb2.FinishSocialSignInResponse = await call(
            self.auth, "FinishSocialSignIn", request, metadata=coming_from(token=self.token)
        )
        return answer

    async def sign_in(self, provider: str, person: Person) -> auth_pb2.FinishSocialSignInResponse:
        """Signs in at the OpenID provider, all the way."""
        return await self.finish(provider, await consent(await self.begin(provider), person))

    async def link(self, provider: str, person: Person) -> auth_pb2.FinishSocialSignInResponse:
        return await self.finish(provider, await consent(await self.begin_link(provider), person))

    async def identities(self) -> list[auth_pb2.Identity]:
        request = auth_pb2.ListIdentitiesRequest()
        answer = await call(self.auth, "ListIdentities", request, metadata=coming_from(token=self.token))
        return list(answer.identities)

    async def unlink(self, identity_id: str) -> None:
        request = auth_pb2.DeleteIdentityRequest(id=identity_id)
        await call(self.auth, "DeleteIdentity", request, metadata=coming_from(token=self.token))


async def consent(authorize_url: str, person: Person | None = None, *, error: str = "") -> dict[str, str]:
    """Goes through the OpenID provider with a fresh browser, as a person or with an error. Returns what the callback is called with."""
    async with httpx2.AsyncClient(timeout=10) as client:
        answer = await client.get(authorize_url)
        while not _is_callback(answer):
            assert answer.status_code in {302, 303}, answer.text
            target = answer.headers["location"]
            if "/interaction/" not in target:
                answer = await client.get(httpx2.URL(str(answer.request.url)).join(target))
                continue
            query = {"error": error} if person is None else {"person": person.sub, "claims": person.claims}
            answer = await client.post(httpx2.URL(str(answer.request.url)).join(target), params=query)
        return _parameters(answer)


async def allow(authorize_url: str, account: str = "ada", *, decision: str = "allow") -> dict[str, str]:
    """Goes through a consent page of the sandbox. Returns what the callback is called with."""
    async with httpx2.AsyncClient(timeout=10) as client:
        page = await client.get(authorize_url)
        assert page.status_code == 200, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
        action = re.search(r'<form method="post" action="([^"]*)">', page.text)
        assert action is not None
        form = {**hidden, "account": account, "decision": decision}
        return _parameters(await client.post(httpx2.URL(str(page.request.url)).join(action[1]), data=form))


def _is_callback(answer: httpx2.Response) -> bool:
    return answer.headers.get("location", "").startswith(PUBLIC_URL)


def _parameters(answer: httpx2.Response) -> dict[str, str]:
    assert _is_callback(answer), answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query, keep_blank_values=True))


async def reason_of(awaitable: Any) -> str:
    """Returns the reason of the error that a call ends with."""
    with pytest.raises(ServiceError) as caught:
        await awaitable
    return caught.value.reason


async def last_event(bus: Bus, kind: type[Any], user_id: str) -> Any:
    """Returns the newest event of a kind if it is about somebody; else None."""
    try:
        message = await bus.jetstream.get_last_msg("EVENTS", subject_of(kind))
    except NotFoundError:
        return None
    event = kind.FromString(message.data)
    return event if event.user_id == user_id else None
