"""One HTTP request for every line of `servicekit.rights.ROUTES`, as its caller would send it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rights_world import NO_NOTICE, World, cookie_header, fresh_email
from system.accounts import PASSWORD
from system.pictures import photograph

from servicekit.rights import Scope


@dataclass(frozen=True)
class Asked:
    """The variable parts of a request: what stands in its path, and what else is sent."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    files: Any = None
    cookies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What is sent, and the status that it gets for who is let in.

    `names_owner` says that it names something of the owner's: to a stranger it is not found.
    """

    build: Callable[[World], Awaitable[Asked]]
    status: int = 200
    names_owner: bool = False


def plain(status: int = 200, *, json: Any = None, query: Mapping[str, str] | None = None, **path: str) -> Request:
    """A request that is the same for everybody."""

    async def build(_: World) -> Asked:
        return Asked(path, query or {}, json)

    return Request(build, status)


def about(name: str, thing: str, status: int = 200, **more: Any) -> Request:
    """A request whose path names something that the owner has."""

    async def build(world: World) -> Asked:
        return Asked({name: getattr(world.things, thing)}, **more)

    return Request(build, status, names_owner=True)


def doomed(name: str, make: Callable[[World], Awaitable[str]]) -> Request:
    """A request that removes something of the owner's, made for it."""

    async def build(world: World) -> Asked:
        return Asked({name: await make(world)})

    return Request(build, 204, names_owner=True)


async def _register(_: World) -> Asked:
    return Asked(json={"email": fresh_email(), "password": PASSWORD, "display_name": "Newcomer"})


async def _verify(world: World) -> Asked:
    return Asked(json={"token": await world.registration_token()})


async def _log_in(world: World) -> Asked:
    return Asked(json={"email": world.owner.email, "password": PASSWORD})


async def _session(world: World) -> Asked:
    return Asked(json={"refresh_token": await world.refresh_token()})


async def _forgot(_: World) -> Asked:
    return Asked(json={"email": fresh_email()})


async def _reset(world: World) -> Asked:
    return Asked(json={"token": await world.reset_token(), "password": "another picture elsewhere"})


async def _back_from_provider(world: World) -> Asked:
    parameters, cookies = await world.back_from_provider()
    return Asked({"provider": "google"}, parameters, cookies=cookies)


async def _complete(world: World) -> Asked:
    cookies = await world.ticket_cookie()
    return Asked(json={"email": fresh_email(), "display_name": "Grace Meadow"}, cookies=cookies)


async def _change_email(_: World) -> Asked:
    return Asked(json={"email": fresh_email()})


async def _look_up(world: World) -> Asked:
    return Asked(query={"user_id": world.owner.id})


async def _account_activity(world: World) -> Asked:
    return Asked({"user_id": world.owner.id})


async def _set_role(world: World) -> Asked:
    return Asked({"user_id": (await world.account()).id}, json={"role": "support"})


async def _upload(_: World) -> Asked:
    return Asked(files={"file": ("photo.jpg", photograph())})


async def _import_image(world: World) -> Asked:
    return Asked(json={"url": await world.address_of_a_picture()})


async def _new_upload(world: World) -> Asked:
    return Asked({"upload_id": await world.new_upload()})


async def _back_from_platform(world: World) -> Asked:
    return Asked({"platform": "x"}, await world.consented())


async def _look_at_choice(world: World) -> Asked:
    return Asked({"choice_id": (await world.new_choice())[0]})


async def _choose(world: World) -> Asked:
    choice_id, remote_id = await world.new_choice()
    return Asked({"choice_id": choice_id}, json={"remote_ids": [remote_id]})


async def _plan_sync(world: World) -> Asked:
    things = world.things
    wanted = {"image_id": things.image, "slot": "avatar", "connection_ids": [things.connection], "dry_run": True}
    return Asked(json=wanted)


async def _public_profile(world: World) -> Asked:
    return Asked({"handle": world.things.handle})


async def _first_revision(world: World) -> Asked:
    return Asked({"image_id": world.things.image, "number": "1"})


async def _picture(world: World) -> Asked:
    path, _, query = world.things.picture_url.partition("?")
    parts = dict(part.split("=", 1) for part in query.split("&"))
    return Asked({"key:path": path.removeprefix("/media/")}, parts)


async def _new_key(world: World) -> str:
    return (await world.new_api_key({Scope.ACCOUNT_READ}))[0]


async def _github(world: World) -> str:
    return await world.linked_identity("github")


REQUESTS: Mapping[str, Request] = {
    "POST /v1/auth/register": Request(_register, 201),
    "POST /v1/auth/email/verify": Request(_verify),
    "POST /v1/auth/login": Request(_log_in),
    "POST /v1/auth/refresh": Request(_session),
    "POST /v1/auth/logout": Request(_session, 204),
    "POST /v1/auth/password/forgot": Request(_forgot, 202),
    "POST /v1/auth/password/reset": Request(_reset, 204),
    "GET /v1/auth/providers": plain(),
    "GET /v1/auth/oauth/{provider}/start": plain(303, provider="google"),
    "GET /v1/auth/oauth/{provider}/callback": Request(_back_from_provider, 303),
    "POST /v1/auth/oauth/complete": Request(_complete, 202),
    "GET /v1/me": plain(),
    "PATCH /v1/me": plain(json={"display_name": "Ada"}),
    "POST /v1/me/email": Request(_change_email, 202),
    "POST /v1/me/password": plain(204, json={"current_password": PASSWORD, "new_password": PASSWORD}),
    "GET /v1/me/sessions": plain(),
    "DELETE /v1/me/sessions": plain(),
    "DELETE /v1/me/sessions/{session_id}": doomed("session_id", World.another_session),
    "GET /v1/me/identities": plain(),
    "POST /v1/me/identities": plain(json={"provider": "github"}),
    "DELETE /v1/me/identities/{identity_id}": doomed("identity_id", _github),
    "GET /v1/me/api-keys": plain(),
    "POST /v1/me/api-keys": plain(201, json={"name": "One more", "scopes": [Scope.ACCOUNT_READ]}),
    "DELETE /v1/me/api-keys/{key_id}": doomed("key_id", _new_key),
    "GET /v1/me/activity": plain(),
    "GET /v1/admin/accounts": Request(_look_up, names_owner=True),
    "GET /v1/admin/accounts/{user_id}/activity": Request(_account_activity, names_owner=True),
    "PUT /v1/admin/accounts/{user_id}/role": Request(_set_role),
    "POST /v1/images": Request(_upload, 201),
    "POST /v1/images/import": Request(_import_image, 201),
    "POST /v1/uploads": plain(201, json={"bytes": 1, "content_type": "image/png"}),
    "GET /v1/uploads/{upload_id}": Request(_new_upload, names_owner=True),
    "POST /v1/uploads/{upload_id}/complete": Request(_new_upload, 201, names_owner=True),
    "DELETE /v1/uploads/{upload_id}": doomed("upload_id", World.new_upload),
    "GET /v1/images": plain(),
    "GET /v1/images/{image_id}": about("image_id", "image"),
    "PATCH /v1/images/{image_id}": about("image_id", "image", json={"alt_text": "A pagoda in a park"}),
    "DELETE /v1/images/{image_id}": doomed("image_id", World.new_image),
    # What is ready is not tried again.
    "POST /v1/images/{image_id}/retry": about("image_id", "image", 409),
    "GET /v1/images/{image_id}/variants": about("image_id", "image"),
    # Of what is not deleted nothing changes.
    "POST /v1/images/{image_id}/restore": about("image_id", "image"),
    # What is in the library is not deleted for good.
    "POST /v1/images/{image_id}/purge": about("image_id", "image", 409),
    "GET /v1/images/{image_id}/similar": about("image_id", "image"),
    "GET /v1/images/{image_id}/uses": about("image_id", "image"),
    "GET /v1/library": plain(),
    "POST /v1/library/purge": plain(),
    "GET /v1/avatar-settings": plain(),
    "PUT /v1/avatar-settings": plain(json={"by_handle": False, "by_email": False}),
    "GET /v1/images/{image_id}/edits": about("image_id", "image"),
    # What is done already is no revision, and leaves the picture ready.
    "PUT /v1/images/{image_id}/edits": about("image_id", "image", json={}),
    "GET /v1/images/{image_id}/revisions": about("image_id", "image"),
    "POST /v1/images/{image_id}/revisions/{number}/restore": Request(_first_revision, names_owner=True),
    "POST /v1/images/{image_id}/preview": about("image_id", "image", json={"slot": "x.avatar"}),
    "GET /v1/defaults": plain(),
    "PUT /v1/defaults": plain(json={}),
    "GET /v1/platforms": plain(),
    "POST /v1/connections": plain(json={"platform": "x"}),
    "GET /v1/connections": plain(),
    "GET /v1/connections/callback/{platform}": Request(_back_from_platform, 303),
    # Without a public address of its own there is no document, for nobody.
    "GET /v1/connections/client-metadata/{platform}": plain(404, platform="bluesky"),
    "GET /v1/connections/choices/{choice_id}": Request(_look_at_choice, names_owner=True),
    "POST /v1/connections/choices/{choice_id}": Request(_choose, names_owner=True),
    "GET /v1/connections/{connection_id}": about("connection_id", "connection"),
    "POST /v1/connections/{connection_id}/check": about("connection_id", "connection"),
    "POST /v1/connections/{connection_id}/import": about("connection_id", "connection", 201, json={"slot": "avatar"}),
    "DELETE /v1/connections/{connection_id}": doomed("connection_id", World.new_connection),
    "PATCH /v1/connections/{connection_id}": about("connection_id", "connection", json={"check_every": "week"}),
    "GET /v1/connections/{connection_id}/snapshots": about("connection_id", "connection"),
    "POST /v1/connections/{connection_id}/rollback": about("connection_id", "connection", 202, json={"slot": "avatar"}),
    "POST /v1/syncs": Request(_plan_sync, 202, names_owner=True),
    "GET /v1/syncs": plain(),
    "GET /v1/syncs/{sync_id}": about("sync_id", "sync"),
    "POST /v1/syncs/{sync_id}/cancel": about("sync_id", "sync"),
    "POST /v1/syncs/{sync_id}/rollback": about("sync_id", "sync", 202),
    # What is verified is neither tried again nor confirmed by hand, and shows nothing else that could be left.
    "POST /v1/targets/{target_id}/retry": about("target_id", "target", 409),
    "POST /v1/targets/{target_id}/confirm": about("target_id", "target", 409),
    "POST /v1/targets/{target_id}/leave": about("target_id", "target", 409),
    "POST /v1/targets/{target_id}/rollback": about("target_id", "target", 202),
    "GET /v1/targets/{target_id}/history": about("target_id", "target"),
    "GET /v1/notices": plain(),
    "POST /v1/notices/read": plain(json={"ids": [NO_NOTICE]}),
    "GET /v1/events/stream": plain(),
    "GET /v1/profile": plain(),
    "PATCH /v1/profile": plain(json={"bio": "Hello."}),
    "GET /v1/profiles/{handle}": Request(_public_profile),
    "GET /v1/analytics/overview": plain(),
    "GET /v1/analytics/timeseries": plain(),
    "GET /media/{key:path}": Request(_picture),
    "HEAD /media/{key:path}": Request(_picture),
    "GET /avatar/{name}": plain(name="nobody"),
    "HEAD /avatar/{name}": plain(name="nobody"),
    "GET /.well-known/jwks.json": plain(),
    "GET /openapi.json": plain(),
    "GET /docs": plain(),
    "GET /docs.css": plain(),
    "GET /healthz": plain(),
    "GET /readyz": plain(),
}


async def send(world: World, name: str, credential: str | None) -> tuple[int, str, str]:
    """Sends the request of a line; returns the status, the reason of a problem, and the answer as text or where it leads."""
    method, _, path = name.partition(" ")
    asked = await REQUESTS[name].build(world)
    for part, value in asked.path.items():
        path = path.replace(f"{{{part}}}", value)
    headers = {} if credential is None else {"authorization": f"Bearer {credential}"}
    if asked.cookies:
        headers |= {"cookie": cookie_header(asked.cookies), "sec-fetch-site": "same-origin"}
    options = {"params": asked.query, "json": asked.json, "files": asked.files, "headers": headers}
    async with world.http.stream(method, world.url + path, **options) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, "", ""  # it has no end
        await answer.aread()
    content_type = answer.headers.get("content-type", "")
    reason = answer.json()["reason"] if content_type.startswith("application/problem+json") else ""
    text = "" if content_type.startswith("image/") else answer.headers.get("location", answer.text)
    return answer.status_code, reason, text
