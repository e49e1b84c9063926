"""One request for every line of `servicekit.rights.RPCS`, as its caller would send it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode
from rights_world import NO_NOTICE, World, fresh_email
from system.accounts import PASSWORD
from system.pictures import photograph

from linkarooie.analytics.v1 import analytics_pb2 as analytics
from linkarooie.auth.v1 import auth_pb2 as auth
from linkarooie.notify.v1 import notify_pb2 as notify
from linkarooie.processor.v1 import processor_pb2 as processor
from linkarooie.profile.v1 import profile_pb2 as profile
from linkarooie.sync.v1 import sync_pb2 as sync
from linkarooie.upload.v1 import upload_pb2 as upload
from servicekit.grpc_errors import from_rpc_error
from servicekit.rights import Scope

FILES = (auth, profile, upload, processor, sync, analytics, notify)
METHODS: Mapping[str, MethodDescriptor] = {
    f"{service.full_name}/{method.name}": method
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
"""Every method of every contract."""


@dataclass(frozen=True)
class Call:
    """What is sent, and what it comes to for who is let in.

    `names_owner` says that it names something of the owner's; a stranger is then answered with `to_a_stranger`.
    """

    build: Callable[[World], Awaitable[Message | list[Message]]]
    names_owner: bool = False
    let_in: StatusCode = StatusCode.OK
    to_a_stranger: StatusCode = StatusCode.NOT_FOUND


def plain(message: Message, **more: Any) -> Call:
    """A request that is the same for everybody."""

    async def build(_: World) -> Message:
        return message

    return Call(build, **more)


def made(build: Callable[[World], Message], **more: Any) -> Call:
    """A request about what the owner has."""

    async def built(world: World) -> Message:
        return build(world)

    return Call(built, names_owner=True, **more)


def prepared(build: Callable[[World], Awaitable[Message | list[Message]]], **more: Any) -> Call:
    """A request that something has to be done for first, each time anew."""
    return Call(build, **more)


async def _register(world: World) -> Message:
    return auth.RegisterRequest(email=fresh_email(), password=PASSWORD, display_name="Newcomer")


async def _confirm_email(world: World) -> Message:
    return auth.ConfirmEmailRequest(token=await world.registration_token())


async def _log_in(world: World) -> Message:
    return auth.LogInRequest(email=world.owner.email, password=PASSWORD)


async def _refresh(world: World) -> Message:
    return auth.RefreshSessionRequest(refresh_token=await world.refresh_token())


async def _log_out(world: World) -> Message:
    return auth.LogOutRequest(refresh_token=await world.refresh_token())


async def _request_reset(world: World) -> Message:
    return auth.RequestPasswordResetRequest(email=fresh_email())


async def _reset(world: World) -> Message:
    return auth.ResetPasswordRequest(token=await world.reset_token(), new_password="another picture elsewhere")


async def _complete_sign_up(world: World) -> Message:
    return auth.CompleteSocialSignUpRequest(
        ticket=await world.ticket(), email=fresh_email(), display_name="Grace Meadow"
    )


async def _exchange_key(world: World) -> Message:
    return auth.ExchangeApiKeyRequest(api_key=await world.key_with(frozenset(Scope)))


async def _change_email(world: World) -> Message:
    return auth.RequestEmailChangeRequest(email=fresh_email())


async def _end_session(world: World) -> Message:
    return auth.EndSessionRequest(id=await world.another_session())


async def _delete_identity(world: World) -> Message:
    return auth.DeleteIdentityRequest(id=await world.linked_identity("github"))


async def _delete_key(world: World) -> Message:
    return auth.DeleteApiKeyRequest(id=(await world.new_api_key({Scope.ACCOUNT_READ}))[0])


async def _set_role(world: World) -> Message:
    return auth.SetRoleRequest(user_id=(await world.account()).id, role=auth.ROLE_SUPPORT)


async def _upload(_: World) -> list[Message]:
    header = upload.UploadImageRequest(header=upload.UploadImageHeader(file_name="photo.jpg"))
    return [header, upload.UploadImageRequest(chunk=photograph())]


async def _import_image(world: World) -> Message:
    return upload.ImportImageRequest(url=await world.address_of_a_picture())


async def _get_upload(world: World) -> Message:
    return upload.GetUploadRequest(id=await world.new_upload())


async def _complete_upload(world: World) -> Message:
    return upload.CompleteUploadRequest(id=await world.new_upload())


async def _cancel_upload(world: World) -> Message:
    return upload.CancelUploadRequest(id=await world.new_upload())


async def _delete_image(world: World) -> Message:
    return upload.DeleteImageRequest(id=await world.new_image())


async def _finish_connection(world: World) -> Message:
    return sync.FinishConnectionRequest(platform="x", parameters=await world.consented())


async def _look_at_choice(world: World) -> Message:
    return sync.GetConnectionChoiceRequest(id=(await world.new_choice())[0])


async def _choose(world: World) -> Message:
    choice_id, remote_id = await world.new_choice()
    return sync.ChooseConnectionsRequest(id=choice_id, remote_ids=[remote_id])


async def _delete_connection(world: World) -> Message:
    return sync.DeleteConnectionRequest(id=await world.new_connection())


def _update_image(world: World) -> Message:
    return upload.UpdateImageRequest(
        id=world.things.image, alt_text="A pagoda in a park", update_mask={"paths": ["alt_text"]}
    )


def _plan_sync(world: World) -> Message:
    connections = [world.things.connection]
    return sync.CreateSyncRequest(image_id=world.things.image, slot="avatar", connection_ids=connections, dry_run=True)


_BIO = profile.UpdateProfileRequest(profile=profile.Profile(bio="Hello."), update_mask={"paths": ["bio"]})

CALLS: Mapping[str, Call] = {
    "linkarooie.auth.v1.AuthService/Register": prepared(_register),
    "linkarooie.auth.v1.AuthService/ConfirmEmail": prepared(_confirm_email),
    "linkarooie.auth.v1.AuthService/LogIn": prepared(_log_in),
    "linkarooie.auth.v1.AuthService/RefreshSession": prepared(_refresh),
    "linkarooie.auth.v1.AuthService/LogOut": prepared(_log_out),
    "linkarooie.auth.v1.AuthService/RequestPasswordReset": prepared(_request_reset),
    "linkarooie.auth.v1.AuthService/ResetPassword": prepared(_reset),
    "linkarooie.auth.v1.AuthService/ListSignInProviders": plain(auth.ListSignInProvidersRequest()),
    "linkarooie.auth.v1.AuthService/BeginSocialSignIn": plain(
        auth.BeginSocialSignInRequest(provider="google", browser_secret="a browser", return_to="/")
    ),
    "linkarooie.auth.v1.AuthService/FinishSocialSignIn": prepared(World.social_sign_in),
    "linkarooie.auth.v1.AuthService/CompleteSocialSignUp": prepared(_complete_sign_up),
    "linkarooie.auth.v1.AuthService/GetSigningKeys": plain(auth.GetSigningKeysRequest()),
    "linkarooie.auth.v1.AuthService/ListEndedSessions": plain(auth.ListEndedSessionsRequest()),
    "linkarooie.auth.v1.AuthService/ExchangeApiKey": prepared(_exchange_key),
    "linkarooie.auth.v1.AuthService/GetCurrentUser": plain(auth.GetCurrentUserRequest()),
    "linkarooie.auth.v1.AuthService/UpdateCurrentUser": plain(auth.UpdateCurrentUserRequest(display_name="Ada")),
    "linkarooie.auth.v1.AuthService/RequestEmailChange": prepared(_change_email),
    "linkarooie.auth.v1.AuthService/ChangePassword": plain(
        auth.ChangePasswordRequest(current_password=PASSWORD, new_password=PASSWORD)
    ),
    "linkarooie.auth.v1.AuthService/ListSessions": plain(auth.ListSessionsRequest()),
    "linkarooie.auth.v1.AuthService/EndSession": prepared(_end_session, names_owner=True),
    "linkarooie.auth.v1.AuthService/EndOtherSessions": plain(auth.EndOtherSessionsRequest()),
    "linkarooie.auth.v1.AuthService/ListIdentities": plain(auth.ListIdentitiesRequest()),
    "linkarooie.auth.v1.AuthService/BeginIdentityLink": plain(
        auth.BeginIdentityLinkRequest(provider="github", browser_secret="a browser", return_to="/")
    ),
    "linkarooie.auth.v1.AuthService/DeleteIdentity": prepared(_delete_identity, names_owner=True),
    "linkarooie.auth.v1.AuthService/ListApiKeys": plain(auth.ListApiKeysRequest()),
    "linkarooie.auth.v1.AuthService/CreateApiKey": plain(
        auth.CreateApiKeyRequest(name="One more", scopes=[Scope.ACCOUNT_READ])
    ),
    "linkarooie.auth.v1.AuthService/DeleteApiKey": prepared(_delete_key, names_owner=True),
    "linkarooie.auth.v1.AuthService/ListActivities": plain(auth.ListActivitiesRequest()),
    "linkarooie.auth.v1.AuthService/LookUpAccount": made(lambda w: auth.LookUpAccountRequest(user_id=w.owner.id)),
    "linkarooie.auth.v1.AuthService/ListAccountActivities": made(
        lambda w: auth.ListAccountActivitiesRequest(user_id=w.owner.id)
    ),
    "linkarooie.auth.v1.AuthService/SetRole": prepared(_set_role),
    "linkarooie.profile.v1.ProfileService/GetProfile": plain(profile.GetProfileRequest()),
    "linkarooie.profile.v1.ProfileService/UpdateProfile": plain(_BIO),
    "linkarooie.profile.v1.ProfileService/GetPublicProfile": made(
        lambda w: profile.GetPublicProfileRequest(handle=w.things.handle)
    ),
    "linkarooie.upload.v1.UploadService/UploadImage": prepared(_upload),
    "linkarooie.upload.v1.UploadService/ImportImage": prepared(_import_image),
    "linkarooie.upload.v1.UploadService/CreateUpload": plain(
        upload.CreateUploadRequest(bytes=1, content_type="image/png")
    ),
    "linkarooie.upload.v1.UploadService/GetUpload": prepared(_get_upload, names_owner=True),
    "linkarooie.upload.v1.UploadService/CompleteUpload": prepared(_complete_upload, names_owner=True),
    "linkarooie.upload.v1.UploadService/CancelUpload": prepared(_cancel_upload, names_owner=True),
    "linkarooie.upload.v1.UploadService/GetImage": made(lambda w: upload.GetImageRequest(id=w.things.image)),
    "linkarooie.upload.v1.UploadService/ListImages": plain(upload.ListImagesRequest()),
    "linkarooie.upload.v1.UploadService/ListSimilarImages": made(
        lambda w: upload.ListSimilarImagesRequest(image_id=w.things.image)
    ),
    "linkarooie.upload.v1.UploadService/GetLibrary": plain(upload.GetLibraryRequest()),
    # Of what is not deleted nothing changes.
    "linkarooie.upload.v1.UploadService/RestoreImage": made(lambda w: upload.RestoreImageRequest(id=w.things.image)),
    # What is in the library is not deleted for good.
    "linkarooie.upload.v1.UploadService/PurgeImage": made(
        lambda w: upload.PurgeImageRequest(id=w.things.image), let_in=StatusCode.FAILED_PRECONDITION
    ),
    "linkarooie.upload.v1.UploadService/PurgeDeletedImages": plain(upload.PurgeDeletedImagesRequest()),
    "linkarooie.upload.v1.UploadService/GetPublishedFile": plain(
        upload.GetPublishedFileRequest(object_key="nowhere"), let_in=StatusCode.NOT_FOUND
    ),
    "linkarooie.upload.v1.UploadService/UpdateImage": made(_update_image),
    # What is ready is not tried again.
    "linkarooie.upload.v1.UploadService/RetryImage": made(
        lambda w: upload.RetryImageRequest(id=w.things.image), let_in=StatusCode.FAILED_PRECONDITION
    ),
    "linkarooie.upload.v1.UploadService/DeleteImage": prepared(_delete_image, names_owner=True),
    "linkarooie.upload.v1.UploadService/ListVariants": made(
        lambda w: upload.ListVariantsRequest(image_id=w.things.image)
    ),
    "linkarooie.upload.v1.UploadService/GetEdits": made(lambda w: upload.GetEditsRequest(image_id=w.things.image)),
    # What is done already is no revision, and leaves the picture ready.
    "linkarooie.upload.v1.UploadService/UpdateEdits": made(
        lambda w: upload.UpdateEditsRequest(image_id=w.things.image)
    ),
    "linkarooie.upload.v1.UploadService/ListRevisions": made(
        lambda w: upload.ListRevisionsRequest(image_id=w.things.image)
    ),
    "linkarooie.upload.v1.UploadService/GetDefaults": plain(upload.GetDefaultsRequest()),
    "linkarooie.upload.v1.UploadService/UpdateDefaults": plain(upload.UpdateDefaultsRequest()),
    "linkarooie.upload.v1.UploadService/GetAvatarSettings": plain(upload.GetAvatarSettingsRequest()),
    "linkarooie.upload.v1.UploadService/UpdateAvatarSettings": plain(upload.UpdateAvatarSettingsRequest()),
    "linkarooie.upload.v1.UploadService/GetAvatar": plain(upload.GetAvatarRequest(name="nobody")),
    "linkarooie.processor.v1.ProcessorService/ListRecipes": plain(processor.ListRecipesRequest()),
    "linkarooie.processor.v1.ProcessorService/PreviewVariant": made(
        lambda w: processor.PreviewVariantRequest(sha256=sha256(photograph()).hexdigest(), key="x.avatar")
    ),
    "linkarooie.sync.v1.SyncService/ListPlatforms": plain(sync.ListPlatformsRequest()),
    "linkarooie.sync.v1.SyncService/BeginConnection": plain(sync.BeginConnectionRequest(platform="x")),
    "linkarooie.sync.v1.SyncService/FinishConnection": prepared(
        # Somebody else's way back is told like one that never was.
        _finish_connection,
        names_owner=True,
        to_a_stranger=StatusCode.FAILED_PRECONDITION,
    ),
    "linkarooie.sync.v1.SyncService/GetConnectionChoice": prepared(_look_at_choice, names_owner=True),
    "linkarooie.sync.v1.SyncService/ChooseConnections": prepared(_choose, names_owner=True),
    "linkarooie.sync.v1.SyncService/ListConnections": plain(sync.ListConnectionsRequest()),
    "linkarooie.sync.v1.SyncService/GetConnection": made(lambda w: sync.GetConnectionRequest(id=w.things.connection)),
    "linkarooie.sync.v1.SyncService/CheckConnection": made(
        lambda w: sync.CheckConnectionRequest(id=w.things.connection)
    ),
    "linkarooie.sync.v1.SyncService/UpdateConnection": made(
        lambda w: sync.UpdateConnectionRequest(id=w.things.connection, time_zone="Europe/Berlin")
    ),
    "linkarooie.sync.v1.SyncService/ImportPicture": made(
        lambda w: sync.ImportPictureRequest(connection_id=w.things.connection, slot="avatar")
    ),
    "linkarooie.sync.v1.SyncService/ListPicturePlaces": made(
        lambda w: sync.ListPicturePlacesRequest(image_id=w.things.image)
    ),
    "linkarooie.sync.v1.SyncService/DeleteConnection": prepared(_delete_connection, names_owner=True),
    "linkarooie.sync.v1.SyncService/CreateSync": made(_plan_sync),
    "linkarooie.sync.v1.SyncService/GetSync": made(lambda w: sync.GetSyncRequest(id=w.things.sync)),
    "linkarooie.sync.v1.SyncService/ListSyncs": plain(sync.ListSyncsRequest()),
    "linkarooie.sync.v1.SyncService/CancelSync": made(lambda w: sync.CancelSyncRequest(id=w.things.sync)),
    # What is verified is neither tried again nor confirmed by hand, and there is nothing else to leave.
    "linkarooie.sync.v1.SyncService/RetryTarget": made(
        lambda w: sync.RetryTargetRequest(id=w.things.target), let_in=StatusCode.FAILED_PRECONDITION
    ),
    "linkarooie.sync.v1.SyncService/ConfirmTarget": made(
        lambda w: sync.ConfirmTargetRequest(id=w.things.target), let_in=StatusCode.FAILED_PRECONDITION
    ),
    "linkarooie.sync.v1.SyncService/LeaveTarget": made(
        lambda w: sync.LeaveTargetRequest(id=w.things.target), let_in=StatusCode.FAILED_PRECONDITION
    ),
    "linkarooie.sync.v1.SyncService/ListTargetSteps": made(
        lambda w: sync.ListTargetStepsRequest(target_id=w.things.target)
    ),
    "linkarooie.sync.v1.SyncService/ListSnapshots": made(
        lambda w: sync.ListSnapshotsRequest(connection_id=w.things.connection)
    ),
    # Under keys, so that pictures are put back once however many are let in.
    "linkarooie.sync.v1.SyncService/RollBackPlace": made(
        lambda w: sync.RollBackPlaceRequest(
            connection_id=w.things.connection, slot="avatar", idempotency_key="the place"
        )
    ),
    "linkarooie.sync.v1.SyncService/RollBackTarget": made(
        lambda w: sync.RollBackTargetRequest(id=w.things.target, idempotency_key="the target")
    ),
    "linkarooie.sync.v1.SyncService/RollBackSync": made(
        lambda w: sync.RollBackSyncRequest(id=w.things.sync, idempotency_key="the sync")
    ),
    # Without a public address of its own there is no document, for nobody.
    "linkarooie.sync.v1.SyncService/GetClientMetadata": plain(
        sync.GetClientMetadataRequest(platform="bluesky"), let_in=StatusCode.NOT_FOUND
    ),
    "linkarooie.analytics.v1.AnalyticsService/GetOverview": plain(analytics.GetOverviewRequest()),
    "linkarooie.analytics.v1.AnalyticsService/QuerySyncOutcomes": plain(
        analytics.QuerySyncOutcomesRequest(granularity=analytics.GRANULARITY_DAY, time_zone="UTC")
    ),
    "linkarooie.notify.v1.NotifyService/ListNotices": plain(notify.ListNoticesRequest()),
    "linkarooie.notify.v1.NotifyService/MarkNoticesRead": plain(notify.MarkNoticesReadRequest(ids=[NO_NOTICE])),
}


async def send(world: World, name: str, token: str | None) -> tuple[StatusCode, str, str]:
    """Sends the request of a line; returns the status, the reason of an error, and the answer as text."""
    method = METHODS[name]
    channel = world.channels[method.containing_service.full_name]
    request = await CALLS[name].build(world)
    answer_type = GetMessageClass(method.output_type)
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    arguments = {
        "request_serializer": lambda message: message.SerializeToString(),
        "response_deserializer": answer_type.FromString,
    }
    try:
        if method.client_streaming:
            call = channel.stream_unary(f"/{name}", **arguments)(iter(request), metadata=metadata, timeout=30)
        else:
            call = channel.unary_unary(f"/{name}", **arguments)(request, metadata=metadata, timeout=30)
        answer = await call
    except grpc.aio.AioRpcError as error:
        known = from_rpc_error(error)
        return error.code(), known.reason if known else error.details() or "", ""
    return StatusCode.OK, "", json_format.MessageToJson(answer)
