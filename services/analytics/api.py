"""The gRPC face of the analytics service: translate, call a use case, translate back."""

from datetime import datetime
from typing import Any

import grpc

from linkarooie.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from servicekit.errors import InvalidInputError
from servicekit.identity import current_caller
from servicekit.protobuf import moment, timestamp
from services.analytics.domain import Granularity
from services.analytics.use_cases import Figures

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name

GRANULARITIES = {
    analytics_pb2.GRANULARITY_UNSPECIFIED: Granularity.DAY,
    analytics_pb2.GRANULARITY_HOUR: Granularity.HOUR,
    analytics_pb2.GRANULARITY_DAY: Granularity.DAY,
}


class AnalyticsApi(analytics_pb2_grpc.AnalyticsServiceServicer):
    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    async def GetOverview(
        self, request: analytics_pb2.GetOverviewRequest, context: Context
    ) -> analytics_pb2.GetOverviewResponse:
        start, end = _ends(request.span)
        overview = await self._figures.overview(owner_id=current_caller().user_id, start=start, end=end)
        return analytics_pb2.GetOverviewResponse(
            span=_span(overview.span.start, overview.span.end),
            images_uploaded=overview.images_uploaded,
            syncs_requested=overview.syncs_requested,
            platforms=[
                analytics_pb2.PlatformOutcomes(
                    platform=one.platform,
                    verified=one.verified,
                    failed=one.failed,
                    needs_you=one.needs_you,
                    median_seconds_to_verified=one.median_seconds_to_verified or 0.0,
                )
                for one in overview.platforms
            ],
        )

    async def QuerySyncOutcomes(
        self, request: analytics_pb2.QuerySyncOutcomesRequest, context: Context
    ) -> analytics_pb2.QuerySyncOutcomesResponse:
        granularity = GRANULARITIES.get(request.granularity)
        if granularity is None:
            raise InvalidInputError.of_field("granularity", "The granularity is not known. Use hour or day.")
        start, end = _ends(request.span)
        found = await self._figures.outcomes(
            owner_id=current_caller().user_id,
            start=start,
            end=end,
            granularity=granularity,
            time_zone=request.time_zone,
        )
        answer = analytics_pb2.QuerySyncOutcomesResponse(
            span=_span(found.bounds[0], found.bounds[-1]),
            series=[
                analytics_pb2.OutcomeSeries(platform=one.platform, result=one.result, counts=one.counts)
                for one in found.series
            ],
        )
        for bound in found.bounds[:-1]:
            answer.bucket_times.add().FromDatetime(bound)
        return answer


def _ends(span: analytics_pb2.Span) -> tuple[datetime | None, datetime | None]:
    return (
        moment(span.start_time) if span.HasField("start_time") else None,
        moment(span.end_time) if span.HasField("end_time") else None,
    )


def _span(start: datetime, end: datetime) -> analytics_pb2.Span:
    return analytics_pb2.Span(start_time=timestamp(start), end_time=timestamp(end))
