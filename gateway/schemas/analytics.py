"""Figures."""

from typing import Literal

from gateway.schemas.common import Answer, Time
from linkarooie.analytics.v1 import analytics_pb2
from servicekit.protobuf import moment

Granularity = Literal["hour", "day"]


class PlatformOutcomes(Answer):
    """How it went on one platform."""

    platform: str
    verified: int
    failed: int
    """Failed, or came to show something else."""
    needs_you: int
    median_seconds_to_verified: float | None
    """Null when nothing was verified."""


class Overview(Answer):
    """The sums of a span."""

    start: Time
    end: Time
    images_uploaded: int
    syncs_requested: int
    platforms: list[PlatformOutcomes]

    @classmethod
    def of(cls, overview: analytics_pb2.GetOverviewResponse) -> "Overview":
        return cls(
            start=moment(overview.span.start_time),
            end=moment(overview.span.end_time),
            images_uploaded=overview.images_uploaded,
            syncs_requested=overview.syncs_requested,
            platforms=[
                PlatformOutcomes(
                    platform=outcomes.platform,
                    verified=outcomes.verified,
                    failed=outcomes.failed,
                    needs_you=outcomes.needs_you,
                    median_seconds_to_verified=outcomes.median_seconds_to_verified if outcomes.verified else None,
                )
                for outcomes in overview.platforms
            ],
        )


class Series(Answer):
    """One line of a chart."""

    platform: str
    result: str
    """`verified`, `failed`, `differs` or `needs_you`."""
    counts: list[int]
    """One a bucket, in the order of `times`."""


class TimeSeries(Answer):
    """Outcomes of syncs over time, gaps filled with zeros."""

    start: Time
    end: Time
    granularity: Granularity
    time_zone: str
    times: list[Time]
    """The beginnings of the buckets."""
    series: list[Series]
    """Sorted by platform and result; empty when nothing happened."""

    @classmethod
    def of(
        cls, outcomes: analytics_pb2.QuerySyncOutcomesResponse, *, granularity: Granularity, time_zone: str
    ) -> "TimeSeries":
        return cls(
            start=moment(outcomes.span.start_time),
            end=moment(outcomes.span.end_time),
            granularity=granularity,
            time_zone=time_zone,
            times=[moment(time) for time in outcomes.bucket_times],
            series=[
                Series(platform=series.platform, result=series.result, counts=list(series.counts))
                for series in outcomes.series
            ],
        )
