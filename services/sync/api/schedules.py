"""When connections are looked after without being asked."""

from collections.abc import Mapping
from typing import TypeVar

from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from servicekit.errors import InvalidInputError
from services.sync.api.messages import CHECKS, POLICIES, Context, Messages, caller
from services.sync.domain.schedule import CheckEvery, OnDifference
from services.sync.use_cases.connections import Connections
from services.sync.use_cases.schedules import Change, Schedules

_CHECKS = {sync_pb2.CHECK_EVERY_UNSPECIFIED: CheckEvery.NEVER, **{value: each for each, value in CHECKS.items()}}
_POLICIES = {sync_pb2.ON_DIFFERENCE_UNSPECIFIED: OnDifference.ASK, **{value: each for each, value in POLICIES.items()}}

Number = TypeVar("Number", bound=int)
Value = TypeVar("Value")


class SchedulesApi(Messages, sync_pb2_grpc.SyncServiceServicer):
    _connections: Connections
    _schedules: Schedules

    async def UpdateConnection(
        self, request: sync_pb2.UpdateConnectionRequest, context: Context
    ) -> sync_pb2.UpdateConnectionResponse:
        change = Change(
            follows_defaults=request.follow_defaults if request.HasField("follow_defaults") else None,
            check_every=_known(_CHECKS, request.check_every, "check_every")
            if request.HasField("check_every")
            else None,
            time_zone=request.time_zone if request.HasField("time_zone") else None,
            on_difference={
                slot: _known(_POLICIES, policy, "on_difference") for slot, policy in request.on_difference.items()
            },
        )
        await self._schedules.update(request.id, change, owner_id=caller())
        shown = await self._connections.get(request.id, owner_id=caller())
        return sync_pb2.UpdateConnectionResponse(connection=self._connection(shown))


def _known(values: Mapping[Number, Value], sent: Number, field: str) -> Value:
    """Returns what a number of the contracts means. Raises `InvalidInputError` for one that a newer client may know."""
    if sent not in values:
        raise InvalidInputError.of_field(field, f"This server does not know the value {sent}.")
    return values[sent]
