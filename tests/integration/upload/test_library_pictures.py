"""The library: what is said about pictures, finding them, and those that look alike."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from library_client import LibraryClient, Rendered, own, stores, told
from upload_client import get, jpeg, send, variant

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.upload.v1 import upload_pb2
from servicekit.database import Database
from servicekit.errors import ConflictError, InvalidInputError, NotFoundError
from servicekit.identity import Caller, acting_for
from servicekit.ids import utc_now
from servicekit.pictures.perceptual import PerceptualHash
from services.upload.domain.image import ImageState
from services.upload.store.tables import defaults
from services.upload.use_cases.shown import show

READY = upload_pb2.IMAGE_STATE_READY


# What is said about a picture


async def test_a_picture_is_called_by_its_file_until_its_owner_calls_it_otherwise(
    upload: Any, owner: str, library: LibraryClient
) -> None:
    image = await send(upload, jpeg(), file_name="My cat.at home.jpg")
    assert (image.title, image.published, image.edited) == ("My cat.at home", False, False)

    changed = await library.update(image.id, title=" The\tcat\x07 👩‍👧 ", published=True, alt_text="A cat.")

    assert (changed.title, changed.published, changed.alt_text) == ("The cat 👩‍👧", True, "A cat.")
    assert changed.file_name == "My cat.at home.jpg"
    assert await get(upload, image.id) == changed


async def test_only_what_the_mask_names_is_changed(upload: Any, owner: str, library: LibraryClient) -> None:
    image = await send(upload, jpeg(), file_name="cat.jpg", alt_text="A cat.")

    changed = await library.update(image.id, "title", title="", alt_text="Not this.", published=True)

    assert (changed.title, changed.alt_text, changed.published) == ("", "A cat.", False)


async def test_a_change_of_what_was_not_read_is_refused_with_the_present_etag(
    upload: Any, owner: str, library: LibraryClient
) -> None:
    image = await send(upload, jpeg(), file_name="cat.jpg")
    changed = await library.update(image.id, title="First", etag=image.etag)

    with pytest.raises(ConflictError) as caught:
        await library.update(image.id, title="Second", etag=image.etag)

    assert changed.etag != image.etag
    assert (caught.value.reason, caught.value.metadata) == ("ETAG_MISMATCH", {"etag": changed.etag})
    assert (await get(upload, image.id)).title == "First"


async def test_of_changes_at_once_to_what_was_read_one_is_made(upload: Any, owner: str, library: LibraryClient) -> None:
    image = await send(upload, jpeg())

    changes = (library.update(image.id, title=title, etag=image.etag) for title in ("First", "Second", "Third"))
    answers = await asyncio.gather(*changes, return_exceptions=True)

    [made] = [answer for answer in answers if isinstance(answer, upload_pb2.Image)]
    assert sum(isinstance(answer, ConflictError) for answer in answers) == 2
    assert await get(upload, image.id) == made


async def test_a_change_that_changes_nothing_leaves_the_etag(upload: Any, owner: str, library: LibraryClient) -> None:
    image = await send(upload, jpeg(), file_name="cat.jpg")

    again = await library.update(image.id, title="cat", published=False)

    assert again.etag == image.etag


@pytest.mark.parametrize(
    ("paths", "fields", "field"),
    [
        ((), {"title": "x" * 201}, "title"),
        ((), {"alt_text": "x" * 1501}, "alt_text"),
        (("title", "revision"), {"title": "x"}, "update_mask"),
    ],
)
async def test_what_cannot_be_said_of_a_picture_is_refused_by_name(
    upload: Any, owner: str, library: LibraryClient, paths: tuple[str, ...], fields: dict[str, str], field: str
) -> None:
    image = await send(upload, jpeg(), file_name="cat.jpg")

    with pytest.raises(InvalidInputError) as caught:
        await library.update(image.id, *paths, **fields)

    assert caught.value.violations[0].field == field
    assert (await get(upload, image.id)).title == "cat"


# Finding pictures


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("sum", {"summer"}),
        ("2024 SUMMER", {"summer"}),
        ("img", {"summer", "winter"}),
        ("img_20", {"summer", "winter"}),
        ("łód", {"winter"}),
        ("Łódź & 'snow", {"winter"}),
        ("snow!:*", {"winter"}),
        ('"snow', {"winter"}),
        ("mer", set()),
        ("summer snow", set()),
        ("  ", {"summer", "winter"}),
        ("🦊", set()),
        ("& | ! ( ) <-> :* \\ ' \" % _ \0", set()),
        ("(img", {"summer", "winter"}),
        ("img\0winter", {"winter"}),
        ("кот", {"winter"}),
        ("a" * 200, set()),
    ],
)
async def test_words_and_beginnings_of_words_are_found_whatever_is_typed_around_them(
    upload: Any, owner: str, library: LibraryClient, text: str, names: set[str]
) -> None:
    sent = {
        "summer": await send(upload, jpeg(colour="red"), file_name="IMG_2024.jpg", alt_text="Summer."),
        "winter": await send(upload, jpeg(colour="blue"), file_name="IMG_2025 winter.jpg", alt_text="Snow in Łódź"),
    }
    await library.update(sent["winter"].id, title="Кот")

    assert set(await library.found(text=text)) == {sent[name].id for name in names}


async def test_pictures_are_found_by_file_state_and_slot(
    upload: Any, owner: str, library: LibraryClient, rendered: Rendered, database: Database, stranger: Caller
) -> None:
    first = await send(upload, jpeg(colour="red"))
    again = await send(upload, jpeg(colour="red"))
    other = await send(upload, jpeg(colour="blue"))
    await rendered.ready(other.id)
    async with database.sessions() as session:
        for scope, scope_id in (("platform", "x"), ("platform", "mastodon")):
            row = {"owner_id": owner, "slot": "avatar", "scope": scope, "scope_id": scope_id, "image_id": first.id}
            await session.execute(sa.insert(defaults).values(row))
        await session.commit()

    assert await library.found(sha256=first.sha256) == [again.id, first.id]
    assert await library.found(state=READY) == [other.id]
    assert await library.found(state=upload_pb2.IMAGE_STATE_PROCESSING) == [again.id, first.id]
    assert await library.found(slot="avatar") == [first.id]
    assert await library.found(slot="banner") == []
    assert await library.found(slot="avatar", sha256=other.sha256) == []
    with acting_for(stranger):
        assert await library.found(sha256=first.sha256) == []


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"text": "x" * 201}, "text"),
        ({"sha256": "ab" * 31}, "sha256"),
        ({"sha256": "AB" * 32}, "sha256"),
        ({"slot": "hat"}, "slot"),
        ({"state": 99}, "state"),
        ({"page_token": "not a token"}, "page_token"),
    ],
)
async def test_what_cannot_be_looked_for_is_refused_by_name(
    owner: str, library: LibraryClient, wanted: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await library.found(**wanted)

    assert caught.value.violations[0].field == field


async def test_a_picture_is_shown_as_it_was_until_its_edit_is_made(
    upload: Any, owner: str, library: LibraryClient, rendered: Rendered, database: Database
) -> None:
    image = await send(upload, jpeg())
    await rendered.ready(image.id)
    async with stores(database)() as store:
        known = await store.image(image.id, lock=True)
        assert known is not None
        await store.save_image(replace(known, revision=2, state=ImageState.PROCESSING, made_at=None))
        await store.commit()

    [listed] = await library.listed()
    assert listed.state == upload_pb2.IMAGE_STATE_PROCESSING
    assert [each.key for each in listed.thumbnails] == ["thumbnail.160.webp", "thumbnail.320.webp"]
    assert listed == await get(upload, image.id)

    edited = variant("thumbnail.640.webp")
    await rendered.ready(image.id, edited, revision=2)
    assert [each.key for each in (await library.listed())[0].thumbnails] == ["thumbnail.640.webp"]


async def test_a_picture_made_by_other_recipes_than_those_in_force_is_outdated(
    upload: Any, owner: str, rendered: Rendered, database: Database
) -> None:
    made, waiting = await send(upload, jpeg()), await send(upload, jpeg())
    await rendered.ready(made.id)

    async with stores(database)() as store:  # nothing of this is kept: the recipes are everybody's
        await store.set_recipes("new ones", utc_now() + timedelta(days=1))
        images = [image for image_id in (made.id, waiting.id) if (image := await store.image(image_id))]
        shown = await show(store, images)
        up_to_date = await show(store, [replace(images[0], recipes="new ones")])
        counts = await store.counts(owner, deleted_since=utc_now())

    assert [one.outdated for one in (*shown, *up_to_date)] == [True, False, False]
    assert (counts.images, counts.deleted, counts.outdated) == (2, 0, 1)


# Pictures that look alike


async def test_pictures_of_the_same_file_and_pictures_that_look_alike_are_told_apart(
    upload: Any, owner: str, library: LibraryClient, rendered: Rendered
) -> None:
    shape, grey = 0x0F0F_3C3C_5555_1234, bytes([128] * 48)
    looks = {
        "itself": PerceptualHash(shape, grey),
        "encoded again": PerceptualHash(shape ^ 0b11_1111, grey),
        "smaller": PerceptualHash(shape ^ 0b1, grey),
        "another": PerceptualHash(shape ^ 0b111_1111, grey),
        "in another colour": PerceptualHash(shape, bytes([128, 30, 200] * 16)),
        "deleted": PerceptualHash(shape, grey),
    }
    sent = {name: (await send(upload, jpeg(100 + n, 100))).id for n, name in enumerate(looks)}
    same = (await send(upload, jpeg(100, 100))).id
    for name, look in looks.items():
        await rendered.ready(sent[name], *own(sent[name], look=look))
    await rendered.ready(same, *own(same, look=looks["itself"]))
    await library.delete(sent["deleted"])

    assert await library.similar(sent["itself"]) == ([same], [sent["smaller"], sent["encoded again"]])


async def test_nothing_is_known_to_look_like_a_picture_that_was_never_ready(
    upload: Any, owner: str, library: LibraryClient, rendered: Rendered, stranger: Caller
) -> None:
    ready, waiting = await send(upload, jpeg()), await send(upload, jpeg(colour="red"))
    # What cannot be read is no reason to do without the picture.
    await rendered.ready(ready.id, variant("thumbnail.320.webp"))

    assert await library.similar(waiting.id) == ([], [])
    assert await library.similar(ready.id) == ([], [])
    with acting_for(stranger), pytest.raises(NotFoundError):
        await library.similar(ready.id)


# Published files


async def test_a_file_is_public_while_its_picture_is_published_and_in_the_library(
    upload: Any, owner: str, library: LibraryClient, rendered: Rendered, database: Database, stranger: Caller
) -> None:
    image = await send(upload, jpeg())
    made = own(image.id)
    await rendered.ready(image.id, *made)
    key = made[0].object_key

    async def is_public() -> bool:
        with acting_for(stranger):
            try:
                await library.published(key)
            except NotFoundError:
                return False
            return True

    seen = [await is_public()]
    await library.update(image.id, published=True)
    seen.append(await is_public())
    await library.delete(image.id)
    seen.append(await is_public())
    await library.restore(image.id)
    seen.append(await is_public())
    await library.update(image.id, published=False)
    seen.append(await is_public())

    assert seen == [False, True, False, True, False]
    ended = [list(said.paths) for said in await told(database, events.AddressesChanged, owner)]
    assert ended == [sorted(f"/media/{one.object_key}" for one in made)] * 2


@pytest.mark.parametrize("key", ["", "nowhere", "originals/x", "a\0b", "x" * 5000])
async def test_a_file_that_nobody_published_is_not_found(library: LibraryClient, key: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        await library.published(key)

    assert caught.value.reason == "FILE_NOT_PUBLISHED"


async def test_an_original_is_never_public(upload: Any, owner: str, library: LibraryClient) -> None:
    image = await send(upload, jpeg())
    await library.update(image.id, published=True)

    with pytest.raises(NotFoundError):
        await library.published(f"originals/{owner}/{image.sha256}")


# The library as a whole


async def test_the_library_tells_how_full_it_is_and_what_is_in_it(
    upload: Any, owner: str, library: LibraryClient
) -> None:
    empty = await library.library()
    first, second = await send(upload, jpeg(colour="red")), await send(upload, jpeg(colour="blue"))
    await send(upload, jpeg(colour="red"))
    await library.delete(second.id)

    full = await library.library()

    assert (empty.used_bytes, empty.image_count, empty.deleted_count) == (0, 0, 0)
    assert (full.used_bytes, full.image_count, full.deleted_count) == (first.bytes + second.bytes, 2, 1)
    assert (full.quota_bytes, full.restore_days) == (2_000_000_000, 30)
