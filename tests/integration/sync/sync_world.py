"""A person with accounts on the sandbox's platforms, and the sync service that acts for them: what these tests speak of."""

import hashlib
import html
import io
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import grpc
import httpx2
import pytest
from PIL import Image

from catalog import Catalogue, load_catalogue
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from sandbox import Sandbox
from servicekit.bus import Bus
from servicekit.errors import NotFoundError, ServiceError
from servicekit.grpc_errors import from_rpc_error
from servicekit.identity import current_caller
from servicekit.ids import new_id, utc_now
from servicekit.object_store import ObjectStore
from servicekit.pictures.perceptual import perceptual_hash
from servicekit.protobuf import timestamp
from services.sync.domain.outcomes import AuthExpired, AuthRevoked, PlatformError
from services.sync.platforms.base import Session
from services.sync.turn import Worker

PLATFORMS = ("bluesky", "facebook", "mastodon", "x")
# What a platform of the sandbox takes to show a picture, unless a test says otherwise.
SLOW_SECONDS = 0.4
Eventually = Callable[..., Awaitable[Any]]


def photograph(seed: int, size: tuple[int, int] = (400, 400)) -> Image.Image:
    """Makes a picture with large shapes of its own, which survive any re-encoding and look like no other seed's."""
    rows, columns = 5, 5
    digest = hashlib.sha256(str(seed).encode()).digest() * 3
    small = Image.frombytes("RGB", (rows, columns), digest[: rows * columns * 3])
    return small.resize(size, Image.Resampling.BICUBIC)


def quick_catalogue(*, settle_seconds: float) -> Catalogue:
    """Returns the catalogue of platforms that settle within so many seconds."""
    catalogue = load_catalogue()
    platforms = {}
    for name, platform in catalogue.platforms.items():
        slots = {}
        for kind, slot in platform.slots.items():
            settle = slot.facts.settle_seconds
            quick = settle.model_copy(update={"value": min(settle.value, settle_seconds)})
            slots[kind] = slot.model_copy(update={"facts": slot.facts.model_copy(update={"settle_seconds": quick})})
        platforms[name] = platform.model_copy(update={"slots": slots})
    return replace(catalogue, platforms=platforms)


@dataclass
class Library(upload_pb2_grpc.UploadServiceServicer):
    """Stands for the upload service: pictures, by owner."""

    images: dict[str, tuple[str, upload_pb2.Image]] = field(default_factory=dict)

    async def GetImage(self, request: upload_pb2.GetImageRequest, context: object) -> upload_pb2.GetImageResponse:
        owner_id, image = self.images.get(request.id, ("", upload_pb2.Image()))
        if owner_id != current_caller().user_id:
            raise NotFoundError("There is no such picture in your library.", reason="IMAGE_NOT_FOUND")
        return upload_pb2.GetImageResponse(image=image)


@dataclass
class Control:
    """The sandbox's switches and counters."""

    http: httpx2.AsyncClient
    sandbox: Sandbox

    async def reset(self) -> None:
        assert (await self.http.post(self.sandbox.urls["index"] + "/api/reset")).status_code == 200
        for platform in PLATFORMS:
            await self.switch(platform)

    async def switch(self, platform: str, **switches: Any) -> None:
        chosen = {"slow_seconds": SLOW_SECONDS, **switches}
        answer = await self.http.put(f"{self.sandbox.urls['index']}/api/{platform}/switches", json=chosen)
        assert answer.status_code == 200, answer.text

    async def account(self, platform: str, name: str = "ada") -> dict[str, Any]:
        answer = await self.http.get(f"{self.sandbox.urls['index']}/api/{platform}/accounts/{name}")
        found: dict[str, Any] = answer.json()
        return found

    async def changes(self, platform: str, slot: str = "avatar", name: str = "ada") -> int:
        return int((await self.account(platform, name))[slot]["changes"])


@dataclass
class Person:
    """Somebody signed in, with a stub that carries their token."""

    id: str
    token: str
    stub: sync_pb2_grpc.SyncServiceStub
    world: "World"

    async def call(self, method: str, request: Any) -> Any:
        return await getattr(self.stub, method)(
            request, timeout=30, metadata=(("authorization", f"Bearer {self.token}"),)
        )

    async def error_of(self, call: Awaitable[Any]) -> ServiceError:
        """Returns the error that a call ends with."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        error = from_rpc_error(caught.value)
        assert error is not None, caught.value
        return error

    async def reason_of(self, call: Awaitable[Any]) -> str:
        """Returns the reason of the error that a call ends with."""
        return (await self.error_of(call)).reason

    async def begin(self, platform: str, instance: str = "") -> str:
        request = sync_pb2.BeginConnectionRequest(platform=platform, instance=instance)
        return str((await self.call("BeginConnection", request)).authorize_url)

    async def finish(self, platform: str, parameters: Mapping[str, str]) -> sync_pb2.FinishConnectionResponse:
        request = sync_pb2.FinishConnectionRequest(platform=platform, parameters=parameters)
        return await self.call("FinishConnection", request)  # type: ignore[no-any-return]

    async def connect(self, platform: str, account: str = "ada") -> sync_pb2.Connection:
        """Walks from the first press of the button to the finished connection, as a browser does."""
        url = await self.begin(platform, self.world.instance(platform))
        parameters = await self.world.consent(url, account=account)
        return (await self.finish(platform, parameters)).connection

    async def first_looks_at(self, connection: sync_pb2.Connection) -> list[sync_pb2.ConnectionSlot]:
        """Waits until what is there has been found; after it nobody looks unasked."""

        async def seen() -> list[sync_pb2.ConnectionSlot]:
            slots = (await self.connection(connection.id)).slots
            return list(slots) if all(slot.observed.object_key for slot in slots) else []

        return await self.world.eventually(seen)  # type: ignore[no-any-return]

    async def connection(self, connection_id: str) -> sync_pb2.Connection:
        found = await self.call("GetConnection", sync_pb2.GetConnectionRequest(id=connection_id))
        return found.connection  # type: ignore[no-any-return]

    async def sync(self, image_id: str, *connection_ids: str, slot: str = "avatar", **more: Any) -> sync_pb2.Sync:
        request = sync_pb2.CreateSyncRequest(image_id=image_id, slot=slot, connection_ids=connection_ids, **more)
        return (await self.call("CreateSync", request)).sync  # type: ignore[no-any-return]

    async def targets(self, sync_id: str) -> list[sync_pb2.Target]:
        found = await self.call("GetSync", sync_pb2.GetSyncRequest(id=sync_id))
        return list(found.sync.targets)

    async def target(self, sync: sync_pb2.Sync) -> sync_pb2.Target:
        """Returns the only target of a sync as it is now."""
        [target] = await self.targets(sync.id)
        return target

    async def reaches(
        self, sync: sync_pb2.Sync, state: str, *, reason: str | None = None, within_seconds: float = 25
    ) -> sync_pb2.Target:
        """Waits until the only target of a sync is in a state."""
        wanted = sync_pb2.TargetState.Value(f"TARGET_STATE_{state}")
        last: list[str] = []

        async def arrived() -> sync_pb2.Target | None:
            target = await self.target(sync)
            last[:] = [sync_pb2.TargetState.Name(target.state), target.reason.code]
            fits = target.state == wanted and (reason is None or target.reason.code == reason)
            return target if fits else None

        try:
            return await self.world.eventually(arrived, within_seconds=within_seconds)  # type: ignore[no-any-return]
        except AssertionError as error:
            raise AssertionError(f"not {state}/{reason} but {last}") from error

    async def history(self, target_id: str) -> list[str]:
        """Returns the states that a target has been in, one after the other."""
        found = await self.call("ListTargetSteps", sync_pb2.ListTargetStepsRequest(target_id=target_id))
        states = [sync_pb2.TargetState.Name(step.state).removeprefix("TARGET_STATE_") for step in found.steps]
        return [state for before, state in pairwise(["", *states]) if state != before]

    async def upload(self, seed: int, slot: str = "avatar", *, rendered: bool = True, quality: int = 90) -> str:
        """Puts a picture into the person's library, with its renditions made unless told otherwise."""
        image_id = new_id()
        image = upload_pb2.Image(id=image_id, state=upload_pb2.IMAGE_STATE_READY, revision=1)
        self.world.library.images[image_id] = (self.id, image)
        if rendered:
            await self.world.render(self, image_id, seed, slot, quality)
            await self.world.eventually(lambda: self.world.has_heard_of(image_id))
        return image_id


@dataclass
class World:
    """All that the tests stand on."""

    control: Control
    library: Library
    bus: Bus
    objects: ObjectStore
    directory: Path
    eventually: Eventually
    http: httpx2.AsyncClient
    channel: grpc.aio.Channel
    issue_token: Callable[[str], str]
    inside: Worker

    async def session(self, connection_id: str) -> Session:
        """Returns the access to a connected account, as the service holds it."""
        async with self.inside.tokens.stores() as store:
            connection = await store.connection(connection_id)
        assert connection is not None
        return self.inside.tokens.open(connection)

    async def has_heard_of(self, image_id: str) -> bool:
        """Tells whether the service knows the renditions of a picture."""
        async with self.inside.stores() as store:
            return await store.image_revision(image_id, 1) is not None

    async def is_ended(self, platform: str, session: Session) -> bool:
        """Tells whether the platform takes an access no more."""
        try:
            await self.inside.platforms.adapters[platform].whoami(session)
        except PlatformError as error:
            return isinstance(error.problem, AuthRevoked | AuthExpired)
        return False

    def person(self) -> Person:
        user_id = new_id()
        return Person(user_id, self.issue_token(user_id), sync_pb2_grpc.SyncServiceStub(self.channel), self)

    def instance(self, platform: str) -> str:
        return urlsplit(self.control.sandbox.urls[platform]).netloc if platform == "mastodon" else ""

    async def consent(
        self, url: str, *, account: str = "ada", decision: str = "allow", **answers: str
    ) -> dict[str, str]:
        """Answers a consent page as a person in a browser does; returns what came back to the callback.

        `answers` are to what the platform asks beside the account.
        """
        page = await self.http.get(url)
        assert page.status_code == 200, page.text
        form = re.search(r"<form[^>]*action=\"([^\"]+)\"", page.text)
        assert form, page.text
        fields = dict(re.findall(r"<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"", page.text))
        data = {html.unescape(name): html.unescape(value) for name, value in fields.items()}
        parts = urlsplit(url)
        back = await self.http.post(
            urljoin(url, html.unescape(form[1])),
            data={**data, **answers, "account": account, "decision": decision},
            headers={"Origin": f"{parts.scheme}://{parts.netloc}"},
        )
        assert back.status_code in (302, 303), back.text
        return dict(parse_qsl(urlsplit(back.headers["location"]).query))

    async def render(self, owner: Person, image_id: str, seed: int, slot: str, quality: int) -> None:
        """Does what the processor does: stores the files and says so."""
        sizes = {
            "x.avatar": (400, 400),
            "x.banner": (1500, 500),
            "mastodon.avatar": (400, 400),
            "mastodon.banner": (1500, 500),
            "bluesky.avatar": (1000, 1000),
            "bluesky.banner": (3000, 1000),
            "facebook.avatar": (1080, 1080),
            "facebook.banner": (1640, 924),
            "facebook_profile.avatar": (1080, 1080),
            "facebook_profile.banner": (1640, 924),
            "instagram.avatar": (1080, 1080),
        }
        variants = []
        for key, size in sizes.items():
            platform, _, kind = key.partition(".")
            if kind != slot:
                continue
            picture = photograph(seed, size)
            out = io.BytesIO()
            picture.save(out, "JPEG", quality=quality)
            sha256 = hashlib.sha256(out.getvalue()).hexdigest()
            # One file a person: people who upload the same picture at once must not cut off each other's file.
            path = self.directory / f"{owner.id}-{sha256}"
            path.write_bytes(out.getvalue())
            object_key = f"variants/{owner.id}/{sha256}"
            await self.objects.put_file(object_key, path, content_type="image/jpeg")
            variants.append(
                processor_pb2.Variant(
                    key=key,
                    platform=platform,
                    slot=kind,
                    content_type="image/jpeg",
                    width=size[0],
                    height=size[1],
                    bytes=len(out.getvalue()),
                    sha256=sha256,
                    perceptual_hash=perceptual_hash(picture).hex(),
                    object_key=object_key,
                )
            )
        ready = events.VariantsReady(
            image_id=image_id, owner_id=owner.id, revision=1, variants=variants, event_time=timestamp(utc_now())
        )
        await self.say(ready, owner)

    async def say(self, event: Any, owner: Person) -> None:
        """Publishes a fact of another service."""
        await self.bus.publish_fact(event, event_id=new_id(), source="test", owner_id=owner.id)
