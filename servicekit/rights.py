"""Who may call what: the one table of rights, a line a call. Servers refuse to start with a call that has no line.

Beyond these lines each service sees to it that a caller reaches nothing but their own rows; what is somebody else's is not found.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from servicekit.errors import ForbiddenError, UnauthenticatedError
from servicekit.identity import Caller, Role

# After a sign-in this old, what could lock the owner out asks for another one (platforms do the same before such steps).
FRESH_FOR = timedelta(minutes=15)


class Scope(StrEnum):
    """What an API key may be allowed to do. People who signed in may do all of it."""

    ACCOUNT_READ = "account:read"
    IMAGES_READ = "images:read"
    IMAGES_WRITE = "images:write"
    CONNECTIONS_READ = "connections:read"
    CONNECTIONS_WRITE = "connections:write"
    SYNC_READ = "sync:read"
    SYNC_WRITE = "sync:write"
    PROFILE_READ = "profile:read"
    PROFILE_WRITE = "profile:write"
    NOTICES_READ = "notices:read"
    NOTICES_WRITE = "notices:write"
    ANALYTICS_READ = "analytics:read"


@dataclass(frozen=True)
class Right:
    """What a call asks of its caller. Made by the words below."""

    words: str
    anyone: bool = False
    scopes: Set[Scope] = frozenset()  # any of them lets an API key in; empty keeps keys out
    fresh: bool = False
    roles: Set[Role] = frozenset(Role)

    def permit(self, caller: Caller | None, now: datetime) -> None:
        """Returns when the caller may. Raises `UnauthenticatedError`, or `ForbiddenError` that says what is missing."""
        if self.anyone:
            return
        if caller is None:
            raise UnauthenticatedError("Sign in first.")
        if caller.scopes is not None:
            self._permit_key(caller.scopes)
        if caller.role not in self.roles:
            raise ForbiddenError("This is for the installation's staff.", reason="ROLE_MISSING")
        if self.fresh and now - caller.signed_in_at > FRESH_FOR:
            raise ForbiddenError(
                "Confirm that it is you: sign in again, then repeat this.",
                reason="SIGN_IN_AGAIN",
                metadata={"fresh_minutes": str(int(FRESH_FOR.total_seconds() // 60))},
            )

    def _permit_key(self, scopes: Set[str]) -> None:
        if not self.scopes:
            raise ForbiddenError("An API key cannot do this; sign in as a person.", reason="NOT_FOR_API_KEYS")
        if not scopes & self.scopes:
            wanted = " or ".join(sorted(self.scopes))
            raise ForbiddenError(
                f"This API key lacks the scope {wanted}.", reason="SCOPE_MISSING", metadata={"scope": wanted}
            )


def scope(*scopes: Scope) -> Right:
    """Whoever is signed in, and API keys with one of the scopes."""
    return Right(f"signed in, or a key with {' or '.join(scopes)}", scopes=frozenset(scopes))


ANYONE = Right("anyone", anyone=True)
"""Also who is not signed in. A good token is read all the same."""
PERSON = Right("signed in, no key")
FRESH = Right("signed in a short while ago, no key", fresh=True)
STAFF = Right("support or admin", roles=frozenset({Role.SUPPORT, Role.ADMIN}))
ADMIN = Right("admin", roles=frozenset({Role.ADMIN}))
FRESH_ADMIN = Right("admin, signed in a short while ago", roles=frozenset({Role.ADMIN}), fresh=True)

RPCS: Mapping[str, Right] = {
    "linkarooie.auth.v1.AuthService/Register": ANYONE,
    "linkarooie.auth.v1.AuthService/ConfirmEmail": ANYONE,
    "linkarooie.auth.v1.AuthService/LogIn": ANYONE,
    "linkarooie.auth.v1.AuthService/RefreshSession": ANYONE,
    "linkarooie.auth.v1.AuthService/LogOut": ANYONE,
    "linkarooie.auth.v1.AuthService/RequestPasswordReset": ANYONE,
    "linkarooie.auth.v1.AuthService/ResetPassword": ANYONE,
    "linkarooie.auth.v1.AuthService/ListSignInProviders": ANYONE,
    "linkarooie.auth.v1.AuthService/BeginSocialSignIn": ANYONE,
    "linkarooie.auth.v1.AuthService/FinishSocialSignIn": ANYONE,  # a link needs the session that began it
    "linkarooie.auth.v1.AuthService/CompleteSocialSignUp": ANYONE,
    "linkarooie.auth.v1.AuthService/GetSigningKeys": ANYONE,
    "linkarooie.auth.v1.AuthService/ListEndedSessions": ANYONE,  # ids alone, of what is over
    "linkarooie.auth.v1.AuthService/ExchangeApiKey": ANYONE,
    "linkarooie.auth.v1.AuthService/GetCurrentUser": scope(Scope.ACCOUNT_READ),
    "linkarooie.auth.v1.AuthService/UpdateCurrentUser": PERSON,
    "linkarooie.auth.v1.AuthService/RequestEmailChange": FRESH,
    "linkarooie.auth.v1.AuthService/ChangePassword": PERSON,  # asks for the present password, or for a fresh sign-in
    "linkarooie.auth.v1.AuthService/ListSessions": PERSON,
    "linkarooie.auth.v1.AuthService/EndSession": PERSON,
    "linkarooie.auth.v1.AuthService/EndOtherSessions": PERSON,
    "linkarooie.auth.v1.AuthService/ListIdentities": PERSON,
    "linkarooie.auth.v1.AuthService/BeginIdentityLink": FRESH,
    "linkarooie.auth.v1.AuthService/DeleteIdentity": FRESH,
    "linkarooie.auth.v1.AuthService/ListApiKeys": PERSON,
    "linkarooie.auth.v1.AuthService/CreateApiKey": FRESH,
    "linkarooie.auth.v1.AuthService/DeleteApiKey": PERSON,
    "linkarooie.auth.v1.AuthService/ListActivities": PERSON,
    "linkarooie.auth.v1.AuthService/LookUpAccount": STAFF,
    "linkarooie.auth.v1.AuthService/ListAccountActivities": ADMIN,
    "linkarooie.auth.v1.AuthService/SetRole": FRESH_ADMIN,
    "linkarooie.profile.v1.ProfileService/GetProfile": scope(Scope.PROFILE_READ),
    "linkarooie.profile.v1.ProfileService/UpdateProfile": scope(Scope.PROFILE_WRITE),
    "linkarooie.profile.v1.ProfileService/GetPublicProfile": ANYONE,
    "linkarooie.upload.v1.UploadService/UploadImage": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/ImportImage": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/CreateUpload": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/GetUpload": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/CompleteUpload": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/CancelUpload": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/GetImage": scope(
        Scope.IMAGES_READ, Scope.IMAGES_WRITE, Scope.SYNC_WRITE
    ),  # an import answers with its picture, a sync asks for its own
    "linkarooie.upload.v1.UploadService/ListImages": scope(Scope.IMAGES_READ),
    "linkarooie.upload.v1.UploadService/ListSimilarImages": scope(Scope.IMAGES_READ),
    "linkarooie.upload.v1.UploadService/GetLibrary": scope(Scope.IMAGES_READ),
    "linkarooie.upload.v1.UploadService/UpdateImage": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/RetryImage": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/DeleteImage": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/RestoreImage": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/PurgeImage": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/PurgeDeletedImages": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/ListVariants": scope(Scope.IMAGES_READ),
    "linkarooie.upload.v1.UploadService/GetEdits": scope(
        Scope.IMAGES_READ, Scope.IMAGES_WRITE
    ),  # restoring a revision reads it
    "linkarooie.upload.v1.UploadService/UpdateEdits": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/ListRevisions": scope(Scope.IMAGES_READ),
    "linkarooie.upload.v1.UploadService/GetDefaults": scope(
        Scope.IMAGES_READ, Scope.IMAGES_WRITE
    ),  # choosing for connections reads which are chosen for already
    "linkarooie.upload.v1.UploadService/UpdateDefaults": scope(Scope.IMAGES_WRITE),
    "linkarooie.upload.v1.UploadService/GetAvatarSettings": PERSON,  # tells hashes of the e-mail address
    "linkarooie.upload.v1.UploadService/UpdateAvatarSettings": PERSON,
    "linkarooie.upload.v1.UploadService/GetAvatar": ANYONE,
    "linkarooie.upload.v1.UploadService/GetPublishedFile": ANYONE,
    "linkarooie.processor.v1.ProcessorService/ListRecipes": scope(Scope.IMAGES_READ),
    "linkarooie.processor.v1.ProcessorService/PreviewVariant": scope(Scope.IMAGES_READ),
    "linkarooie.sync.v1.SyncService/ListPlatforms": scope(Scope.CONNECTIONS_READ),
    "linkarooie.sync.v1.SyncService/BeginConnection": scope(Scope.CONNECTIONS_WRITE),
    "linkarooie.sync.v1.SyncService/FinishConnection": scope(Scope.CONNECTIONS_WRITE),
    "linkarooie.sync.v1.SyncService/GetConnectionChoice": scope(Scope.CONNECTIONS_WRITE),
    "linkarooie.sync.v1.SyncService/ChooseConnections": scope(Scope.CONNECTIONS_WRITE),
    "linkarooie.sync.v1.SyncService/ListConnections": scope(Scope.CONNECTIONS_READ),
    "linkarooie.sync.v1.SyncService/GetConnection": scope(Scope.CONNECTIONS_READ),
    "linkarooie.sync.v1.SyncService/CheckConnection": scope(Scope.CONNECTIONS_WRITE),
    "linkarooie.sync.v1.SyncService/ImportPicture": scope(Scope.IMAGES_WRITE),
    "linkarooie.sync.v1.SyncService/ListPicturePlaces": scope(Scope.IMAGES_READ),
    "linkarooie.sync.v1.SyncService/UpdateConnection": scope(Scope.CONNECTIONS_WRITE),
    "linkarooie.sync.v1.SyncService/DeleteConnection": scope(Scope.CONNECTIONS_WRITE),
    "linkarooie.sync.v1.SyncService/CreateSync": scope(Scope.SYNC_WRITE),
    "linkarooie.sync.v1.SyncService/GetSync": scope(Scope.SYNC_READ),
    "linkarooie.sync.v1.SyncService/ListSyncs": scope(Scope.SYNC_READ),
    "linkarooie.sync.v1.SyncService/CancelSync": scope(Scope.SYNC_WRITE),
    "linkarooie.sync.v1.SyncService/RetryTarget": scope(Scope.SYNC_WRITE),
    "linkarooie.sync.v1.SyncService/ConfirmTarget": scope(Scope.SYNC_WRITE),
    "linkarooie.sync.v1.SyncService/LeaveTarget": scope(Scope.SYNC_WRITE),
    "linkarooie.sync.v1.SyncService/ListTargetSteps": scope(Scope.SYNC_READ),
    "linkarooie.sync.v1.SyncService/ListSnapshots": scope(Scope.SYNC_READ),
    "linkarooie.sync.v1.SyncService/RollBackPlace": scope(Scope.SYNC_WRITE),
    "linkarooie.sync.v1.SyncService/RollBackTarget": scope(Scope.SYNC_WRITE),
    "linkarooie.sync.v1.SyncService/RollBackSync": scope(Scope.SYNC_WRITE),
    "linkarooie.sync.v1.SyncService/GetClientMetadata": ANYONE,
    "linkarooie.analytics.v1.AnalyticsService/GetOverview": scope(Scope.ANALYTICS_READ),
    "linkarooie.analytics.v1.AnalyticsService/QuerySyncOutcomes": scope(Scope.ANALYTICS_READ),
    "linkarooie.notify.v1.NotifyService/ListNotices": scope(Scope.NOTICES_READ),
    "linkarooie.notify.v1.NotifyService/MarkNoticesRead": scope(Scope.NOTICES_WRITE),
}


class Limit(StrEnum):
    """The class of a route, by which its calls are counted. The figures are settings of the gateway."""

    READ = "read"
    WRITE = "write"
    UPLOAD = "upload"
    SIGN_IN = "sign_in"  # costs a password hash
    LETTER = "letter"  # sends a letter to an address that the caller names
    PREVIEW = "preview"  # makes a picture while somebody drags a frame
    AVATAR = "avatar"  # shown by other people's pages, many at once
    NONE = "none"  # asked by probes and caches


@dataclass(frozen=True)
class Route:
    """A line of the HTTP API: who may, and how it is counted."""

    right: Right
    limit: Limit


ROUTES: Mapping[str, Route] = {
    "POST /v1/auth/register": Route(ANYONE, Limit.LETTER),
    "POST /v1/auth/email/verify": Route(ANYONE, Limit.SIGN_IN),
    "POST /v1/auth/login": Route(ANYONE, Limit.SIGN_IN),
    "POST /v1/auth/refresh": Route(ANYONE, Limit.WRITE),
    "POST /v1/auth/logout": Route(ANYONE, Limit.WRITE),
    "POST /v1/auth/password/forgot": Route(ANYONE, Limit.LETTER),
    "POST /v1/auth/password/reset": Route(ANYONE, Limit.SIGN_IN),
    "GET /v1/auth/providers": Route(ANYONE, Limit.READ),
    "GET /v1/auth/oauth/{provider}/start": Route(ANYONE, Limit.SIGN_IN),
    "GET /v1/auth/oauth/{provider}/callback": Route(ANYONE, Limit.SIGN_IN),
    "POST /v1/auth/oauth/complete": Route(ANYONE, Limit.LETTER),
    "GET /v1/me": Route(scope(Scope.ACCOUNT_READ), Limit.READ),
    "PATCH /v1/me": Route(PERSON, Limit.WRITE),
    "POST /v1/me/email": Route(FRESH, Limit.LETTER),
    "POST /v1/me/password": Route(PERSON, Limit.SIGN_IN),
    "GET /v1/me/sessions": Route(PERSON, Limit.READ),
    "DELETE /v1/me/sessions": Route(PERSON, Limit.WRITE),
    "DELETE /v1/me/sessions/{session_id}": Route(PERSON, Limit.WRITE),
    "GET /v1/me/identities": Route(PERSON, Limit.READ),
    "POST /v1/me/identities": Route(FRESH, Limit.WRITE),
    "DELETE /v1/me/identities/{identity_id}": Route(FRESH, Limit.WRITE),
    "GET /v1/me/api-keys": Route(PERSON, Limit.READ),
    "POST /v1/me/api-keys": Route(FRESH, Limit.WRITE),
    "DELETE /v1/me/api-keys/{key_id}": Route(PERSON, Limit.WRITE),
    "GET /v1/me/activity": Route(PERSON, Limit.READ),
    "GET /v1/admin/accounts": Route(STAFF, Limit.READ),
    "GET /v1/admin/accounts/{user_id}/activity": Route(ADMIN, Limit.READ),
    "PUT /v1/admin/accounts/{user_id}/role": Route(FRESH_ADMIN, Limit.WRITE),
    "POST /v1/images": Route(scope(Scope.IMAGES_WRITE), Limit.UPLOAD),
    "GET /v1/images": Route(scope(Scope.IMAGES_READ), Limit.READ),
    "POST /v1/images/import": Route(scope(Scope.IMAGES_WRITE), Limit.UPLOAD),
    "GET /v1/images/{image_id}": Route(scope(Scope.IMAGES_READ), Limit.READ),
    "PATCH /v1/images/{image_id}": Route(scope(Scope.IMAGES_WRITE), Limit.WRITE),
    "DELETE /v1/images/{image_id}": Route(scope(Scope.IMAGES_WRITE), Limit.WRITE),
    "POST /v1/images/{image_id}/retry": Route(scope(Scope.IMAGES_WRITE), Limit.WRITE),
    "POST /v1/images/{image_id}/restore": Route(scope(Scope.IMAGES_WRITE), Limit.WRITE),
    "POST /v1/images/{image_id}/purge": Route(scope(Scope.IMAGES_WRITE), Limit.WRITE),
    "GET /v1/images/{image_id}/variants": Route(scope(Scope.IMAGES_READ), Limit.READ),
    "GET /v1/images/{image_id}/similar": Route(scope(Scope.IMAGES_READ), Limit.READ),
    "GET /v1/images/{image_id}/uses": Route(scope(Scope.IMAGES_READ), Limit.READ),
    "GET /v1/images/{image_id}/edits": Route(scope(Scope.IMAGES_READ), Limit.READ),
    "PUT /v1/images/{image_id}/edits": Route(scope(Scope.IMAGES_WRITE), Limit.WRITE),
    "GET /v1/images/{image_id}/revisions": Route(scope(Scope.IMAGES_READ), Limit.READ),
    "POST /v1/images/{image_id}/revisions/{number}/restore": Route(scope(Scope.IMAGES_WRITE), Limit.WRITE),
    "POST /v1/images/{image_id}/preview": Route(scope(Scope.IMAGES_READ), Limit.PREVIEW),
    "POST /v1/uploads": Route(scope(Scope.IMAGES_WRITE), Limit.UPLOAD),
    "GET /v1/uploads/{upload_id}": Route(scope(Scope.IMAGES_WRITE), Limit.READ),
    "POST /v1/uploads/{upload_id}/complete": Route(scope(Scope.IMAGES_WRITE), Limit.UPLOAD),
    "DELETE /v1/uploads/{upload_id}": Route(scope(Scope.IMAGES_WRITE), Limit.WRITE),
    "GET /v1/library": Route(scope(Scope.IMAGES_READ), Limit.READ),
    "POST /v1/library/purge": Route(scope(Scope.IMAGES_WRITE), Limit.WRITE),
    "GET /v1/defaults": Route(scope(Scope.IMAGES_READ), Limit.READ),
    "PUT /v1/defaults": Route(scope(Scope.IMAGES_WRITE), Limit.WRITE),
    "GET /v1/avatar-settings": Route(PERSON, Limit.READ),
    "PUT /v1/avatar-settings": Route(PERSON, Limit.WRITE),
    "GET /v1/platforms": Route(scope(Scope.CONNECTIONS_READ), Limit.READ),
    "POST /v1/connections": Route(scope(Scope.CONNECTIONS_WRITE), Limit.WRITE),
    "GET /v1/connections": Route(scope(Scope.CONNECTIONS_READ), Limit.READ),
    "GET /v1/connections/callback/{platform}": Route(
        ANYONE, Limit.WRITE
    ),  # who is not signed in signs in, and comes back
    "GET /v1/connections/client-metadata/{platform}": Route(ANYONE, Limit.READ),
    "GET /v1/connections/choices/{choice_id}": Route(scope(Scope.CONNECTIONS_WRITE), Limit.READ),
    "POST /v1/connections/choices/{choice_id}": Route(scope(Scope.CONNECTIONS_WRITE), Limit.WRITE),
    "GET /v1/connections/{connection_id}": Route(scope(Scope.CONNECTIONS_READ), Limit.READ),
    "POST /v1/connections/{connection_id}/check": Route(scope(Scope.CONNECTIONS_WRITE), Limit.WRITE),
    "POST /v1/connections/{connection_id}/import": Route(scope(Scope.IMAGES_WRITE), Limit.UPLOAD),
    "DELETE /v1/connections/{connection_id}": Route(scope(Scope.CONNECTIONS_WRITE), Limit.WRITE),
    "PATCH /v1/connections/{connection_id}": Route(scope(Scope.CONNECTIONS_WRITE), Limit.WRITE),
    "GET /v1/connections/{connection_id}/snapshots": Route(scope(Scope.SYNC_READ), Limit.READ),
    "POST /v1/connections/{connection_id}/rollback": Route(scope(Scope.SYNC_WRITE), Limit.WRITE),
    "POST /v1/syncs": Route(scope(Scope.SYNC_WRITE), Limit.WRITE),
    "GET /v1/syncs": Route(scope(Scope.SYNC_READ), Limit.READ),
    "GET /v1/syncs/{sync_id}": Route(scope(Scope.SYNC_READ), Limit.READ),
    "POST /v1/syncs/{sync_id}/cancel": Route(scope(Scope.SYNC_WRITE), Limit.WRITE),
    "POST /v1/syncs/{sync_id}/rollback": Route(scope(Scope.SYNC_WRITE), Limit.WRITE),
    "POST /v1/targets/{target_id}/retry": Route(scope(Scope.SYNC_WRITE), Limit.WRITE),
    "POST /v1/targets/{target_id}/confirm": Route(scope(Scope.SYNC_WRITE), Limit.WRITE),
    "POST /v1/targets/{target_id}/leave": Route(scope(Scope.SYNC_WRITE), Limit.WRITE),
    "POST /v1/targets/{target_id}/rollback": Route(scope(Scope.SYNC_WRITE), Limit.WRITE),
    "GET /v1/targets/{target_id}/history": Route(scope(Scope.SYNC_READ), Limit.READ),
    "GET /v1/notices": Route(scope(Scope.NOTICES_READ), Limit.READ),
    "POST /v1/notices/read": Route(scope(Scope.NOTICES_WRITE), Limit.WRITE),
    "GET /v1/events/stream": Route(scope(Scope.NOTICES_READ), Limit.READ),
    "GET /v1/profile": Route(scope(Scope.PROFILE_READ), Limit.READ),
    "PATCH /v1/profile": Route(scope(Scope.PROFILE_WRITE), Limit.WRITE),
    "GET /v1/profiles/{handle}": Route(ANYONE, Limit.READ),
    "GET /v1/analytics/overview": Route(scope(Scope.ANALYTICS_READ), Limit.READ),
    "GET /v1/analytics/timeseries": Route(scope(Scope.ANALYTICS_READ), Limit.READ),
    "GET /media/{key:path}": Route(ANYONE, Limit.NONE),  # the address itself is signed
    "HEAD /media/{key:path}": Route(ANYONE, Limit.NONE),
    "GET /avatar/{name}": Route(ANYONE, Limit.AVATAR),
    "HEAD /avatar/{name}": Route(ANYONE, Limit.AVATAR),
    "GET /.well-known/jwks.json": Route(ANYONE, Limit.NONE),
    "GET /openapi.json": Route(ANYONE, Limit.NONE),
    "GET /docs": Route(ANYONE, Limit.NONE),
    "GET /docs.css": Route(ANYONE, Limit.NONE),
    "GET /healthz": Route(ANYONE, Limit.NONE),
    "GET /readyz": Route(ANYONE, Limit.NONE),
}
