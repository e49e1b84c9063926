"""`linkarooie admin render-again` as an operator runs it: a process of its own, with the environment of the upload service."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from upload_client import jpeg, publish, send

from devstack import Endpoints
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.upload.v1 import upload_pb2
from servicekit.bus import Bus
from servicekit.ids import new_id


async def render_again(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Runs the command; returns its exit code, what it said and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "linkarooie"),
        "admin",
        "render-again",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "200", **environment},
    )
    said, complained = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, said.decode().strip(), complained.decode()


async def test_the_operator_is_told_how_many_pictures_are_made_anew(
    upload: Any, owner: str, bus: Bus, eventually: Any
) -> None:
    image = await send(upload, jpeg())
    failed = events.VariantsFailed(
        image_id=image.id, owner_id=owner, revision=1, reason="BROKEN", message="It is broken."
    )
    await publish(bus, failed, owner)

    async def has_failed() -> bool:
        answer = await upload.GetImage(upload_pb2.GetImageRequest(id=image.id))
        return bool(answer.image.state == upload_pb2.IMAGE_STATE_FAILED)

    await eventually(has_failed)

    asked = await render_again("--failed", "--owner", owner)

    assert asked[:2] == (0, "Asked for 1 picture; the processor makes them as it can."), asked


async def test_an_account_without_pictures_is_told_as_such(stack: Endpoints) -> None:
    code, said, _ = await render_again("--owner", new_id())

    assert (code, said) == (0, "There is no such picture, so nothing is made anew.")


async def test_what_is_wrong_is_one_message(stack: Endpoints) -> None:
    no_account = await render_again("--owner", "ada")
    away = await render_again(LINKAROOIE_UPLOAD_DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:9/nothing")

    for (code, said, complained), words in ((no_account, "'ada' is no account id"), (away, "cannot be used")):
        assert (code != 0, said) == (True, "")
        assert words in complained
        assert "Traceback" not in complained
