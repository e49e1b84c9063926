"""The gRPC face of the profile service: translate, call a use case, translate back."""

from typing import Any

import grpc

from linkarooie.profile.v1 import profile_pb2, profile_pb2_grpc
from servicekit.errors import InvalidInputError
from servicekit.identity import current_caller
from servicekit.protobuf import timestamp
from services.profile.domain import Profile, Visibility
from services.profile.use_cases import ProfileChange, Profiles

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name

CHANGEABLE = ("handle", "display_name", "bio", "visibility")

VISIBILITIES = {
    Visibility.PUBLIC: profile_pb2.VISIBILITY_PUBLIC,
    Visibility.PRIVATE: profile_pb2.VISIBILITY_PRIVATE,
}
ASKED_VISIBILITIES = {
    profile_pb2.VISIBILITY_UNSPECIFIED: Visibility.PRIVATE,
    profile_pb2.VISIBILITY_PUBLIC: Visibility.PUBLIC,
    profile_pb2.VISIBILITY_PRIVATE: Visibility.PRIVATE,
}


class ProfileApi(profile_pb2_grpc.ProfileServiceServicer):
    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles

    async def GetProfile(
        self, request: profile_pb2.GetProfileRequest, context: Context
    ) -> profile_pb2.GetProfileResponse:
        profile = await self._profiles.get(current_caller().user_id)
        return profile_pb2.GetProfileResponse(profile=_profile(profile))

    async def UpdateProfile(
        self, request: profile_pb2.UpdateProfileRequest, context: Context
    ) -> profile_pb2.UpdateProfileResponse:
        profile = await self._profiles.update(_change(request), etag=request.etag, user_id=current_caller().user_id)
        return profile_pb2.UpdateProfileResponse(profile=_profile(profile))

    async def GetPublicProfile(
        self, request: profile_pb2.GetPublicProfileRequest, context: Context
    ) -> profile_pb2.GetPublicProfileResponse:
        shown = _profile(await self._profiles.published(request.handle))
        shown.ClearField("etag")  # only its owner can change it
        return profile_pb2.GetPublicProfileResponse(profile=shown)


def _change(request: profile_pb2.UpdateProfileRequest) -> ProfileChange:
    paths = set(request.update_mask.paths or CHANGEABLE)
    unknown = paths - set(CHANGEABLE)
    if unknown:
        raise InvalidInputError.of_field(
            "update_mask", f"{', '.join(sorted(unknown))} cannot be changed; {', '.join(CHANGEABLE)} can."
        )
    asked = request.profile
    return ProfileChange(
        handle=asked.handle if "handle" in paths else None,
        display_name=asked.display_name if "display_name" in paths else None,
        bio=asked.bio if "bio" in paths else None,
        visibility=_visibility(asked.visibility) if "visibility" in paths else None,
    )


def _visibility(asked: profile_pb2.Visibility.ValueType) -> Visibility:
    known = ASKED_VISIBILITIES.get(asked)
    if known is None:
        raise InvalidInputError.of_field("visibility", "A profile can be public or private.")
    return known


def _profile(profile: Profile) -> profile_pb2.Profile:
    return profile_pb2.Profile(
        user_id=profile.user_id,
        handle=profile.handle,
        display_name=profile.display_name,
        bio=profile.bio,
        visibility=VISIBILITIES[profile.visibility],
        etag=profile.etag,
        update_time=timestamp(profile.updated_at),
    )
