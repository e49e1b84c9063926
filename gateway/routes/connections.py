"""Accounts on platforms: connecting, looking, disconnecting."""

from fastapi import APIRouter, Request, Response, status
from fastapi.responses import RedirectResponse

from gateway.admission import AdmittedRoute
from gateway.consent import finish_connection
from gateway.context import GatewayParts
from gateway.pages import PageSize, PageToken
from gateway.problems import told
from gateway.schemas.connections import (
    ChosenAccounts,
    Connection,
    ConnectionChoice,
    ConnectionList,
    ConsentLink,
    NewConnection,
)
from linkarooie.sync.v1 import sync_pb2
from servicekit.protobuf import moment

router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=AdmittedRoute)

# These calls wait for the platform's own servers.
PLATFORM_SECONDS = 30.0


@router.post("", responses=told(404, 409))
async def begin_connection(wanted: NewConnection, gateway: GatewayParts) -> ConsentLink:
    """Begins to connect an account: send the browser to the platform's consent page, from where it comes back by itself."""
    answer = await gateway.sync.BeginConnection(
        sync_pb2.BeginConnectionRequest(platform=wanted.platform, instance=wanted.instance), timeout=PLATFORM_SECONDS
    )
    return ConsentLink(authorize_url=answer.authorize_url, expires_at=moment(answer.expire_time))


@router.get("/callback/{platform}", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
async def return_from_platform(platform: str, request: Request, gateway: GatewayParts) -> RedirectResponse:
    """Takes the browser back from the platform, and on to `/connections?connected=…` or `?problem=…` of the web client.

    Where the consent has opened several accounts, on to `/connections/choose?choice=…`.
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
        await gateway.sync.GetConnectionChoice(sync_pb2.GetConnectionChoiceRequest(id=choice_id))
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


@router.delete("/{connection_id}", status_code=status.HTTP_204_NO_CONTENT, responses=told(404))
async def delete_connection(connection_id: str, gateway: GatewayParts) -> None:
    """Disconnects: our access is given back and forgotten. The pictures there stay as they are."""
    await gateway.sync.DeleteConnection(sync_pb2.DeleteConnectionRequest(id=connection_id), timeout=PLATFORM_SECONDS)
