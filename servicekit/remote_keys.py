"""Where every service but auth gets the signing keys from: the auth service."""

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from servicekit.grpc_client import Channels, remote_errors
from servicekit.identity import TokenVerifier
from servicekit.settings import GrpcSettings


def remote_verifier(settings: GrpcSettings, channels: Channels) -> TokenVerifier:
    """Makes a verifier that asks the auth service for its keys when it needs them."""
    auth = auth_pb2_grpc.AuthServiceStub(
        channels.to(settings.auth_target, auth_pb2.DESCRIPTOR.services_by_name["AuthService"])
    )

    async def fetch_jwks() -> str:
        with remote_errors():
            answer = await auth.GetSigningKeys(auth_pb2.GetSigningKeysRequest())
        return answer.jwks_json

    return TokenVerifier(fetch_jwks, issuer=settings.token_issuer)
