"""Platforms, connections, syncs and figures: each request becomes one call for its caller, and each answer is told in full."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from gateway_doubles import AnalyticsDouble, SyncDouble
from gateway_people import Person
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from catalog import load_catalogue
from linkarooie.analytics.v1 import analytics_pb2
from linkarooie.sync.v1 import sync_pb2
from servicekit.errors import NotFoundError, PreconditionError
from servicekit.ids import new_id
from servicekit.protobuf import timestamp

AT = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
AT_TEXT = "2026-11-21T12:00:00.250Z"
NOTE = sync_pb2.Reason(
    code="ODD", message="Have a look.", action_class=sync_pb2.ACTION_CLASS_YOU_CAN_FIX_THIS, link="https://x.com/"
)
NOTE_JSON = {"code": "ODD", "message": "Have a look.", "action": "you_can_fix_this", "link": "https://x.com/"}

CONNECTION = sync_pb2.Connection(
    id="c1",
    platform="x",
    remote_id="7",
    remote_handle="@fox",
    remote_url="https://x.com/fox",
    state=sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT,
    reason=sync_pb2.Reason(
        code="AUTH_REVOKED",
        message="X took our access away. Connect again.",
        action_class=sync_pb2.ACTION_CLASS_YOU_CAN_FIX_THIS,
    ),
    slots=[
        sync_pb2.ConnectionSlot(
            slot="avatar",
            mode="write",
            observed=sync_pb2.ObservedPicture(
                observe_time=timestamp(AT), url="https://pbs.example/1.jpg", object_key="snapshots/o/abc"
            ),
            max_bytes=700_000,
            formats=["image/jpeg", "image/png"],
            alt_text_max=150,
            notice=NOTE,
        )
    ],
    create_time=timestamp(AT),
    server_software="Pixelfed 0.12.3",
)


def target(state: int = sync_pb2.TARGET_STATE_QUEUED) -> sync_pb2.Target:
    return sync_pb2.Target(
        id="t1",
        sync_id="s1",
        connection_id="c1",
        platform="x",
        slot="avatar",
        remote_handle="@fox",
        state=state,  # type: ignore[arg-type]  # any number of the enum
        reason=sync_pb2.Reason(
            code="RATE_LIMITED", message="X asks us to wait.", action_class=sync_pb2.ACTION_CLASS_WE_ARE_ON_IT
        ),
        attempts=2,
        next_attempt_time=timestamp(AT),
        observed=sync_pb2.ObservedPicture(observe_time=timestamp(AT), distance=0),
        instructions=["Save it."],
        update_time=timestamp(AT),
        alt_text="A fox",
        notes=[NOTE],
    )


TARGET_JSON = {
    "id": "t1",
    "sync_id": "s1",
    "connection_id": "c1",
    "platform": "x",
    "slot": "avatar",
    "remote_handle": "@fox",
    "state": "queued",
    "reason": {"code": "RATE_LIMITED", "message": "X asks us to wait.", "action": "we_are_on_it", "link": None},
    "attempts": 2,
    "next_attempt_at": AT_TEXT,
    "observed": {"at": AT_TEXT, "url": None, "picture_url": None, "distance": 0},
    "instructions": ["Save it."],
    "alt_text": "A fox",
    "notes": [NOTE_JSON],
    "updated_at": AT_TEXT,
    "snapshot": None,
    "before": None,
    "next_check_at": None,
}


async def test_the_whole_catalogue_is_told_with_where_its_figures_come_from(
    api: httpx2.AsyncClient, sync: SyncDouble
) -> None:
    catalogue = load_catalogue().platforms
    sync.answers["ListPlatforms"] = sync_pb2.ListPlatformsResponse(
        platforms=[
            sync_pb2.PlatformOffer(
                id=platform.id,
                name=platform.name,
                takes_instance=platform.takes_instance,
                cannot_connect_reason="No keys are set.",
                suggested_instances=["mastodon.social"],
                catalogue=ParseDict(platform.public(), Struct()),
            )
            for platform in catalogue.values()
        ]
    )

    items = (await api.get("/v1/platforms")).json()["items"]

    assert [item["id"] for item in items] == list(catalogue)
    for item in items:
        for kind, slot in catalogue[item["id"]].slots.items():
            shown = item["slots"][kind]
            assert shown["size"] == [slot.width, slot.height]
            assert shown["max_bytes"] == slot.max_bytes
            assert shown["mode"] == slot.mode
            assert set(shown["evidence"]["max_bytes"]) == {"source", "confidence", "note"}
        assert (item["can_connect"], item["cannot_connect_reason"]) == (False, "No keys are set.")


async def test_connecting_begins_with_the_address_of_the_consent_page(
    api: httpx2.AsyncClient, sync: SyncDouble, person: Person
) -> None:
    sync.answers["BeginConnection"] = sync_pb2.BeginConnectionResponse(
        authorize_url="https://mastodon.social/oauth", expire_time=timestamp(AT)
    )

    answer = await api.post("/v1/connections", json={"platform": "mastodon", "instance": "mastodon.social"})

    assert answer.json() == {"authorize_url": "https://mastodon.social/oauth", "expires_at": AT_TEXT}
    method, request, caller = sync.asked[-1]
    assert (method, request.platform, request.instance) == ("BeginConnection", "mastodon", "mastodon.social")
    assert caller == person.id


async def test_offered_accounts_are_told_with_their_pictures_and_chosen_by_their_ids(
    api: httpx2.AsyncClient, sync: SyncDouble, person: Person
) -> None:
    sync.answers["GetConnectionChoice"] = sync_pb2.GetConnectionChoiceResponse(
        platform="x",
        accounts=[
            sync_pb2.OfferedAccount(
                remote_id="1",
                remote_handle="Shop",
                remote_url="https://x.test/1",
                picture=b"abc",
                picture_type="image/png",
            ),
            sync_pb2.OfferedAccount(remote_id="2", remote_handle="Club", connection_id="c1"),
        ],
        expire_time=timestamp(AT),
    )
    sync.answers["ChooseConnections"] = sync_pb2.ChooseConnectionsResponse(connections=[CONNECTION])

    choice = (await api.get("/v1/connections/choices/h1")).json()
    chosen = await api.post("/v1/connections/choices/h1", json={"remote_ids": ["2"]})

    shop, club = choice["accounts"]
    assert (choice["platform"], choice["expires_at"]) == ("x", AT_TEXT)
    assert (shop["picture_url"], shop["connection_id"]) == ("data:image/png;base64,YWJj", None)
    assert (club["picture_url"], club["remote_url"], club["connection_id"]) == (None, None, "c1")
    assert [connection["id"] for connection in chosen.json()["items"]] == ["c1"]
    method, request, caller = sync.asked[-1]
    assert (method, request.id, list(request.remote_ids)) == ("ChooseConnections", "h1", ["2"])
    assert caller == person.id
    nothing = await api.post("/v1/connections/choices/h1", json={"remote_ids": []})
    assert nothing.status_code in (400, 422)


class TestComingBackFromThePlatform:
    CALLBACK = "/v1/connections/callback/x?oauth_token=a%26b&oauth_verifier=c"

    async def test_leads_on_to_the_new_connection(self, api: httpx2.AsyncClient, sync: SyncDouble) -> None:
        sync.answers["FinishConnection"] = sync_pb2.FinishConnectionResponse(connection=CONNECTION)

        answer = await api.get(self.CALLBACK)

        assert (answer.status_code, answer.headers["location"]) == (303, "/connections?connected=c1")
        request = sync.asked[-1][1]
        assert (request.platform, dict(request.parameters)) == ("x", {"oauth_token": "a&b", "oauth_verifier": "c"})

    async def test_or_to_the_choice_where_several_accounts_were_opened(
        self, api: httpx2.AsyncClient, sync: SyncDouble
    ) -> None:
        sync.answers["FinishConnection"] = sync_pb2.FinishConnectionResponse(choice_id="h1")

        answer = await api.get(self.CALLBACK)

        assert answer.headers["location"] == "/connections/choose?choice=h1"

    async def test_or_to_what_went_wrong(self, api: httpx2.AsyncClient, sync: SyncDouble) -> None:
        sync.answers["FinishConnection"] = PreconditionError("You said no.", reason="CONSENT_DENIED")

        answer = await api.get(self.CALLBACK)

        assert answer.headers["location"] == "/connections?problem=CONSENT_DENIED&platform=x"

    async def test_even_where_nobody_meant_what_went_wrong(self, api: httpx2.AsyncClient, sync: SyncDouble) -> None:
        answer = await api.get(self.CALLBACK)  # the double knows no answer, so it breaks

        assert answer.headers["location"] == "/connections?problem=INTERNAL&platform=x"

    async def test_signs_in_first_where_nobody_is_signed_in(self, http: httpx2.AsyncClient, sync: SyncDouble) -> None:
        answer = await http.get(self.CALLBACK)

        place = urlsplit(answer.headers["location"])
        assert (answer.status_code, place.netloc, place.path) == (303, "", "/login")
        assert parse_qs(place.query) == {"return_to": [self.CALLBACK]}
        assert sync.asked == []

    async def test_renews_a_session_whose_access_token_ended_meanwhile(
        self, gateway: str, sync: SyncDouble, person: Person
    ) -> None:
        sync.answers["FinishConnection"] = sync_pb2.FinishConnectionResponse(connection=CONNECTION)
        cookies = {"linkarooie-refresh": person.cookies["linkarooie-refresh"]}

        async with httpx2.AsyncClient(base_url=gateway, cookies=cookies) as browser:
            answer = await browser.get(self.CALLBACK, headers={"sec-fetch-site": "cross-site"})

        assert answer.headers["location"] == "/connections?connected=c1"
        assert set(answer.cookies) == {"linkarooie-access", "linkarooie-refresh"}
        assert sync.asked[-1][2] == person.id


async def test_a_connection_is_told_with_our_copy_of_what_it_shows(api: httpx2.AsyncClient, sync: SyncDouble) -> None:
    sync.answers["GetConnection"] = sync_pb2.GetConnectionResponse(connection=CONNECTION)
    sync.answers["ListConnections"] = sync_pb2.ListConnectionsResponse(connections=[CONNECTION], next_page_token="more")

    one = (await api.get("/v1/connections/c1")).json()
    page = (await api.get("/v1/connections?page_size=1&page_token=abc")).json()

    picture_url = one["slots"][0]["observed"].pop("picture_url")
    assert picture_url.startswith("/media/snapshots/o/abc?")
    assert one == {
        "id": "c1",
        "platform": "x",
        "instance": None,
        "server_software": "Pixelfed 0.12.3",
        "remote_id": "7",
        "remote_handle": "@fox",
        "remote_url": "https://x.com/fox",
        "state": "needs_reconnect",
        "reason": {
            "code": "AUTH_REVOKED",
            "message": "X took our access away. Connect again.",
            "action": "you_can_fix_this",
            "link": None,
        },
        "slots": [
            {
                "slot": "avatar",
                "mode": "write",
                "observed": {"at": AT_TEXT, "url": "https://pbs.example/1.jpg", "distance": None},
                "max_bytes": 700_000,
                "formats": ["image/jpeg", "image/png"],
                "alt_text_max": 150,
                "notice": NOTE_JSON,
                "on_difference": "ask",
            }
        ],
        "created_at": AT_TEXT,
        "checked_at": None,
        "schedule": {"follow_defaults": False, "check_every": "never", "time_zone": "UTC", "next_check_at": None},
        "expires_at": None,
        "unreachable_since": None,
        "leaving": False,
        "waiting_targets": 0,
    }
    assert (len(page["items"]), page["next_page_token"]) == (1, "more")
    assert (sync.asked[-1][1].page_size, sync.asked[-1][1].page_token) == (1, "abc")


async def test_checking_and_disconnecting(api: httpx2.AsyncClient, sync: SyncDouble) -> None:
    sync.answers["CheckConnection"] = sync_pb2.CheckConnectionResponse(connection=CONNECTION)
    sync.answers["DeleteConnection"] = sync_pb2.DeleteConnectionResponse()

    checked = await api.post("/v1/connections/c1/check")
    deleted = await api.delete("/v1/connections/c1")

    assert (checked.json()["id"], deleted.status_code) == ("c1", 204)
    assert [(method, request.id) for method, request, _ in sync.asked] == [
        ("CheckConnection", "c1"),
        ("DeleteConnection", "c1"),
    ]


async def test_the_client_metadata_document_is_public_and_passed_on_as_it_is(
    http: httpx2.AsyncClient, sync: SyncDouble
) -> None:
    sync.answers["GetClientMetadata"] = sync_pb2.GetClientMetadataResponse(document_json='{"client_id": "x"}')

    answer = await http.get("/v1/connections/client-metadata/bluesky")

    assert (answer.text, answer.headers["content-type"]) == ('{"client_id": "x"}', "application/json")


async def test_a_sync_is_accepted_with_its_place_and_its_key(
    api: httpx2.AsyncClient, sync: SyncDouble, person: Person
) -> None:
    sync.answers["CreateSync"] = sync_pb2.CreateSyncResponse(
        sync=sync_pb2.Sync(id="s1", image_id="i1", slot="avatar", targets=[target()], create_time=timestamp(AT))
    )
    image_id = new_id()

    answer = await api.post(
        "/v1/syncs",
        json={"image_id": image_id, "slot": "avatar", "connection_ids": ["c1"]},
        headers={"idempotency-key": "once"},
    )

    assert (answer.status_code, answer.headers["location"]) == (202, "/v1/syncs/s1")
    assert answer.json() == {
        "id": "s1",
        "state": "running",
        "image_id": "i1",
        "slot": "avatar",
        "dry_run": False,
        "trigger": "by_hand",
        "summary": None,
        "targets": [TARGET_JSON],
        "created_at": AT_TEXT,
        "finished_at": None,
    }
    _, request, caller = sync.asked[-1]
    assert request == sync_pb2.CreateSyncRequest(
        image_id=image_id, slot="avatar", connection_ids=["c1"], idempotency_key="once"
    )
    assert caller == person.id


async def test_a_dry_run_is_a_plan_without_a_place(api: httpx2.AsyncClient, sync: SyncDouble) -> None:
    sync.answers["CreateSync"] = sync_pb2.CreateSyncResponse(
        sync=sync_pb2.Sync(image_id="i1", slot="banner", dry_run=True)
    )

    answer = await api.post("/v1/syncs", json={"image_id": new_id(), "slot": "banner", "dry_run": True})

    assert (answer.json()["state"], "location" in answer.headers) == ("planned", False)
    assert sync.asked[-1][1].dry_run


async def test_a_finished_sync_says_so(api: httpx2.AsyncClient, sync: SyncDouble) -> None:
    finished = sync_pb2.Sync(id="s1", create_time=timestamp(AT), finish_time=timestamp(AT))
    sync.answers["GetSync"] = sync_pb2.GetSyncResponse(sync=finished)
    sync.answers["ListSyncs"] = sync_pb2.ListSyncsResponse(syncs=[finished])
    sync.answers["CancelSync"] = sync_pb2.CancelSyncResponse(sync=finished)

    one = await api.get("/v1/syncs/s1")
    page = await api.get("/v1/syncs")
    cancelled = await api.post("/v1/syncs/s1/cancel")

    assert (one.json()["state"], one.json()["finished_at"]) == ("finished", AT_TEXT)
    assert page.json()["items"] == [one.json()]
    assert cancelled.json() == one.json()


@pytest.mark.parametrize("number", [n for n in sync_pb2.TargetState.values() if n])
async def test_every_state_of_a_target_has_its_word(api: httpx2.AsyncClient, sync: SyncDouble, number: int) -> None:
    sync.answers["RetryTarget"] = sync_pb2.RetryTargetResponse(target=target(number))

    answer = await api.post("/v1/targets/t1/retry")

    assert answer.json()["state"] == sync_pb2.TargetState.keys()[number].removeprefix("TARGET_STATE_").lower()


async def test_confirming_and_the_history_of_a_target(api: httpx2.AsyncClient, sync: SyncDouble) -> None:
    sync.answers["ConfirmTarget"] = sync_pb2.ConfirmTargetResponse(target=target())
    sync.answers["ListTargetSteps"] = sync_pb2.ListTargetStepsResponse(
        steps=[sync_pb2.TargetStep(step_time=timestamp(AT), state=sync_pb2.TARGET_STATE_SENDING)]
    )

    confirmed = await api.post("/v1/targets/t1/confirm")
    history = await api.get("/v1/targets/t1/history")

    assert confirmed.json() == TARGET_JSON
    assert history.json() == {
        "items": [{"at": AT_TEXT, "state": "sending", "reason": None}],
        "next_page_token": "",
    }
    assert sync.asked[-1][1].target_id == "t1"


async def test_what_the_service_says_of_a_stranger_s_thing_is_passed_on(
    api: httpx2.AsyncClient, sync: SyncDouble
) -> None:
    sync.answers["GetSync"] = NotFoundError("There is no such sync.", reason="SYNC_NOT_FOUND")

    answer = await api.get(f"/v1/syncs/{new_id()}")

    assert (answer.status_code, answer.json()["reason"]) == (404, "SYNC_NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slot": "avatar"}, "image_id"),
        ({"image_id": "i", "slot": "background"}, "slot"),
        ({"image_id": "i", "slot": "avatar", "connection_ids": "c1"}, "connection_ids"),
    ],
)
async def test_a_sync_that_is_not_right_is_refused_here(
    api: httpx2.AsyncClient, sync: SyncDouble, body: dict[str, Any], field: str
) -> None:
    answer = await api.post("/v1/syncs", json=body)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert sync.asked == []


async def test_figures_are_told_for_the_span_that_was_asked_for(
    api: httpx2.AsyncClient, analytics: AnalyticsDouble, person: Person
) -> None:
    span = analytics_pb2.Span(start_time=timestamp(AT), end_time=timestamp(AT))
    analytics.answers["GetOverview"] = analytics_pb2.GetOverviewResponse(
        span=span,
        images_uploaded=3,
        syncs_requested=2,
        platforms=[
            analytics_pb2.PlatformOutcomes(platform="bluesky", failed=1),
            analytics_pb2.PlatformOutcomes(platform="x", verified=2, median_seconds_to_verified=1.5),
        ],
    )
    analytics.answers["QuerySyncOutcomes"] = analytics_pb2.QuerySyncOutcomesResponse(
        span=span,
        bucket_times=[timestamp(AT)],
        series=[analytics_pb2.OutcomeSeries(platform="x", result="verified", counts=[2])],
    )

    overview = (await api.get("/v1/analytics/overview")).json()
    series = await api.get(
        "/v1/analytics/timeseries",
        params={
            "granularity": "hour",
            "time_zone": "Europe/Berlin",
            "start": "2026-11-21T13:00:00.25+01:00",
            "end": "2026-11-22T00:00:00Z",
        },
    )

    assert overview == {
        "start": AT_TEXT,
        "end": AT_TEXT,
        "images_uploaded": 3,
        "syncs_requested": 2,
        "platforms": [
            {"platform": "bluesky", "verified": 0, "failed": 1, "needs_you": 0, "median_seconds_to_verified": None},
            {"platform": "x", "verified": 2, "failed": 0, "needs_you": 0, "median_seconds_to_verified": 1.5},
        ],
    }
    assert series.json() == {
        "start": AT_TEXT,
        "end": AT_TEXT,
        "granularity": "hour",
        "time_zone": "Europe/Berlin",
        "times": [AT_TEXT],
        "series": [{"platform": "x", "result": "verified", "counts": [2]}],
    }
    assert not analytics.asked[0][1].HasField("span")
    request = analytics.asked[1][1]
    assert request.granularity == analytics_pb2.GRANULARITY_HOUR
    assert request.span.start_time == timestamp(AT)
    assert {caller for _, _, caller in analytics.asked} == {person.id}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start=2026-11-21T00:00:00Z", "end"),
        ("end=2026-11-21T00:00:00Z", "start"),
        ("start=2026-11-21T00:00:00&end=2026-11-22T00:00:00Z", "start"),
        ("granularity=week", "granularity"),
    ],
)
async def test_a_span_that_is_not_right_is_refused_by_its_field(
    api: httpx2.AsyncClient, query: str, field: str
) -> None:
    answer = await api.get(f"/v1/analytics/timeseries?{query}")

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
