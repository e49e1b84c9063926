"""Profiles."""

from fastapi import APIRouter, Response
from google.protobuf.field_mask_pb2 import FieldMask

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.problems import told
from gateway.schemas.profile import Profile, ProfileChange
from gateway.versions import IfMatch, stale_is_412, tag, wanted_version
from linkarooie.profile.v1 import profile_pb2
from servicekit.errors import InvalidInputError

router = APIRouter(prefix="/v1", tags=["profile"], route_class=AdmittedRoute)


@router.get("/profile", responses=told(404))
async def get_profile(response: Response, gateway: GatewayParts) -> Profile:
    """Returns the caller's own profile. Its version is in the `ETag` header."""
    answer = await gateway.profile.GetProfile(profile_pb2.GetProfileRequest())
    return _tagged(response, answer.profile)


@router.patch("/profile", responses=told(404, 409, 412))
async def update_profile(
    change: ProfileChange, response: Response, gateway: GatewayParts, if_match: IfMatch = ""
) -> Profile:
    """Changes some fields of the caller's profile. With `If-Match`, only what was read: 412 when it has changed since."""
    values = change.model_dump(exclude_none=True)
    if not values:
        raise InvalidInputError(
            "Say what to change: " + ", ".join(ProfileChange.model_fields) + ".", reason="NO_CHANGE"
        )
    visibility = values.pop("visibility", None)
    profile = profile_pb2.Profile(**values)
    if visibility:
        profile.visibility = profile_pb2.Visibility.Value(f"VISIBILITY_{visibility.upper()}")
    request = profile_pb2.UpdateProfileRequest(
        profile=profile,
        update_mask=FieldMask(paths=sorted(change.model_dump(exclude_none=True))),
        etag=wanted_version(if_match),
    )
    with stale_is_412():
        answer = await gateway.profile.UpdateProfile(request)
    return _tagged(response, answer.profile)


@router.get("/profiles/{handle}", responses=told(404))
async def get_public_profile(handle: str, gateway: GatewayParts) -> Profile:
    """Returns a profile that its owner has made public."""
    answer = await gateway.profile.GetPublicProfile(profile_pb2.GetPublicProfileRequest(handle=handle))
    return Profile.of(answer.profile)


def _tagged(response: Response, profile: profile_pb2.Profile) -> Profile:
    tag(response, profile.etag)
    return Profile.of(profile)
