"""Calls of the profile service as its clients make them; its errors come back as ours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.field_mask_pb2 import FieldMask

from linkarooie.events.v1 import events_pb2 as events
from linkarooie.profile.v1 import profile_pb2
from servicekit.bus import Bus
from servicekit.errors import NotFoundError
from servicekit.grpc_client import remote_errors
from servicekit.ids import new_id

if TYPE_CHECKING:
    from linkarooie.profile.v1 import profile_pb2_grpc


@dataclass
class Client:
    stub: "profile_pb2_grpc.ProfileServiceAsyncStub"
    bus: Bus
    issue_token: Callable[[str], str]
    eventually: Callable[..., Any]

    async def tell_of_registration(self, name: str, *, user_id: str, event_id: str | None = None) -> None:
        registered = events.AccountRegistered(user_id=user_id, email="ada@example.org", display_name=name)
        await self.bus.publish_fact(registered, event_id=event_id or new_id(), source="auth", owner_id=user_id)

    async def register(self, name: str) -> profile_pb2.Profile:
        """Makes an account known and returns its profile once there is one."""
        user_id = new_id()
        await self.tell_of_registration(name, user_id=user_id)
        return await self.profile_once_made(user_id)

    async def profile_once_made(self, user_id: str) -> profile_pb2.Profile:
        async def made() -> profile_pb2.Profile | None:
            try:
                return await self.get(user_id)
            except NotFoundError:
                return None

        profile: profile_pb2.Profile = await self.eventually(made)
        return profile

    async def get(self, user_id: str) -> profile_pb2.Profile:
        with remote_errors():
            answer = await self.stub.GetProfile(profile_pb2.GetProfileRequest(), metadata=self._as(user_id))
        return answer.profile

    async def update(
        self, user_id: str, profile: profile_pb2.Profile, *, mask: Sequence[str] = (), etag: str = ""
    ) -> profile_pb2.Profile:
        request = profile_pb2.UpdateProfileRequest(profile=profile, update_mask=FieldMask(paths=mask), etag=etag)
        with remote_errors():
            return (await self.stub.UpdateProfile(request, metadata=self._as(user_id))).profile

    async def published(self, handle: str) -> profile_pb2.Profile:
        with remote_errors():
            return (await self.stub.GetPublicProfile(profile_pb2.GetPublicProfileRequest(handle=handle))).profile

    def _as(self, user_id: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.issue_token(user_id)}"),)
