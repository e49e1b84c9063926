"""Figures."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.schemas.analytics import Granularity, Overview, TimeSeries
from linkarooie.analytics.v1 import analytics_pb2
from servicekit.errors import InvalidInputError
from servicekit.protobuf import timestamp

router = APIRouter(prefix="/v1/analytics", tags=["analytics"], route_class=AdmittedRoute)

Moment = Annotated[
    AwareDatetime | None, Query(description="RFC 3339 with an offset. Absent, with the other end: the last 30 days.")
]


@router.get("/overview")
async def get_overview(gateway: GatewayParts, start: Moment = None, end: Moment = None) -> Overview:
    """Returns the sums of a span."""
    answer = await gateway.analytics.GetOverview(analytics_pb2.GetOverviewRequest(span=_span(start, end)))
    return Overview.of(answer)


@router.get("/timeseries")
async def get_time_series(
    gateway: GatewayParts,
    granularity: Granularity = "day",
    time_zone: Annotated[str, Query(max_length=64, description="IANA name, such as `Europe/Berlin`.")] = "UTC",
    start: Moment = None,
    end: Moment = None,
) -> TimeSeries:
    """Returns how syncs ended over time, one series a platform and result."""
    answer = await gateway.analytics.QuerySyncOutcomes(
        analytics_pb2.QuerySyncOutcomesRequest(
            span=_span(start, end),
            granularity=analytics_pb2.Granularity.Value(f"GRANULARITY_{granularity.upper()}"),
            time_zone=time_zone,
        )
    )
    return TimeSeries.of(answer, granularity=granularity, time_zone=time_zone)


def _span(start: datetime | None, end: datetime | None) -> analytics_pb2.Span | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        missing = "start" if start is None else "end"
        raise InvalidInputError.of_field(missing, "Give both start and end, or neither.")
    return analytics_pb2.Span(start_time=timestamp(start), end_time=timestamp(end))
