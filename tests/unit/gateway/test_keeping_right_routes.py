"""Looking after accounts and putting pictures back: what is asked of sync, and what clients get."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from gateway.schemas.syncs import PlanSummary, Target
from linkarooie.sync.v1 import sync_pb2
from servicekit.errors import InvalidInputError, NotFoundError, PreconditionError
from servicekit.ids import new_id
from servicekit.protobuf import timestamp

SIGNED_IN = {"authorization": "Bearer good"}
CONNECTION, SNAPSHOT, SYNC, TARGET = new_id(), new_id(), new_id(), new_id()


class Sync:
    """Stands in for the sync service: remembers what it was asked, and answers what `answers` has for the call, or raises it."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        async def call(request: Any, timeout: float | None = None) -> Any:
            self.asked.append(request)
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


@pytest.fixture
def sync() -> Sync:
    return Sync()


@pytest.fixture
def client(make_api: Callable[..., FastAPI], open_client: Any, sync: Sync) -> httpx2.AsyncClient:
    made: httpx2.AsyncClient = open_client(make_api(parts={"sync": sync}))
    made.headers.update(SIGNED_IN)
    return made


@pytest.fixture
def connection(noon: Callable[..., Any]) -> sync_pb2.Connection:
    return sync_pb2.Connection(
        id=CONNECTION,
        platform="somewhere",
        state=sync_pb2.CONNECTION_STATE_HEALTHY,
        create_time=timestamp(noon()),
        slots=[sync_pb2.ConnectionSlot(slot="avatar", mode="write")],
    )


@pytest.fixture
def rolling_back(noon: Callable[..., Any]) -> sync_pb2.Sync:
    before = sync_pb2.Snapshot(
        id=SNAPSHOT, connection_id=CONNECTION, slot="avatar", found_time=timestamp(noon()), is_first=True
    )
    target = sync_pb2.Target(
        id=TARGET, sync_id=SYNC, slot="avatar", state=sync_pb2.TARGET_STATE_QUEUED, snapshot=before
    )
    return sync_pb2.Sync(
        id=SYNC, trigger=sync_pb2.SYNC_TRIGGER_ROLL_BACK, create_time=timestamp(noon()), targets=[target]
    )


async def test_what_is_not_named_in_a_change_stays_as_it_is(
    client: Any, sync: Sync, connection: sync_pb2.Connection
) -> None:
    sync.answers["UpdateConnection"] = sync_pb2.UpdateConnectionResponse(connection=connection)

    await client.patch(f"/v1/connections/{CONNECTION}", json={"on_difference": {"banner": "restore"}})
    await client.patch(f"/v1/connections/{CONNECTION}", json={"follow_defaults": False, "check_every": "never"})

    assert sync.asked == [
        sync_pb2.UpdateConnectionRequest(id=CONNECTION, on_difference={"banner": sync_pb2.ON_DIFFERENCE_RESTORE}),
        sync_pb2.UpdateConnectionRequest(id=CONNECTION, follow_defaults=False, check_every=sync_pb2.CHECK_EVERY_NEVER),
    ]


async def test_a_schedule_is_told_in_words_and_its_absence_too(
    client: Any, sync: Sync, connection: sync_pb2.Connection, noon: Callable[..., Any]
) -> None:
    sync.answers["GetConnection"] = sync_pb2.GetConnectionResponse(connection=connection)
    plain = (await client.get(f"/v1/connections/{CONNECTION}")).json()
    connection.schedule.CopyFrom(
        sync_pb2.Schedule(
            follow_defaults=True,
            check_every=sync_pb2.CHECK_EVERY_WEEK,
            time_zone="Europe/Berlin",
            next_check_time=timestamp(noon()),
        )
    )
    connection.slots[0].on_difference = sync_pb2.ON_DIFFERENCE_LEAVE
    connection.unreachable_since.FromDatetime(noon())
    connection.waiting_targets = 2
    sync.answers["GetConnection"] = sync_pb2.GetConnectionResponse(connection=connection)
    watched = (await client.get(f"/v1/connections/{CONNECTION}")).json()

    assert plain["schedule"] == {
        "follow_defaults": False,
        "check_every": "never",
        "time_zone": "UTC",
        "next_check_at": None,
    }
    assert (plain["slots"][0]["on_difference"], plain["expires_at"], plain["leaving"]) == ("ask", None, False)
    assert watched["schedule"] == {
        "follow_defaults": True,
        "check_every": "week",
        "time_zone": "Europe/Berlin",
        "next_check_at": "2026-11-21T12:00:00.000Z",
    }
    assert watched["slots"][0]["on_difference"] == "leave"
    assert (watched["unreachable_since"], watched["waiting_targets"]) == ("2026-11-21T12:00:00.000Z", 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"check_every": "hour"},
        {"on_difference": {"avatar": "wipe"}},
        {"on_difference": {"hat": "ask"}},
        {"every": "day"},
    ],
    ids=["interval", "policy", "slot", "misspelt"],
)
async def test_a_change_that_means_nothing_is_refused_before_sync_is_asked(
    client: Any, sync: Sync, wrong: dict[str, Any]
) -> None:
    answer = await client.patch(f"/v1/connections/{CONNECTION}", json=wrong)

    assert (answer.status_code, answer.json()["reason"], sync.asked) == (400, "INVALID_INPUT", [])


async def test_a_time_zone_that_nobody_knows_is_told_as_sync_says_it(client: Any, sync: Sync) -> None:
    sync.answers["UpdateConnection"] = InvalidInputError("No such zone.", reason="TIME_ZONE_UNKNOWN")

    answer = await client.patch(f"/v1/connections/{CONNECTION}", json={"time_zone": "Middle/Earth"})

    assert (answer.status_code, answer.json()["reason"]) == (400, "TIME_ZONE_UNKNOWN")


async def test_disconnecting_is_over_at_once_unless_pictures_are_put_back(client: Any, sync: Sync) -> None:
    sync.answers["DeleteConnection"] = sync_pb2.DeleteConnectionResponse()
    gone = await client.delete(f"/v1/connections/{CONNECTION}")
    sync.answers["DeleteConnection"] = sync_pb2.DeleteConnectionResponse(sync_id=SYNC)
    leaving = await client.delete(f"/v1/connections/{CONNECTION}", params={"put_back": "true"})

    assert (gone.status_code, gone.content) == (204, b"")
    assert (leaving.status_code, leaving.json()) == (202, {"sync_id": SYNC})
    assert leaving.headers["location"] == f"/v1/syncs/{SYNC}"
    assert [request.put_back for request in sync.asked] == [False, True]


async def test_an_account_is_connected_again_by_its_connection(
    client: Any, sync: Sync, noon: Callable[..., Any]
) -> None:
    sync.answers["BeginConnection"] = sync_pb2.BeginConnectionResponse(
        authorize_url="https://platform.example/consent", expire_time=timestamp(noon())
    )

    await client.post("/v1/connections", json={"platform": "somewhere", "connection_id": CONNECTION})

    assert sync.asked == [sync_pb2.BeginConnectionRequest(platform="somewhere", connection_id=CONNECTION)]


async def test_a_choice_tells_which_account_was_to_be_connected_again(
    client: Any, sync: Sync, connection: sync_pb2.Connection, noon: Callable[..., Any]
) -> None:
    choice = sync_pb2.GetConnectionChoiceResponse(platform="somewhere", expire_time=timestamp(noon()))
    sync.answers["GetConnectionChoice"] = choice
    unexpected = (await client.get("/v1/connections/choices/one")).json()
    choice.expected.CopyFrom(connection)
    expected = (await client.get("/v1/connections/choices/one")).json()

    assert unexpected["expected"] is None
    assert expected["expected"]["id"] == CONNECTION


async def test_what_was_found_in_a_place_is_listed_and_an_empty_place_has_no_picture(
    client: Any, sync: Sync, noon: Callable[..., Any]
) -> None:
    empty = sync_pb2.Snapshot(id=new_id(), slot="banner", found_time=timestamp(noon()), is_first=True)
    lost = sync_pb2.Snapshot(
        id=SNAPSHOT,
        slot="banner",
        found_time=timestamp(noon()),
        object_key="snapshots/owner/abc",
        content_type="image/jpeg",
        shown_now=True,
        cannot_restore=sync_pb2.Reason(code="SNAPSHOT_UNREADABLE", message="Our copy cannot be read."),
    )
    sync.answers["ListSnapshots"] = sync_pb2.ListSnapshotsResponse(snapshots=[lost, empty], next_page_token="more")

    page = (await client.get(f"/v1/connections/{CONNECTION}/snapshots", params={"slot": "banner"})).json()

    assert sync.asked == [sync_pb2.ListSnapshotsRequest(connection_id=CONNECTION, slot="banner")]
    assert page["next_page_token"] == "more"
    picture, nothing = page["items"]
    assert picture["picture_url"].startswith("/media/snapshots/owner/abc?")
    assert (picture["shown_now"], picture["cannot_restore"]["code"]) == (True, "SNAPSHOT_UNREADABLE")
    assert (nothing["picture_url"], nothing["content_type"], nothing["is_first"]) == (None, None, True)


@pytest.mark.parametrize(
    ("path", "body", "call", "request_"),
    [
        (
            f"/v1/connections/{CONNECTION}/rollback",
            {"slot": "avatar", "snapshot_id": SNAPSHOT},
            "RollBackPlace",
            sync_pb2.RollBackPlaceRequest(
                connection_id=CONNECTION, slot="avatar", snapshot_id=SNAPSHOT, idempotency_key="once"
            ),
        ),
        (
            f"/v1/targets/{TARGET}/rollback",
            None,
            "RollBackTarget",
            sync_pb2.RollBackTargetRequest(id=TARGET, idempotency_key="once"),
        ),
        (
            f"/v1/syncs/{SYNC}/rollback",
            None,
            "RollBackSync",
            sync_pb2.RollBackSyncRequest(id=SYNC, idempotency_key="once"),
        ),
    ],
    ids=["place", "target", "sync"],
)
async def test_putting_back_is_a_sync_of_its_own_without_a_picture_of_the_library(
    client: Any, sync: Sync, rolling_back: sync_pb2.Sync, path: str, body: Any, call: str, request_: Any
) -> None:
    sync.answers[call] = getattr(sync_pb2, f"{call}Response")(sync=rolling_back)

    answer = await client.post(path, json=body, headers={"idempotency-key": "once"})

    assert sync.asked == [request_]
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/syncs/{SYNC}")
    told = answer.json()
    assert (told["trigger"], told["image_id"], told["slot"], told["summary"]) == ("roll_back", None, None, None)
    assert (told["targets"][0]["snapshot"]["id"], told["targets"][0]["next_check_at"]) == (SNAPSHOT, None)


async def test_putting_back_what_was_never_kept_is_a_conflict(client: Any, sync: Sync) -> None:
    sync.answers["RollBackTarget"] = PreconditionError("Nothing was kept.", reason="NO_SNAPSHOT")

    answer = await client.post(f"/v1/targets/{TARGET}/rollback", json={})

    assert (answer.status_code, answer.json()["reason"]) == (409, "NO_SNAPSHOT")


async def test_leaving_what_is_shown_answers_with_the_target(client: Any, sync: Sync) -> None:
    target = sync_pb2.Target(id=TARGET, state=sync_pb2.TARGET_STATE_CANCELLED)
    sync.answers["LeaveTarget"] = sync_pb2.LeaveTargetResponse(target=target)
    left = await client.post(f"/v1/targets/{TARGET}/leave")
    sync.answers["LeaveTarget"] = NotFoundError("It is not here.", reason="TARGET_NOT_FOUND")
    unknown = await client.post(f"/v1/targets/{TARGET}/leave")

    assert (left.status_code, left.json()["id"]) == (200, TARGET)
    assert unknown.status_code == 404


def test_a_plan_is_counted_by_what_would_happen(client: Any) -> None:
    states = ["queued", "queued", "needs_you", "verified", "paused", "failed"]
    targets = [Target.model_construct(state=state) for state in states]

    assert PlanSummary.of(targets).model_dump() == {
        "will_change": 2,
        "needs_you": 1,
        "right": 1,
        "waits": 1,
        "cannot": 1,
    }


async def test_a_platform_tells_where_it_has_to_send_people_back_to(client: Any, sync: Sync) -> None:
    offer = sync_pb2.PlatformOffer(id="somewhere", name="Somewhere", setup_steps=["Register an app."])
    offer.catalogue.update(
        {"homepage": "https://a.example", "profile_settings_url": "", "slots": {}, "not_allowed": [], "sources": {}}
    )
    sync.answers["ListPlatforms"] = sync_pb2.ListPlatformsResponse(platforms=[offer])

    (platform,) = (await client.get("/v1/platforms")).json()["items"]

    assert platform["setup_steps"] == ["Register an app."]
    assert platform["redirect_url"] == "https://pictures.example/v1/connections/callback/somewhere"
