"""People who are known to the upload service, with a picture that is their default avatar."""

import hashlib
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from PIL import Image as Picture
from upload_client import jpeg, publish, send

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.upload.v1 import upload_pb2
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.grpc_client import remote_errors
from servicekit.ids import new_id, utc_now
from servicekit.object_store import ObjectStore
from services.upload.store.tables import defaults, images, variants


def solid(colour: str, *, mode: str = "RGB", size: tuple[int, int] = (1024, 1024)) -> bytes:
    file = io.BytesIO()
    Picture.new(mode, size, colour).save(file, "PNG" if mode == "RGBA" else "JPEG", quality=95)
    return file.getvalue()


def colour_of(content: bytes) -> tuple[int, ...]:
    """Returns the colour in the middle of a picture, roughly: codecs do not keep it exactly."""
    with Picture.open(io.BytesIO(content)) as opened:
        middle = opened.convert("RGB").getpixel((opened.width // 2, opened.height // 2))
    assert isinstance(middle, tuple)
    return tuple(round(part / 16) * 16 for part in middle)


RED, BLUE, GREEN = (colour_of(solid(name)) for name in ("red", "blue", "lime"))


@dataclass(frozen=True)
class AvatarWorld:
    """Calls the service as its owner's gateway does, and tells it what other services would."""

    upload: Any
    bus: Bus
    database: Database
    objects: ObjectStore
    eventually: Callable[..., Any]

    async def settings(self) -> upload_pb2.AvatarSettings:
        with remote_errors():
            return (await self.upload.GetAvatarSettings(upload_pb2.GetAvatarSettingsRequest())).settings

    async def open(self, *, by_handle: bool = False, by_email: bool = False) -> upload_pb2.AvatarSettings:
        wanted = upload_pb2.AvatarSettings(by_handle=by_handle, by_email=by_email)
        request = upload_pb2.UpdateAvatarSettingsRequest(settings=wanted)
        with remote_errors():
            return (await self.upload.UpdateAvatarSettings(request)).settings

    async def give(self, name: str, **asked: Any) -> upload_pb2.GetAvatarResponse:
        with remote_errors():
            return await self.upload.GetAvatar(upload_pb2.GetAvatarRequest(name=name, **asked))

    async def tell_of_profile(self, owner_id: str, handle: str, version: int = 1) -> None:
        event = events.ProfileUpdated(user_id=owner_id, handle=handle, version=version)
        await publish(self.bus, event, owner_id)

    async def tell_of_account(self, owner_id: str, email: str) -> None:
        await publish(self.bus, events.AccountRegistered(user_id=owner_id, email=email), owner_id)

    async def tell_of_change(self, owner_id: str, email: str, version: int) -> None:
        await publish(self.bus, events.AccountChanged(user_id=owner_id, email=email, version=version), owner_id)

    async def known(self, owner_id: str) -> tuple[str, str]:
        """Makes somebody known with a handle and an address of their own; returns both."""
        handle, email = f"h-{owner_id}", f"{owner_id}@example.org"
        await self.tell_of_profile(owner_id, handle)
        await self.tell_of_account(owner_id, email)

        async def heard() -> bool:
            settings = await self.settings()
            return bool(settings.handle and settings.email_sha256)

        await self.eventually(heard)
        return handle, email

    async def default_avatar(self, owner_id: str) -> str:
        """Uploads a picture and makes it the default avatar for everywhere; returns its id. It has no files yet."""
        image = await send(self.upload, jpeg(), file_name="me.jpg")
        key = {"owner_id": owner_id, "slot": "avatar", "scope": "everywhere", "scope_id": ""}
        async with self.database.sessions() as session:
            await session.execute(sa.delete(defaults).filter_by(**key))
            await session.execute(sa.insert(defaults).values(**key, image_id=image.id))
            await session.commit()
        return str(image.id)

    async def put_file(
        self, image_id: str, content: bytes, *, key: str = "avatar.1024", revision: int = 1, platform: str = ""
    ) -> str:
        """Gives a picture a file as the processor makes them; returns where it is stored."""
        with Picture.open(io.BytesIO(content)) as opened:
            width, height, content_type = opened.width, opened.height, str(opened.get_format_mimetype())
        sha256 = hashlib.sha256(content).hexdigest()
        object_key = f"variants/{new_id()}/{sha256}"
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            await self.objects.put_file(object_key, Path(file.name), content_type=content_type)
        row = {
            "image_id": image_id,
            "revision": revision,
            "key": key,
            "platform": platform,
            "slot": "avatar" if platform else "",
            "content_type": content_type,
            "width": width,
            "height": height,
            "bytes": len(content),
            "sha256": sha256,
            "perceptual_hash": "0" * 16,
            "object_key": object_key,
            "recipe_version": "1",
            "notes": [],
        }
        async with self.database.sessions() as session:
            await session.execute(sa.insert(variants).values(**row))
            await session.commit()
        return object_key

    async def mark_deleted(self, image_id: str, *, deleted: bool = True) -> None:
        change = sa.update(images).where(images.c.id == image_id).values(deleted_at=utc_now() if deleted else None)
        async with self.database.sessions() as session:
            await session.execute(change)
            await session.commit()
