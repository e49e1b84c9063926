"""The processor dies in the middle of its work, and the picture is made all the same, once."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Picture
from system import Installation, Person, eventually, photograph

from catalog import load_catalogue
from linkarooie.events.v1 import events_pb2 as events


def large_photograph(*, side: int = 6000, turned: Picture.Transpose = Picture.Transpose.ROTATE_180) -> bytes:
    """A photograph with so many pixels that its versions take a while."""
    file = io.BytesIO()
    with Picture.open(io.BytesIO(photograph())) as picture:
        large = picture.transpose(turned).resize((side, side * 2 // 3), Picture.Resampling.BICUBIC)
        large.save(file, "JPEG", quality=90)
    return file.getvalue()


def has_fetched(work: Path) -> bool:
    return any(file.stat().st_size for file in work.glob("linkarooie-render-*/original"))


def has_made_some(work: Path) -> bool:
    return any(work.glob("linkarooie-render-*/out/*/*"))


@pytest.mark.parametrize("in_the_middle", [has_fetched, has_made_some])
async def test_a_picture_becomes_ready_though_the_processor_is_killed_at_work(
    installation: Installation, person: Person, in_the_middle: Callable[[Path], bool]
) -> None:
    work = installation.temporary("processor")
    image_id = await person.upload(large_photograph())
    await eventually(lambda: in_the_middle(work), every_seconds=0.001)
    await installation.kill("processor")
    assert await installation.unacknowledged("processor") == 1
    assert (await person.get(f"/v1/images/{image_id}"))["state"] == "processing"

    await installation.start("processor")
    await person.ready(image_id)

    await every_file_is_right(person, image_id)
    assert len(await installation.facts(events.ImageReady, person.id)) == 1


async def test_another_replica_takes_over_what_the_killed_one_was_at(
    installation: Installation, person: Person
) -> None:
    work = installation.temporary("processor")
    async with installation.replica("processor/2"):
        # More than one takes at once, so that each has some.
        image_ids = [
            await person.upload(large_photograph(side=3000, turned=turn)) for turn in list(Picture.Transpose)[:4]
        ]
        await eventually(lambda: has_made_some(work), every_seconds=0.001)
        await installation.kill("processor")

        for image_id in image_ids:
            await person.ready(image_id)
            await every_file_is_right(person, image_id)

    assert len(await installation.facts(events.ImageReady, person.id)) == len(image_ids)
    assert await installation.facts(events.VariantsFailed, person.id) == []
    await installation.start("processor")


async def every_file_is_right(person: Person, image_id: str) -> None:
    variants = (await person.get(f"/v1/images/{image_id}/variants"))["items"]
    wanted = {slot.key for slot in load_catalogue().slots() if slot.wants_picture}
    keys = [variant["key"] for variant in variants]
    assert wanted <= set(keys)
    assert len(keys) == len(set(keys))
    for variant in variants:
        file = await person.http.get(variant["url"])
        assert hashlib.sha256(file.content).hexdigest() == variant["sha256"]
