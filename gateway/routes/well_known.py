"""What others find at an address that everybody knows (RFC 8615)."""

import hashlib

from fastapi import APIRouter, Request, Response, status

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from linkarooie.auth.v1 import auth_pb2

router = APIRouter(prefix="/.well-known", tags=["auth"], route_class=AdmittedRoute)

# The next key is published ten minutes before it signs anything.
CACHE_SECONDS = 300
MEDIA_TYPE = "application/jwk-set+json"


@router.get(
    "/jwks.json",
    response_class=Response,
    responses={
        200: {
            "description": "A JSON Web Key Set (RFC 7517), public parts only.",
            "content": {MEDIA_TYPE: {"schema": {"type": "object"}}},
        },
        304: {"description": "It is what `If-None-Match` names."},
    },
)
async def get_signing_keys(request: Request, gateway: GatewayParts) -> Response:
    """Returns the public keys that access tokens are signed with."""
    answer = await gateway.auth.GetSigningKeys(auth_pb2.GetSigningKeysRequest())
    etag = f'"{hashlib.sha256(answer.jwks_json.encode()).hexdigest()[:32]}"'
    headers = {"cache-control": f"public, max-age={CACHE_SECONDS}", "etag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(answer.jwks_json, headers=headers, media_type=MEDIA_TYPE)
