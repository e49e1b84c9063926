"""A slot with an edit of its own is made apart from the others: alone, once, and without taking them with it."""

import math
from pathlib import Path
from typing import Any

import pytest
from processor_client import Running, ask, darkroom, dead_letters, job, photo, put_original, recipe, results

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.processor.v1 import processor_pb2
from servicekit.bus import Bus
from servicekit.consumers import PoisonedMessageError
from servicekit.object_store import ObjectStore
from servicekit.pictures.model import PictureRefused
from servicekit.pictures.workers import PictureWorkerError, PictureWorkers
from services.processor.domain import fingerprint, folder
from services.processor.pipeline import Edit, Rectangle
from services.processor.use_cases.variants import WORKER_ATTEMPTS

SMALL, MIDDLE, LARGE = recipe("small", 40), recipe("middle", 60), recipe("large", 80)
ALL = [SMALL, MIDDLE, LARGE]
MIRRORED, CUT = Edit(mirrored=True), Edit(crop=Rectangle(0.6, 0.1, 0.9, 0.4))


async def test_a_slot_is_made_anew_alone_and_not_at_all_when_its_edit_is_taken_back(
    bus: Bus, objects: ObjectStore, workers: PictureWorkers, original: events.ImageUploaded, rendered: list[list[str]]
) -> None:
    room = darkroom(bus, objects, workers, ALL)
    steps: list[dict[str, Edit]] = [
        {},
        {"middle.avatar": CUT},
        {"middle.avatar": CUT, "large.avatar": CUT, "gone.avatar": MIRRORED},
        {"large.avatar": CUT},
        {},
    ]
    for attempt, overrides in enumerate(steps, start=1):
        await room.make_variants(job(original, attempt=attempt, overrides=overrides), delivery=1)

    told = await results(bus, original, count=len(steps))

    assert rendered == [["small.avatar", "middle.avatar", "large.avatar"], ["middle.avatar"], ["large.avatar"]]
    plain, one, two, other, back = [{variant.key: variant for variant in ready.variants} for ready in told]
    assert [list(made) for made in (plain, one, two, other, back)] == [[each.key for each in ALL]] * len(steps)
    assert one["small.avatar"] == plain["small.avatar"]
    assert one["middle.avatar"].sha256 != plain["middle.avatar"].sha256
    assert one["middle.avatar"].object_key.startswith(folder(job(original), CUT))
    assert (two["middle.avatar"], two["small.avatar"]) == (one["middle.avatar"], plain["small.avatar"])
    assert (other["middle.avatar"], other["large.avatar"]) == (plain["middle.avatar"], two["large.avatar"])
    assert back == plain
    assert {ready.recipes for ready in told} == {fingerprint(ALL)}
    # What was seen is told of the picture as it is everywhere else.
    assert all(ready.look == told[0].look for ready in told)


async def test_a_slot_has_the_same_file_whether_its_edit_is_its_own_or_everybodys(
    bus: Bus, objects: ObjectStore, workers: PictureWorkers, tmp_path: Path
) -> None:
    own, everywhere = [await put_original(objects, photo(), tmp_path) for _ in range(2)]
    room = darkroom(bus, objects, workers, ALL)
    # No slot is left for the edit of the picture: it is looked at all the same.
    await room.make_variants(job(own, overrides=dict.fromkeys([each.key for each in ALL], CUT)), delivery=1)
    await room.make_variants(job(everywhere, edit=CUT), delivery=1)

    one, other = await results(bus, own, everywhere, count=2)

    assert [variant.sha256 for variant in one.variants] == [variant.sha256 for variant in other.variants]
    assert one.look.placeholder not in (b"", other.look.placeholder)


async def test_what_is_impossible_in_one_slot_is_told_of_that_slot_alone(
    bus: Bus, objects: ObjectStore, workers: PictureWorkers, original: events.ImageUploaded, rendered: list[list[str]]
) -> None:
    narrow = recipe("narrow", 200, max_bytes=1400)
    room = darkroom(bus, objects, workers, [SMALL, narrow])
    blank = Edit(crop=Rectangle(0.1, 0.0, 0.12, 0.02))
    for attempt, overrides in enumerate(({"narrow.avatar": MIRRORED}, {"narrow.avatar": blank}), start=1):
        await room.make_variants(job(original, attempt=attempt, overrides=overrides), delivery=1)

    failing, possible = await results(bus, original, count=2)

    assert [variant.key for variant in failing.variants] == ["small.avatar"]
    assert [(failed.key, failed.reason) for failed in failing.failures] == [("narrow.avatar", "BYTE_LIMIT_UNREACHABLE")]
    assert [variant.key for variant in possible.variants] == ["small.avatar", "narrow.avatar"]
    assert rendered == [["small.avatar"], ["narrow.avatar"], ["narrow.avatar"]]


@pytest.mark.parametrize(
    ("error", "deliveries", "reason"),
    [
        (PictureWorkerError("OUT_OF_MEMORY", "as it goes"), WORKER_ATTEMPTS, "PROCESSING_OUT_OF_MEMORY"),
        (PictureRefused("BROKEN", "This part cannot be read."), 1, "BROKEN"),
    ],
)
async def test_a_slot_that_ends_its_worker_costs_the_others_nothing_and_is_tried_again_next_time(
    bus: Bus,
    objects: ObjectStore,
    workers: PictureWorkers,
    original: events.ImageUploaded,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    deliveries: int,
    reason: str,
) -> None:
    room = darkroom(bus, objects, workers, ALL)
    run = workers.run

    async def fatal(function: Any, source: Path, edit: Edit, *rest: Any, **named: Any) -> Any:
        if edit == CUT:
            raise error
        return await run(function, source, edit, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(workers, "run", fatal)
        for delivery in range(1, deliveries):
            with pytest.raises(PictureWorkerError):
                await room.make_variants(job(original, overrides={"middle.avatar": CUT}), delivery=delivery)
        await room.make_variants(job(original, overrides={"middle.avatar": CUT}), delivery=deliveries)
        # It is the picture's own failure where it is the picture's own edit.
        with pytest.raises(PoisonedMessageError, match=reason):
            await room.make_variants(job(original, attempt=2, edit=CUT), delivery=deliveries)
    await room.make_variants(job(original, attempt=3, overrides={"middle.avatar": CUT}), delivery=1)

    without, failed, complete = await results(bus, original, count=3)

    assert [variant.key for variant in without.variants] == ["small.avatar", "large.avatar"]
    assert [(each.key, each.reason) for each in without.failures] == [("middle.avatar", reason)]
    assert without.failures[0].message
    assert isinstance(failed, events.VariantsFailed)
    assert (len(complete.variants), len(complete.failures)) == (3, 0)


async def test_a_slot_whose_edit_makes_no_sense_is_named_and_the_job_laid_aside(
    processor: Running, bus: Bus, original: events.ImageUploaded, eventually: Any
) -> None:
    nowhere = processor_pb2.Edit(crop=processor_pb2.Rectangle(left=math.nan, right=1, bottom=1))
    await ask(bus, original, overrides={"x.banner": processor_pb2.Edit(), "x.avatar": nowhere})

    [failed] = await results(bus, original)
    [letter] = await eventually(lambda: dead_letters(bus, original))

    assert (failed.reason, failed.attempt) == ("EDIT_INVALID", 1)
    assert letter.reason.startswith("EDIT_INVALID: x.avatar: not a rectangle inside the picture")


async def test_the_service_makes_each_slot_as_the_job_asks(
    processor: Running, bus: Bus, original: events.ImageUploaded
) -> None:
    turned = processor_pb2.Edit(quarter_turns=1)
    await ask(bus, original, overrides={"x.avatar": turned, "no.such": processor_pb2.Edit(mirrored=True)})

    [ready] = await results(bus, original)

    folders = {variant.key: variant.object_key.split("/")[3] for variant in ready.variants}
    own = folders.pop("x.avatar")
    assert own != "plain"
    assert set(folders.values()) == {"plain"}
    assert "avatar.1024" in folders
