"""Accounts on platforms: connecting, looking, disconnecting."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import RedirectResponse

from gateway.admission import AdmittedRoute
from gateway.consent import finish_connection
from gateway.context import GatewayParts
from gateway.pages import PageSize, PageToken
from gateway.problems import told
from gateway.routes.images import IdempotencyKey
from gateway.routes.syncs import begun
from gateway.schemas.common import Slot
from gateway.schemas.connections import (
    ChosenAccounts,
    Connection,
    ConnectionChange,
    ConnectionChoice,
    ConnectionList,
    ConsentLink,
    Leaving,
    NewConnection,
    PlaceRollback,
    Snapshot,
    SnapshotList,
)
from gateway.schemas.syncs import Sync
from linkarooie.sync.v1 import sync_pb2
from servicekit.protobuf import moment

router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=AdmittedRoute)

# These calls wait for the platform's own servers.
PLATFORM_SECONDS = 30.0


@router.post("", responses=told(404, 409))
async def begin_connection(wanted: NewConnection, gateway: GatewayParts) -> ConsentLink:
    """Begins to connect an account, or to connect it again: send the browser to the platform's consent page, from where it comes back by itself."""
    answer = await gateway.sync.BeginConnection(
        sync_pb2.BeginConnectionRequest(
            platform=wanted.platform, instance=wanted.instance, connection_id=wanted.connection_id
        ),
        timeout=PLATFORM_SECONDS,
    )
    return ConsentLink(authorize_url=answer.authorize_url, expires_at=moment(answer.expire_time))


@router.get("/callback/{platform}", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
async def return_from_platform(platform: str, request: Request, gateway: GatewayParts) -> RedirectResponse:
    """Takes the browser back from the platform, and on to `/connections?connected=…` or `?problem=…` of the web client.

    Where the consent has opened several accounts, or another one than was to be connected again, on to `/connections/choose?choice=…`.
    """
    return await finish_connection(platform, request, gateway, seconds=PLATFORM_SECONDS)


@router.get("/client-metadata/{platform}", responses=told(404))
async def get_client_metadata(platform: str, gateway: GatewayParts) -> Response:
    """Returns the document by which a platform knows this installation (OAuth client metadata)."""
    answer = await gateway.sync.GetClientMetadata(sync_pb2.GetClientMetadataRequest(platform=platform))
    return Response(answer.document_json, media_type="application/json")


@router.get("/choices/{choice_id}", responses=told(404, 409))
async def get_connection_choice(choice_id: str, gateway: GatewayParts) -> ConnectionChoice:
    """Returns the accounts that a consent has opened and of which its owner has not chosen yet."""
    return ConnectionChoice.of(
        await gateway.sync.GetConnectionChoice(sync_pb2.GetConnectionChoiceRequest(id=choice_id)), gateway.links
    )


@router.post("/choices/{choice_id}", responses=told(404, 409))
async def choose_connections(choice_id: str, chosen: ChosenAccounts, gateway: GatewayParts) -> ConnectionList:
    """Connects the chosen accounts, all or none of them. The access to the others is forgotten, and a choice is made once."""
    answer = await gateway.sync.ChooseConnections(
        sync_pb2.ChooseConnectionsRequest(id=choice_id, remote_ids=chosen.remote_ids)
    )
    return ConnectionList(
        items=[Connection.of(connection, gateway.links) for connection in answer.connections], next_page_token=""
    )


@router.get("")
async def list_connections(
    gateway: GatewayParts, page_size: PageSize = 0, page_token: PageToken = ""
) -> ConnectionList:
    """Returns the caller's connections, newest first."""
    answer = await gateway.sync.ListConnections(
        sync_pb2.ListConnectionsRequest(page_size=page_size, page_token=page_token)
    )
    return ConnectionList(
        items=[Connection.of(connection, gateway.links) for connection in answer.connections],
        next_page_token=answer.next_page_token,
    )


@router.get("/{connection_id}", responses=told(404))
async def get_connection(connection_id: str, gateway: GatewayParts) -> Connection:
    """Returns one connection."""
    answer = await gateway.sync.GetConnection(sync_pb2.GetConnectionRequest(id=connection_id))
    return Connection.of(answer.connection, gateway.links)


@router.post("/{connection_id}/check", responses=told(404, 409))
async def check_connection(connection_id: str, gateway: GatewayParts) -> Connection:
    """Asks the platform who we are there and what it shows now. Changes nothing there."""
    answer = await gateway.sync.CheckConnection(
        sync_pb2.CheckConnectionRequest(id=connection_id), timeout=PLATFORM_SECONDS
    )
    return Connection.of(answer.connection, gateway.links)


@router.patch("/{connection_id}", responses=told(404))
async def update_connection(connection_id: str, change: ConnectionChange, gateway: GatewayParts) -> Connection:
    """Changes when an account is looked after without being asked, and what follows when it shows something else."""
    answer = await gateway.sync.UpdateConnection(change.request(connection_id))
    return Connection.of(answer.connection, gateway.links)


@router.delete(
    "/{connection_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses={**told(404), 202: {"model": Leaving, "description": "Disconnected once the pictures are back"}},
)
async def delete_connection(
    connection_id: str,
    gateway: GatewayParts,
    put_back: Annotated[bool, Query(description="Whether to put back first what was there before.")] = False,
) -> Response:
    """Disconnects: our access is given back and forgotten. The pictures there stay as they are, unless `put_back` asks for those from before.

    Where some have to be put back, the answer is 202 with the sync that does so; the account is disconnected after it.
    """
    answer = await gateway.sync.DeleteConnection(
        sync_pb2.DeleteConnectionRequest(id=connection_id, put_back=put_back), timeout=PLATFORM_SECONDS
    )
    if not answer.sync_id:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return Response(
        Leaving(sync_id=answer.sync_id).model_dump_json(),
        status.HTTP_202_ACCEPTED,
        {"location": f"/v1/syncs/{answer.sync_id}"},
        "application/json",
    )


@router.get("/{connection_id}/snapshots", responses=told(404))
async def list_snapshots(
    connection_id: str,
    gateway: GatewayParts,
    slot: Annotated[Slot | None, Query(description="Of one place only.")] = None,
    page_size: PageSize = 0,
    page_token: PageToken = "",
) -> SnapshotList:
    """Returns what was found in the places of an account so far, newest first."""
    answer = await gateway.sync.ListSnapshots(
        sync_pb2.ListSnapshotsRequest(
            connection_id=connection_id, slot=slot or "", page_size=page_size, page_token=page_token
        )
    )
    return SnapshotList(
        items=[Snapshot.of(snapshot, gateway.links) for snapshot in answer.snapshots],
        next_page_token=answer.next_page_token,
    )


@router.post("/{connection_id}/rollback", status_code=status.HTTP_202_ACCEPTED, responses=told(404, 409))
async def roll_back_place(
    connection_id: str,
    wanted: PlaceRollback,
    response: Response,
    gateway: GatewayParts,
    idempotency_key: IdempotencyKey = "",
) -> Sync:
    """Puts a picture back that a place showed before: a sync of its own, with one target."""
    answer = await gateway.sync.RollBackPlace(
        sync_pb2.RollBackPlaceRequest(
            connection_id=connection_id,
            slot=wanted.slot,
            snapshot_id=wanted.snapshot_id,
            idempotency_key=idempotency_key,
        )
    )
    return begun(answer.sync, response, gateway)
