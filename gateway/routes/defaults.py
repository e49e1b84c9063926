"""Which picture is shown where."""

from collections.abc import Set

from fastapi import APIRouter, Response

from gateway.admission import AdmittedRoute
from gateway.context import Gateway, GatewayParts
from gateway.problems import told
from gateway.schemas.defaults import Defaults
from gateway.versions import IfMatch, stale_is_412, tag, wanted_version
from linkarooie.sync.v1 import sync_pb2
from linkarooie.upload.v1 import upload_pb2
from servicekit.errors import FieldViolation, InvalidInputError
from servicekit.grpc_client import remote_errors

router = APIRouter(prefix="/v1", tags=["defaults"], route_class=AdmittedRoute)

CONNECTIONS_AT_ONCE = 100
NAMED_MAX = 20


@router.get("/defaults")
async def get_defaults(response: Response, gateway: GatewayParts) -> Defaults:
    """Returns which picture is shown where. Its version is in the `ETag` header."""
    answer = await gateway.upload.GetDefaults(upload_pb2.GetDefaultsRequest())
    return _tagged(response, answer.defaults)


@router.put("/defaults", responses=told(412))
async def update_defaults(
    wanted: Defaults, response: Response, gateway: GatewayParts, if_match: IfMatch = ""
) -> Defaults:
    """Replaces which picture is shown where. It sends nothing anywhere: that is what syncs are for.

    With `If-Match`, only what was read: 412 when it has changed since. A key needs `connections:read` to choose for a connection.
    """
    await _check_connections(wanted, gateway)
    with stale_is_412():
        answer = await gateway.upload.UpdateDefaults(
            upload_pb2.UpdateDefaultsRequest(defaults=wanted.message(wanted_version(if_match)))
        )
    return _tagged(response, answer.defaults)


async def _check_connections(wanted: Defaults, gateway: Gateway) -> None:
    """Raises `InvalidInputError` for a connection that is not the caller's: only the sync service knows them."""
    chosen = {one for slot in (wanted.avatar, wanted.banner) for one in slot.connections}
    if not chosen:
        return
    known = (await gateway.upload.GetDefaults(upload_pb2.GetDefaultsRequest())).defaults
    unknown = chosen - {one for slot in known.slots for one in slot.connections}
    page_token = ""
    while unknown:
        with remote_errors():
            page = await gateway.sync.ListConnections(
                sync_pb2.ListConnectionsRequest(page_size=CONNECTIONS_AT_ONCE, page_token=page_token)
            )
        unknown -= {connection.id for connection in page.connections}
        page_token = page.next_page_token
        if not page_token:
            break
    if unknown:
        raise _not_found(wanted, unknown)


def _not_found(wanted: Defaults, unknown: Set[str]) -> InvalidInputError:
    """Names each connection that is not the caller's, the first ones if they are many."""
    slots = {"avatar": wanted.avatar, "banner": wanted.banner}
    violations = [
        FieldViolation(f"{name}.connections.{one}", f"You have no connection {one}.")
        for name, slot in slots.items()
        for one in sorted(unknown & slot.connections.keys())
    ]
    return InvalidInputError(
        violations[0].description, reason="CONNECTION_NOT_FOUND", violations=tuple(violations[:NAMED_MAX])
    )


def _tagged(response: Response, defaults: upload_pb2.Defaults) -> Defaults:
    tag(response, defaults.etag)
    return Defaults.of(defaults)
