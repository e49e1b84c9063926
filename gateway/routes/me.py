"""The caller's own account: what it is, how one signs in to it, and what happened to it."""

from fastapi import APIRouter, Request, Response, status

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.cookies import Purpose
from gateway.pages import PageSize, PageToken
from gateway.problems import fields_named, told
from gateway.schemas.auth import LetterSent, User
from gateway.schemas.connections import ConsentLink
from gateway.schemas.me import (
    Activity,
    ActivityList,
    ApiKey,
    ApiKeyList,
    EndedSessions,
    Identity,
    IdentityList,
    MadeApiKey,
    NewApiKey,
    NewEmail,
    NewIdentity,
    PasswordChange,
    Session,
    SessionList,
    UserChange,
)
from gateway.sign_in import PROVIDER_SECONDS
from linkarooie.auth.v1 import auth_pb2
from servicekit.protobuf import moment, timestamp

router = APIRouter(prefix="/v1/me", tags=["me"], route_class=AdmittedRoute)


@router.get("")
async def get_me(gateway: GatewayParts) -> User:
    """Returns the account of who calls."""
    answer = await gateway.auth.GetCurrentUser(auth_pb2.GetCurrentUserRequest())
    return User.of(answer.user)


@router.patch("")
async def update_me(change: UserChange, gateway: GatewayParts) -> User:
    """Changes the account's name."""
    answer = await gateway.auth.UpdateCurrentUser(auth_pb2.UpdateCurrentUserRequest(display_name=change.display_name))
    return User.of(answer.user)


@router.post("/email", status_code=status.HTTP_202_ACCEPTED)
async def change_email(wanted: NewEmail, gateway: GatewayParts) -> LetterSent:
    """Has a letter sent to a new address; the account has it as soon as the link in there is opened."""
    await gateway.auth.RequestEmailChange(auth_pb2.RequestEmailChangeRequest(email=wanted.email))
    return LetterSent()


@router.post("/password", status_code=status.HTTP_204_NO_CONTENT, responses=told(409))
async def change_password(change: PasswordChange, gateway: GatewayParts) -> None:
    """Sets another password and ends all other sessions."""
    await gateway.auth.ChangePassword(
        auth_pb2.ChangePasswordRequest(current_password=change.current_password or "", new_password=change.new_password)
    )


@router.get("/sessions")
async def list_sessions(gateway: GatewayParts) -> SessionList:
    """Returns the sessions that are open, the one used last first."""
    answer = await gateway.auth.ListSessions(auth_pb2.ListSessionsRequest())
    return SessionList(items=[Session.of(session) for session in answer.sessions], next_page_token="")


@router.delete("/sessions")
async def end_other_sessions(gateway: GatewayParts) -> EndedSessions:
    """Ends every session but the one that asks. Their tokens are refused everywhere within seconds."""
    answer = await gateway.auth.EndOtherSessions(auth_pb2.EndOtherSessionsRequest())
    return EndedSessions(ended=answer.ended)


@router.delete("/sessions/{session_id}", status_code=status.HTTP_204_NO_CONTENT, responses=told(404))
async def end_session(session_id: str, gateway: GatewayParts) -> None:
    """Ends a session. Its tokens are refused everywhere within seconds."""
    await gateway.auth.EndSession(auth_pb2.EndSessionRequest(id=session_id))


@router.get("/identities")
async def list_identities(gateway: GatewayParts) -> IdentityList:
    """Returns the accounts at providers that the caller can sign in with."""
    answer = await gateway.auth.ListIdentities(auth_pb2.ListIdentitiesRequest())
    return IdentityList(items=[Identity.of(identity) for identity in answer.identities], next_page_token="")


@router.post("/identities", responses=told(404))
async def begin_identity_link(
    wanted: NewIdentity, request: Request, response: Response, gateway: GatewayParts
) -> ConsentLink:
    """Begins to link one: send the browser there, from where it comes back by itself."""
    secret = gateway.cookies.begin_flow(request, Purpose.LINK)
    answer = await gateway.auth.BeginIdentityLink(
        auth_pb2.BeginIdentityLinkRequest(provider=wanted.provider, browser_secret=secret, return_to=wanted.return_to),
        timeout=PROVIDER_SECONDS,
    )
    gateway.cookies.keep_flow(response, secret)
    return ConsentLink(authorize_url=answer.authorize_url, expires_at=moment(answer.expire_time))


@router.delete("/identities/{identity_id}", status_code=status.HTTP_204_NO_CONTENT, responses=told(404, 409))
async def delete_identity(identity_id: str, gateway: GatewayParts) -> None:
    """Removes one, unless nothing else would be left to sign in with."""
    await gateway.auth.DeleteIdentity(auth_pb2.DeleteIdentityRequest(id=identity_id))


@router.get("/api-keys")
async def list_api_keys(gateway: GatewayParts) -> ApiKeyList:
    """Returns the caller's API keys, newest first, without the keys themselves."""
    answer = await gateway.auth.ListApiKeys(auth_pb2.ListApiKeysRequest())
    return ApiKeyList(items=[ApiKey.of(key) for key in answer.api_keys], next_page_token="")


@router.post("/api-keys", status_code=status.HTTP_201_CREATED, responses=told(409))
async def create_api_key(wanted: NewApiKey, gateway: GatewayParts) -> MadeApiKey:
    """Makes an API key and shows it, this one time."""
    request = auth_pb2.CreateApiKeyRequest(
        name=wanted.name, scopes=wanted.scopes, expire_time=timestamp(wanted.expires_at)
    )
    with fields_named(expire_time="expires_at"):
        answer = await gateway.auth.CreateApiKey(request)
    return MadeApiKey.made(answer)


@router.delete("/api-keys/{key_id}", status_code=status.HTTP_204_NO_CONTENT, responses=told(404))
async def delete_api_key(key_id: str, gateway: GatewayParts) -> None:
    """Revokes an API key: it is refused everywhere within seconds."""
    await gateway.auth.DeleteApiKey(auth_pb2.DeleteApiKeyRequest(id=key_id))


@router.get("/activity")
async def list_activity(gateway: GatewayParts, page_size: PageSize = 0, page_token: PageToken = "") -> ActivityList:
    """Returns what happened to the account: who did what, when, and from where."""
    answer = await gateway.auth.ListActivities(
        auth_pb2.ListActivitiesRequest(page_size=page_size, page_token=page_token)
    )
    return ActivityList(
        items=[Activity.of(activity) for activity in answer.activities], next_page_token=answer.next_page_token
    )
