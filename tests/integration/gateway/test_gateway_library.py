"""The library over HTTP: finding pictures, what is said of them, deleting and restoring, and where they are in use."""

import io
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from gateway_doubles import SyncDouble
from gateway_people import Person, reason_of
from PIL import Image as Picture

from linkarooie.sync.v1 import sync_pb2
from servicekit.ids import new_id


def jpeg(colour: str) -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (320, 240), colour).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def add(api: httpx2.AsyncClient) -> Callable[..., Any]:
    """Uploads a picture of one colour; returns its path."""

    async def uploaded(name: str, colour: str = "teal") -> str:
        answer = await api.post("/v1/images", files={"file": (name, jpeg(colour))})
        assert answer.status_code == 201, answer.text
        path: str = answer.headers["location"]
        return path

    return uploaded


async def test_a_change_is_made_to_what_was_read_alone(api: httpx2.AsyncClient, add: Callable[..., Any]) -> None:
    path = await add("My cat.jpg")
    read = await api.get(path)
    change = {"title": "Fox", "published": True}

    changed = await api.patch(path, json=change, headers={"if-match": read.headers["etag"]})
    stale = await api.patch(path, json={"title": "Cat"}, headers={"if-match": read.headers["etag"]})
    whatever = await api.patch(path, json={"alt_text": "A fox."}, headers={"if-match": "*"})

    assert (read.json()["title"], read.json()["published"]) == ("My cat", False)
    assert (changed.status_code, changed.json()["title"], changed.json()["published"]) == (200, "Fox", True)
    assert changed.headers["etag"] != read.headers["etag"]
    assert reason_of(stale) == (412, "ETAG_MISMATCH")
    assert stale.json()["metadata"]["etag"] == changed.headers["etag"].strip('"')
    assert (whatever.json()["title"], whatever.json()["alt_text"]) == ("Fox", "A fox.")


async def test_pictures_are_found_by_words_file_and_state(api: httpx2.AsyncClient, add: Callable[..., Any]) -> None:
    cat, fox = await add("Cat in Łódź.jpg", "red"), await add("Fox.jpg", "blue")
    sha256 = (await api.get(cat)).json()["sha256"]

    async def found(**query: str) -> list[str]:
        answer = await api.get("/v1/images", params=query)
        assert answer.status_code == 200, answer.text
        return [f"/v1/images/{image['id']}" for image in answer.json()["items"]]

    assert await found(q="łód & 'cat") == [cat]
    assert await found(q="'\"!:*") == []
    assert await found(sha256=sha256) == [cat]
    assert await found(state="processing") == [fox, cat]
    assert await found(state="ready") == []
    assert await found(slot="banner") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"q": "x" * 201}, "q"),
        ({"sha256": "ab"}, "sha256"),
        ({"slot": "hat"}, "slot"),
        ({"state": "lost"}, "state"),
        ({"deleted": "perhaps"}, "deleted"),
    ],
)
async def test_what_cannot_be_looked_for_is_refused_by_name(
    api: httpx2.AsyncClient, query: dict[str, str], field: str
) -> None:
    answer = await api.get("/v1/images", params=query)

    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("change", "field"), [({"title": "x" * 201}, "title"), ({"name": "Fox"}, "name"), ({"published": "x"}, "published")]
)
async def test_what_cannot_be_said_of_a_picture_is_refused_by_name(
    api: httpx2.AsyncClient, add: Callable[..., Any], change: dict[str, str], field: str
) -> None:
    answer = await api.patch(await add("cat.jpg"), json=change)

    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == [field]


async def test_a_picture_is_deleted_seen_among_the_deleted_and_restored(
    api: httpx2.AsyncClient, add: Callable[..., Any]
) -> None:
    path, same = await add("cat.jpg"), await add("again.jpg")

    deleted, again, read = await api.delete(path), await api.delete(path), await api.get(path)
    [among_deleted] = (await api.get("/v1/images", params={"deleted": "true"})).json()["items"]
    alone = (await api.get(f"{same}/similar")).json()
    library = (await api.get("/v1/library")).json()
    restored = await api.post(f"{path}/restore")
    together = (await api.get(f"{same}/similar")).json()

    assert deleted.status_code == 204
    assert [reason_of(answer) for answer in (again, read)] == [(404, "IMAGE_DELETED")] * 2
    assert among_deleted["id"] == path.rsplit("/", 1)[1]
    assert among_deleted["deleted_at"] < among_deleted["restorable_until"]
    assert library == {
        "used_bytes": len(jpeg("teal")),
        "quota_bytes": 2_000_000_000,
        "images": 1,
        "deleted": 1,
        "outdated": 0,
        "restore_days": 30,
        "deleted_bytes": 0,
    }
    assert (restored.status_code, restored.json()["restorable_until"]) == (200, None)
    assert restored.headers["etag"] == (await api.get(path)).headers["etag"]
    assert (alone["same"], [image["id"] for image in together["same"]]) == ([], [restored.json()["id"]])


async def test_deleted_pictures_are_deleted_for_good_one_by_one_and_all_at_once(
    api: httpx2.AsyncClient, add: Callable[..., Any]
) -> None:
    paths = [await add("cat.jpg", colour) for colour in ("teal", "navy", "gold")]
    sizes = [len(jpeg(colour)) for colour in ("teal", "navy", "gold")]

    refused = await api.post(f"{paths[0]}/purge")
    for path in paths:
        await api.delete(path)
    full = (await api.get("/v1/library")).json()
    one, again = await api.post(f"{paths[0]}/purge"), await api.post(f"{paths[0]}/purge")
    rest = await api.post("/v1/library/purge")
    empty = (await api.get("/v1/library")).json()

    assert reason_of(refused) == (409, "IMAGE_NOT_DELETED")
    assert (full["deleted"], full["deleted_bytes"]) == (3, sum(sizes))
    assert (one.status_code, one.json()) == (200, {"images": 1, "freed_bytes": sizes[0]})
    assert reason_of(again) == (404, "IMAGE_NOT_FOUND")
    assert (rest.status_code, rest.json()) == (200, {"images": 2, "freed_bytes": sum(sizes[1:])})
    assert (empty["deleted"], empty["deleted_bytes"], empty["used_bytes"]) == (0, 0, 0)


async def test_where_a_picture_is_in_use_is_told_with_what_deleting_it_would_do(
    api: httpx2.AsyncClient, person: Person, add: Callable[..., Any], sync: SyncDouble
) -> None:
    path = await add("cat.jpg")
    image_id = path.rsplit("/", 1)[1]
    connections = [new_id(), new_id()]
    sync.answers["ListPicturePlaces"] = sync_pb2.ListPicturePlacesResponse(
        targets=[
            sync_pb2.Target(connection_id=connections[0], platform="x", remote_handle="ada", slot="avatar", state=state)
            for state in (sync_pb2.TARGET_STATE_VERIFIED, sync_pb2.TARGET_STATE_QUEUED)
        ]
    )
    await api.patch(path, json={"published": True})

    answer = await api.get(f"{path}/uses")

    assert answer.status_code == 200, answer.text
    uses = answer.json()
    assert sync.asked[-1] == ("ListPicturePlaces", sync_pb2.ListPicturePlacesRequest(image_id=image_id), person.id)
    assert (uses["defaults"], uses["published"]) == ([], True)
    assert [(place["platform"], place["state"]) for place in uses["places"]] == [("x", "verified"), ("x", "queued")]
    assert uses["consequences"] == [
        "It stays on one place that shows it; Linkarooie changes nothing there.",
        "It is not sent to one place where it is still on its way.",
        "Its public addresses end, and with them every page that shows it from here.",
    ]


async def test_a_stranger_learns_nothing_of_a_picture(
    http: httpx2.AsyncClient, add: Callable[..., Any], sign_up: Callable[[], Any]
) -> None:
    path, stranger = await add("cat.jpg"), await sign_up()

    answers = [
        await http.request(method, f"{path}{what}", headers=stranger.headers)
        for method, what in (
            ("GET", "/uses"),
            ("GET", "/similar"),
            ("POST", "/restore"),
            ("POST", "/purge"),
            ("DELETE", ""),
        )
    ]

    assert [reason_of(answer) for answer in answers] == [(404, "IMAGE_NOT_FOUND")] * 5
