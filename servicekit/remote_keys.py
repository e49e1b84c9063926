"""Where every service but auth learns of signing keys and ended sessions: from the auth service."""

from collections.abc import Collection
from datetime import datetime

import grpc

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from servicekit.errors import UnavailableError
from servicekit.grpc_client import Channels, remote_errors
from servicekit.identity import TokenVerifier
from servicekit.protobuf import moment, timestamp
from servicekit.settings import GrpcSettings

# Every call that somebody makes may wait for these answers.
KEYS_TIMEOUT_SECONDS = 3.0
ENDED_TIMEOUT_SECONDS = 1.0


class RemoteIssuer:
    """The auth service behind a channel."""

    def __init__(self, auth: "auth_pb2_grpc.AuthServiceAsyncStub") -> None:
        self._auth = auth

    async def jwks(self) -> str:
        with remote_errors():
            answer = await self._auth.GetSigningKeys(auth_pb2.GetSigningKeysRequest(), timeout=KEYS_TIMEOUT_SECONDS)
        return answer.jwks_json

    async def ended(self, since: datetime | None) -> tuple[Collection[str], datetime]:
        request = auth_pb2.ListEndedSessionsRequest(since_time=timestamp(since))
        try:
            answer = await self._auth.ListEndedSessions(request, timeout=ENDED_TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise UnavailableError(f"The auth service does not answer ({error.code().name}).") from error
        return answer.ids, moment(answer.as_of_time)


def remote_verifier(settings: GrpcSettings, channels: Channels) -> TokenVerifier:
    """Makes a verifier that asks the auth service when it needs to."""
    auth = auth_pb2_grpc.AuthServiceStub(
        channels.to(settings.auth_target, auth_pb2.DESCRIPTOR.services_by_name["AuthService"])
    )
    return TokenVerifier(RemoteIssuer(auth), name=settings.token_issuer)
