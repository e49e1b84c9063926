"""The analytics service on real Postgres and NATS."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkarooie.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from linkarooie.events.v1 import events_pb2 as events
from linkarooie.sync.v1 import sync_pb2
from servicekit.bus import Bus
from servicekit.database import Database
from servicekit.errors import InvalidInputError, UnauthenticatedError
from servicekit.grpc_client import open_channel, remote_errors
from servicekit.identity import Caller, acting_for
from servicekit.ids import new_id, utc_now
from servicekit.protobuf import moment, timestamp
from servicekit.settings import GrpcSettings
from services.analytics.app import build
from services.analytics.domain import RESTING, RESULTS, Ending, Fact, Granularity, Span, bounds_of, find_zone
from services.analytics.settings import AnalyticsSettings
from services.analytics.store import Store
from services.analytics.use_cases import Figures

SERVICE = analytics_pb2.DESCRIPTOR.services_by_name["AnalyticsService"]
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
async def analytics(service_settings: Callable[..., Any], run_app: Any) -> AsyncIterator[Any]:
    """A stub for the running service."""
    async with (
        run_app(build(service_settings(AnalyticsSettings))) as app,
        open_channel(app.grpc.address, SERVICE, GrpcSettings()) as channel,
    ):
        yield analytics_pb2_grpc.AnalyticsServiceStub(channel)


@pytest.fixture(scope="module")
async def database(service_settings: Callable[..., Any]) -> AsyncIterator[Database]:
    opened = Database(service_settings(AnalyticsSettings), schema="analytics")
    yield opened
    await opened.stop()


@pytest.fixture(scope="module")
def figures(database: Database) -> Figures:
    return Figures(stores=partial(Store, database, clock=utc_now), clock=utc_now)


@pytest.fixture
def signed_in(issue_token: Callable[[str], str]) -> Callable[[str], Any]:
    @contextmanager
    def enter(user_id: str) -> Iterator[str]:
        with acting_for(Caller(user_id, "session", issue_token(user_id))):
            yield user_id

    return enter


@pytest.fixture
def owner(signed_in: Callable[[str], Any]) -> Iterator[str]:
    """Somebody new, signed in for the test."""
    with signed_in(new_id()) as user_id:
        yield user_id


async def publish(bus: Bus, event: Any, owner_id: str, *, event_id: str | None = None) -> None:
    await bus.publish_fact(event, event_id=event_id or new_id(), source="test", owner_id=owner_id)


def step(
    owner_id: str,
    state: str,
    version: int,
    at: datetime,
    *,
    target_id: str,
    platform: str = "x",
    took: timedelta = MINUTE,
) -> events.TargetChanged:
    return events.TargetChanged(
        target_id=target_id,
        owner_id=owner_id,
        platform=platform,
        state=sync_pb2.TargetState.Value(f"TARGET_STATE_{state.upper()}"),
        version=version,
        request_time=timestamp(at - took),
        event_time=timestamp(at),
    )


async def overview(analytics: Any, **span: Any) -> analytics_pb2.GetOverviewResponse:
    request = analytics_pb2.GetOverviewRequest(span=analytics_pb2.Span(**span) if span else None)
    with remote_errors():
        answer: analytics_pb2.GetOverviewResponse = await analytics.GetOverview(request)
    return answer


async def outcomes(analytics: Any, **request: Any) -> analytics_pb2.QuerySyncOutcomesResponse:
    with remote_errors():
        answer: analytics_pb2.QuerySyncOutcomesResponse = await analytics.QuerySyncOutcomes(
            analytics_pb2.QuerySyncOutcomesRequest(**request)
        )
    return answer


async def test_events_become_figures_of_their_owner_alone(
    analytics: Any, bus: Bus, owner: str, signed_in: Callable[[str], Any], eventually: Any
) -> None:
    now = utc_now() - MINUTE
    at = timestamp(now)
    image, sync = new_id(), new_id()
    for event_id in (None, None):  # the same facts, published under two ids
        await publish(
            bus, events.ImageUploaded(image_id=image, owner_id=owner, event_time=at), owner, event_id=event_id
        )
        await publish(bus, events.SyncRequested(sync_id=sync, owner_id=owner, event_time=at), owner, event_id=event_id)
    for platform, state, seconds in (("x", "verified", 10), ("x", "verified", 40), ("bluesky", "failed", 5)):
        took = timedelta(seconds=seconds)
        target = step(owner, state, 4, now, target_id=new_id(), platform=platform, took=took)
        await publish(bus, target, owner)

    async def all_counted() -> Any:
        found = await overview(analytics)
        counted = sum(one.verified + one.failed for one in found.platforms)
        return found if (found.images_uploaded, found.syncs_requested, counted) == (1, 1, 3) else None

    found = await eventually(all_counted)
    assert [(one.platform, one.verified, one.failed, one.needs_you) for one in found.platforms] == [
        ("bluesky", 0, 1, 0),
        ("x", 2, 0, 0),
    ]
    assert [one.median_seconds_to_verified for one in found.platforms] == [0, 25]
    assert moment(found.span.end_time) - moment(found.span.start_time) == timedelta(days=30)
    with signed_in(new_id()):
        nothing = await overview(analytics)
        assert (nothing.images_uploaded, nothing.syncs_requested, list(nothing.platforms)) == (0, 0, [])
        assert not (await outcomes(analytics)).series


async def test_a_target_that_failed_and_was_verified_later_counts_once(
    analytics: Any, bus: Bus, owner: str, eventually: Any
) -> None:
    target, failed_at = new_id(), utc_now() - timedelta(hours=5)
    verified_at = failed_at + timedelta(hours=3)
    # The later step comes first.
    await publish(bus, step(owner, "verified", 9, verified_at, target_id=target), owner)
    await publish(bus, step(owner, "sending", 8, verified_at - MINUTE, target_id=target), owner)
    await publish(bus, step(owner, "failed", 6, failed_at, target_id=target), owner)
    await publish(bus, events.ImageUploaded(image_id=new_id(), event_time=timestamp(failed_at)), owner)

    async def all_came() -> bool:
        return (await overview(analytics)).images_uploaded == 1

    await eventually(all_came)
    hours = {"granularity": analytics_pb2.GRANULARITY_HOUR}

    async def counted() -> Any:
        return (await outcomes(analytics, **hours)).series

    await eventually(counted)
    found = await outcomes(analytics, **hours)
    assert [(one.platform, one.result, sum(one.counts)) for one in found.series] == [("x", "verified", 1)]
    bucket = moment(found.bucket_times[list(found.series[0].counts).index(1)])
    assert bucket <= verified_at < bucket + timedelta(hours=1)


async def test_the_days_of_a_clock_change_hold_what_happened_on_them(
    analytics: Any, figures: Figures, owner: str
) -> None:
    # In Berlin 29 March 2026 went from 23:00 UTC the day before to 22:00 UTC.
    for at in ("03-28T22:59:59", "03-28T23:00:00", "03-29T21:59:59", "03-29T22:00:00", "03-31T10:00:00"):
        await take_only_ending(figures, ending(owner, datetime.fromisoformat(f"2026-{at}+00:00")))
    found = await outcomes(
        analytics,
        span=analytics_pb2.Span(
            start_time=timestamp(datetime(2026, 3, 28, 12, tzinfo=UTC)),
            end_time=timestamp(datetime(2026, 3, 31, 12, tzinfo=UTC)),
        ),
        time_zone="Europe/Berlin",
    )
    assert [list(one.counts) for one in found.series] == [[1, 2, 1, 1]]
    assert [moment(one).hour for one in found.bucket_times] == [23, 23, 22, 22]
    assert moment(found.span.start_time) == datetime(2026, 3, 27, 23, tzinfo=UTC)
    assert moment(found.span.end_time) == datetime(2026, 3, 31, 22, tzinfo=UTC)


def ending(owner_id: str, at: datetime, **values: Any) -> Ending:
    defaults = {"target_id": new_id(), "platform": "x", "version": 1, "result": "verified", "requested_at": at - MINUTE}
    return Ending(owner_id=owner_id, rested_at=at, **{**defaults, **values})


async def take_only_ending(figures: Figures, one: Ending) -> None:
    """Takes an ending whose time may be long ago, where raw events have no partition."""
    async with figures.stores() as store:
        await store.take_ending(one)
        await store.commit()


@pytest.mark.parametrize(
    ("request_fields", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"granularity": 7}, "granularity"),
        (
            {"span": analytics_pb2.Span(start_time={"seconds": 10}, end_time={"seconds": 10})},
            "span.start_time",
        ),
        (
            {"span": analytics_pb2.Span(start_time={"seconds": 0}, end_time={"seconds": 400 * 86400 + 1})},
            "span.end_time",
        ),
    ],
)
async def test_a_question_that_cannot_be_answered_names_the_field(
    analytics: Any, owner: str, request_fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await outcomes(analytics, **request_fields)
    assert [violation.field for violation in refused.value.violations] == [field]


async def test_figures_are_for_those_who_are_signed_in(analytics: Any) -> None:
    with pytest.raises(UnauthenticatedError):
        await overview(analytics)


@dataclass(frozen=True)
class Step:
    """One step of a target in a story: which target, in which state it rests, how long after the beginning."""

    target: int
    state: str
    minutes: int
    took: int


STORIES = st.lists(
    st.builds(Step, st.integers(0, 3), st.sampled_from(RESTING), st.integers(0, 3 * 24 * 60), st.integers(0, 500)),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=STORIES, data=st.data())
async def test_order_and_repetition_of_events_change_no_figure(
    figures: Figures, story: list[Step], data: st.DataObject
) -> None:
    begun = (utc_now() - timedelta(days=5)).replace(minute=0, second=0, microsecond=0)
    owner_id = new_id()
    targets = [new_id() for _ in range(4)]
    taken = [
        (
            Fact(begun + one.minutes * MINUTE, new_id(), owner_id, "target.changed", {}),
            ending(
                owner_id,
                begun + one.minutes * MINUTE,
                target_id=targets[one.target],
                platform=("x", "bluesky")[one.target % 2],
                version=version,
                result=one.state,
                requested_at=begun + (one.minutes - one.took) * MINUTE,
            ),
        )
        for version, one in enumerate(story)
    ]
    repeated = data.draw(st.lists(st.sampled_from(taken), max_size=8)) if taken else []
    for fact, one in data.draw(st.permutations(taken + repeated)):
        await figures.take(fact, one)

    last = {one.target_id: one for _, one in taken}.values()
    counted = [one for one in last if one.result in RESULTS]
    span = Span(begun, begun + timedelta(days=4))
    await agree_on_sums(figures, owner_id, span, counted)
    await agree_on_series(figures, owner_id, span, counted)


async def agree_on_sums(figures: Figures, owner_id: str, span: Span, counted: Sequence[Ending]) -> None:
    found = await figures.overview(owner_id=owner_id, start=span.start, end=span.end)
    assert [one.platform for one in found.platforms] == sorted({one.platform for one in counted})
    for sums in found.platforms:
        here = [one for one in counted if one.platform == sums.platform]
        assert sums.verified == sum(one.result == "verified" for one in here)
        assert sums.failed == sum(one.result in ("failed", "differs") for one in here)
        assert sums.needs_you == sum(one.result == "needs_you" for one in here)
        seconds = [
            (one.rested_at - one.requested_at).total_seconds()
            for one in here
            if one.result == "verified" and one.requested_at is not None
        ]
        assert sums.median_seconds_to_verified == (median(seconds) if seconds else None)


async def agree_on_series(figures: Figures, owner_id: str, span: Span, counted: Sequence[Ending]) -> None:
    zone = "America/New_York"
    found = await figures.outcomes(
        owner_id=owner_id, start=span.start, end=span.end, granularity=Granularity.DAY, time_zone=zone
    )
    assert found.bounds == bounds_of(span, Granularity.DAY, find_zone(zone))
    expected: dict[tuple[str, str], list[int]] = {}
    for one in counted:
        bucket = sum(bound <= one.rested_at for bound in found.bounds) - 1
        expected.setdefault((one.platform, one.result), [0] * (len(found.bounds) - 1))[bucket] += 1
    assert {(one.platform, one.result): one.counts for one in found.series} == expected
    assert [(one.platform, one.result) for one in found.series] == sorted(expected)


async def test_partitions_are_made_ahead_once(database: Database) -> None:
    # Long after now, so that what the running service makes is not in the way.
    later = datetime(2087, 11, 5, tzinfo=UTC)
    expected = [
        f"events_{month}" for month in ("2087_08", "2087_09", "2087_10", "2087_11", "2087_12", "2088_01", "2088_02")
    ]
    async with Store(database, clock=lambda: later) as store:
        assert await store.make_partitions() == expected
        assert await store.make_partitions() == []
        fact = Fact(datetime(2088, 2, 29, 23, 59, 59, tzinfo=UTC), new_id(), new_id(), "image.uploaded", {})
        assert await store.add_fact(fact)
        assert not await store.add_fact(fact)


async def test_the_service_makes_room_for_the_months_around_now(figures: Figures, database: Database) -> None:
    await figures.make_partitions()
    for days in (-89, 0, 89):
        async with Store(database, clock=utc_now) as store:
            assert await store.add_fact(Fact(utc_now() + timedelta(days=days), new_id(), new_id(), "test", {}))


async def test_an_event_that_fits_no_partition_is_refused(figures: Figures) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="no partition"):
        await figures.take(Fact(datetime(1999, 1, 1, tzinfo=UTC), new_id(), new_id(), "test", {}))
