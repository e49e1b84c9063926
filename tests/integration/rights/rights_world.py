"""A whole installation with one person who has one of everything, and those who must not reach it."""

import html
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import grpc
import httpx2
import sqlalchemy as sa
from system.accounts import PASSWORD, make_account, newest_token
from system.person import Person
from system.pictures import photograph

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from linkarooie.notify.v1 import notify_pb2, notify_pb2_grpc
from linkarooie.profile.v1 import profile_pb2, profile_pb2_grpc
from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from sandbox import Sandbox
from servicekit.database import Database
from servicekit.errors import NotFoundError
from servicekit.grpc_client import remote_errors
from servicekit.identity import Role
from servicekit.ids import new_id
from servicekit.rights import Scope
from services.auth.domain.account import User
from services.auth.settings import AuthSettings
from services.auth.store.tables import sessions as sessions_table

Eventually = Callable[..., Awaitable[Any]]
# So that the owner's notices stay unread, whoever is let in.
NO_NOTICE = new_id()
FLOW_COOKIE, TICKET_COOKIE = "linkarooie-flow", "linkarooie-ticket"


@dataclass(frozen=True)
class SignedIn:
    """Somebody with an account, and a session of theirs that was just opened."""

    id: str
    email: str
    token: str

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),)


@dataclass
class Things:
    """What the owner has, by id."""

    image: str = ""
    connection: str = ""
    sync: str = ""
    target: str = ""
    session: str = ""
    identity: str = ""
    api_key: str = ""
    handle: str = ""
    picture_url: str = ""


@dataclass
class World:
    """The installation, its people, and what the owner has. Made by `World.made`."""

    sandbox: Sandbox
    url: str
    channels: Mapping[str, grpc.aio.Channel]
    settings: AuthSettings
    database: Database
    http: httpx2.AsyncClient
    eventually: Eventually
    owner: SignedIn = SignedIn("", "", "")
    stranger: SignedIn = SignedIn("", "", "")
    support: SignedIn = SignedIn("", "", "")
    admin: SignedIn = SignedIn("", "", "")
    things: Things = field(default_factory=Things)
    keys: dict[frozenset[Scope], str] = field(default_factory=dict)

    # The services

    @property
    def auth(self) -> "auth_pb2_grpc.AuthServiceAsyncStub":
        return auth_pb2_grpc.AuthServiceStub(self.channels["linkarooie.auth.v1.AuthService"])

    @property
    def upload(self) -> "upload_pb2_grpc.UploadServiceAsyncStub":
        return upload_pb2_grpc.UploadServiceStub(self.channels["linkarooie.upload.v1.UploadService"])

    @property
    def sync(self) -> "sync_pb2_grpc.SyncServiceAsyncStub":
        return sync_pb2_grpc.SyncServiceStub(self.channels["linkarooie.sync.v1.SyncService"])

    @property
    def profile(self) -> "profile_pb2_grpc.ProfileServiceAsyncStub":
        return profile_pb2_grpc.ProfileServiceStub(self.channels["linkarooie.profile.v1.ProfileService"])

    @property
    def notify(self) -> "notify_pb2_grpc.NotifyServiceAsyncStub":
        return notify_pb2_grpc.NotifyServiceStub(self.channels["linkarooie.notify.v1.NotifyService"])

    # The people

    async def populate(self) -> None:
        """Makes the people, and everything that the owner has."""
        self.owner = await self.somebody()
        self.stranger = await self.somebody()
        self.support = await self.somebody(Role.SUPPORT)
        self.admin = await self.somebody(Role.ADMIN)
        await self._have_profiles()
        await self._show_a_picture()
        self.things.session = await self.another_session()
        self.things.identity = await self.linked_identity("google")
        self.things.api_key = (await self.new_api_key({Scope.ACCOUNT_READ}))[0]

    async def account(self, role: Role = Role.USER) -> User:
        """Makes an account that nobody has used."""
        return await make_account(self.settings, role=role)

    async def somebody(self, role: Role = Role.USER) -> SignedIn:
        user = await self.account(role)
        return SignedIn(user.id, user.email, (await self.log_in(user.email)).access_token)

    async def log_in(self, email: str) -> auth_pb2.SessionTokens:
        request = auth_pb2.LogInRequest(email=email, password=PASSWORD)
        return (await self.auth.LogIn(request)).signed_in.tokens

    async def refresh_token(self) -> str:
        """Opens a session of the owner's and returns its refresh token."""
        return (await self.log_in(self.owner.email)).refresh_token

    async def stale_token(self) -> str:
        """Returns an access token of a session that the owner opened an hour ago."""
        known = {session.id for session in await self._sessions()}
        tokens = await self.log_in(self.owner.email)
        [opened] = {session.id for session in await self._sessions()} - known
        an_hour_ago = sa.func.now() - sa.text("interval '1 hour'")
        change = sa.update(sessions_table).where(sessions_table.c.id == opened).values(created_at=an_hour_ago)
        async with self.database.sessions() as session:
            await session.execute(change)
            await session.commit()
        request = auth_pb2.RefreshSessionRequest(refresh_token=tokens.refresh_token)
        return (await self.auth.RefreshSession(request)).tokens.access_token

    async def key_with(self, scopes: frozenset[Scope]) -> str:
        """Returns an API key of the owner's with these scopes, the same each time."""
        if scopes not in self.keys:
            self.keys[scopes] = (await self.new_api_key(scopes))[1]
        return self.keys[scopes]

    async def exchanged(self, key: str) -> str:
        """Returns an access token of an API key's."""
        return (await self.auth.ExchangeApiKey(auth_pb2.ExchangeApiKeyRequest(api_key=key))).access_token

    # What the owner has

    async def _have_profiles(self) -> None:
        """Waits until everybody's profile is there, and shows the owner's to all."""
        for person in (self.owner, self.stranger, self.support, self.admin):
            profile: profile_pb2.Profile = await self.eventually(lambda person=person: self._profile_of(person))
            if person is self.owner:
                self.things.handle = profile.handle
        public = profile_pb2.UpdateProfileRequest(
            profile=profile_pb2.Profile(visibility=profile_pb2.VISIBILITY_PUBLIC), update_mask={"paths": ["visibility"]}
        )
        await self.profile.UpdateProfile(public, metadata=self.owner.metadata)

    async def _profile_of(self, person: SignedIn) -> profile_pb2.Profile | None:
        try:
            with remote_errors():
                answer = await self.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=person.metadata)
        except NotFoundError:
            return None
        return answer.profile

    async def _show_a_picture(self) -> None:
        """Uploads a picture, connects an account and waits until the picture is seen there."""
        async with self._as_owner() as http:
            person = Person(http, self.owner.id, self.owner.email)
            self.things.image = await person.upload(photograph())
            self.things.picture_url = (await person.ready(self.things.image))["thumbnails"][0]["url"]
            self.things.connection = await person.connect("x")
            self.things.sync = await person.sync(self.things.image, self.things.connection)
            self.things.target = (await person.comes_to(self.things.sync, "x", "verified"))["id"]

    def _as_owner(self) -> httpx2.AsyncClient:
        headers = {"authorization": f"Bearer {self.owner.token}"}
        return httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=30)

    async def unread_notices(self) -> list[str]:
        """Returns the ids of what the owner should know and has not read."""
        answer = await self.notify.ListNotices(notify_pb2.ListNoticesRequest(), metadata=self.owner.metadata)
        return [notice.id for notice in answer.notices if not notice.HasField("read_time")]

    async def new_image(self) -> str:
        """Puts one more picture into the owner's library."""
        async with self._as_owner() as http:
            return await Person(http, self.owner.id, self.owner.email).upload(photograph("flower.jpg"))

    async def new_upload(self) -> str:
        """Sends a picture of the owner's directly to the store, and returns the upload."""
        content = photograph()
        request = upload_pb2.CreateUploadRequest(bytes=len(content), content_type="image/jpeg")
        begun = (await self.upload.CreateUpload(request, metadata=self.owner.metadata)).upload
        sent = await self.http.put(begun.url, content=content, headers=dict(begun.headers))
        assert sent.status_code == 200, sent.text
        return begun.id

    async def address_of_a_picture(self) -> str:
        """Returns where the web has a picture: the one that somebody shows on a platform."""
        account = await self.http.get(f"{self.sandbox.urls['index']}/api/mastodon/accounts/ada")
        return str(account.json()["avatar"]["url"])

    async def new_connection(self) -> str:
        """Connects one more account of the owner's, or connects it again."""
        async with self._as_owner() as http:
            person = Person(http, self.owner.id, self.owner.email)
            return await person.connect("mastodon", instance=urlsplit(self.sandbox.urls["mastodon"]).netloc)

    async def consented(self, platform: str = "x", **answers: str) -> dict[str, str]:
        """Begins to connect the owner's account on a platform; returns what the platform sends back."""
        request = sync_pb2.BeginConnectionRequest(platform=platform)
        begun = await self.sync.BeginConnection(request, metadata=self.owner.metadata, timeout=30)
        return await self.consent(begun.authorize_url, **answers)

    async def new_choice(self) -> tuple[str, str]:
        """Opens several accounts of the owner's with one consent; returns the id of the choice, and that of an account."""
        request = sync_pb2.FinishConnectionRequest(
            platform="facebook", parameters=await self.consented("facebook", pages="all")
        )
        finished = await self.sync.FinishConnection(request, metadata=self.owner.metadata, timeout=30)
        asked = sync_pb2.GetConnectionChoiceRequest(id=finished.choice_id)
        choice = await self.sync.GetConnectionChoice(asked, metadata=self.owner.metadata)
        return finished.choice_id, choice.accounts[0].remote_id

    async def another_session(self) -> str:
        """Signs the owner in once more and returns the id of the session."""
        known = {session.id for session in await self._sessions()}
        await self.log_in(self.owner.email)
        [opened] = {session.id for session in await self._sessions()} - known
        return opened

    async def _sessions(self) -> list[auth_pb2.Session]:
        answer = await self.auth.ListSessions(auth_pb2.ListSessionsRequest(), metadata=self.owner.metadata)
        return list(answer.sessions)

    async def new_api_key(self, scopes: set[Scope] | frozenset[Scope]) -> tuple[str, str]:
        """Makes an API key of the owner's; returns its id and its text."""
        request = auth_pb2.CreateApiKeyRequest(name="A program", scopes=sorted(scopes))
        made = await self.auth.CreateApiKey(request, metadata=self.owner.metadata)
        return made.api_key.id, made.secret

    async def linked_identity(self, provider: str) -> str:
        """Links the owner's account at a provider and returns the id of the identity."""
        secret = uuid.uuid4().hex
        request = auth_pb2.BeginIdentityLinkRequest(provider=provider, browser_secret=secret, return_to="/")
        begun = await self.auth.BeginIdentityLink(request, metadata=self.owner.metadata, timeout=30)
        answer = await self.auth.FinishSocialSignIn(
            auth_pb2.FinishSocialSignInRequest(
                provider=provider, parameters=await self.consent(begun.authorize_url), browser_secret=secret
            ),
            metadata=self.owner.metadata,
            timeout=30,
        )
        return answer.linked.id

    # Ways through the pages of others

    async def consent(self, url: str, account: str = "ada", **answers: str) -> dict[str, str]:
        """Answers a consent page as a person in a browser does; returns what came back to the callback."""
        page = await self.http.get(url)
        assert page.status_code == 200, page.text
        form = re.search(r'<form method="post" action="([^"]*)"', page.text)
        assert form, page.text
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
        fields = {name: html.unescape(value) for name, value in hidden}
        data = {**fields, **answers, "account": account, "decision": "allow"}
        back = await self.http.post(urljoin(url, html.unescape(form[1])), data=data)
        assert back.status_code == 303, back.text
        return dict(parse_qsl(urlsplit(back.headers["location"]).query))

    async def social_sign_in(self) -> auth_pb2.FinishSocialSignInRequest:
        """Goes to a provider and back as Grace, whose address Google does not vouch for."""
        secret = uuid.uuid4().hex
        request = auth_pb2.BeginSocialSignInRequest(provider="google", browser_secret=secret, return_to="/")
        begun = await self.auth.BeginSocialSignIn(request, timeout=30)
        parameters = await self.consent(begun.authorize_url, "grace")
        return auth_pb2.FinishSocialSignInRequest(provider="google", parameters=parameters, browser_secret=secret)

    async def ticket(self) -> str:
        answer = await self.auth.FinishSocialSignIn(await self.social_sign_in(), timeout=30)
        return answer.ticket.ticket

    async def back_from_provider(self) -> tuple[dict[str, str], dict[str, str]]:
        """Goes to a provider and back by the gateway; returns what the callback is asked with, and the browser's cookies."""
        start = await self.http.get(f"{self.url}/v1/auth/oauth/google/start")
        parameters = await self.consent(start.headers["location"], "grace")
        return parameters, {FLOW_COOKIE: start.cookies[FLOW_COOKIE]}

    async def ticket_cookie(self) -> dict[str, str]:
        parameters, cookies = await self.back_from_provider()
        url = f"{self.url}/v1/auth/oauth/google/callback"
        answer = await self.http.get(url, params=parameters, headers={"cookie": cookie_header(cookies)})
        return {TICKET_COOKIE: answer.cookies[TICKET_COOKIE]}

    # Letters

    async def registration_token(self) -> str:
        email = fresh_email()
        await self.auth.Register(auth_pb2.RegisterRequest(email=email, password=PASSWORD, display_name="Newcomer"))
        return await newest_token(self.settings, email)

    async def reset_token(self) -> str:
        email = (await self.account()).email
        await self.auth.RequestPasswordReset(auth_pb2.RequestPasswordResetRequest(email=email))
        return await newest_token(self.settings, email)


def fresh_email() -> str:
    return f"{new_id()}@example.org"


def cookie_header(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
