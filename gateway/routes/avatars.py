"""The avatar that every site can pull, in the way of Gravatar and Libravatar."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.delivery import SANDBOX
from gateway.problems import problem_of, rendered, told
from gateway.requested import is_known, preferred
from linkarooie.upload.v1 import upload_pb2
from servicekit.errors import NotFoundError

router = APIRouter(tags=["avatar"], route_class=AdmittedRoute)

USUAL_SIZE, LARGEST_SIZE = 80, 2048
AVIF, WEBP, JPEG, PNG = "image/avif", "image/webp", "image/jpeg", "image/png"
ENDINGS = {"avif": AVIF, "webp": WEBP, "jpg": JPEG, "jpeg": JPEG, "png": PNG}
# A change shows within seconds, also through caches. Anybody's page may show these, and read them; nothing in them runs.
OPEN_HEADERS = {
    "cache-control": "public, max-age=10",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "content-security-policy": SANDBOX,
}

SizeText = Annotated[
    str,
    Query(
        description=f"Pixels on each side, 1 to {LARGEST_SIZE}; more gives {LARGEST_SIZE}. Without it, and for what is no such "
        f"number, {USUAL_SIZE}."
    ),
]
FallbackText = Annotated[
    str,
    Query(
        description="What is given where there is no avatar: `404` (the status), `mp` (a silhouette, also for unknown words and addresses), "
        "`blank` (transparent), or a pattern drawn from the name: `identicon`, `retro`, `monsterid`, `wavatar`, `robohash`."
    ),
]
ForceText = Annotated[str, Query(description="`y` gives what stands for an avatar even if there is one.")]


@router.head("/avatar/{name}", include_in_schema=False)
@router.get(
    "/avatar/{name}",
    response_class=Response,
    responses={
        200: {
            "description": "The picture, or what stands for it.",
            "content": {content_type: {} for content_type in (AVIF, WEBP, JPEG, PNG)},
        },
        304: {"description": "It is what `If-None-Match` names."},
        **told(404),
    },
)
async def get_avatar(  # each word has a short form, for links that are written by hand
    name: str,
    request: Request,
    gateway: GatewayParts,
    s: SizeText = "",
    size: SizeText = "",
    d: FallbackText = "",
    default: FallbackText = "",
    f: ForceText = "",
    forcedefault: ForceText = "",
) -> Response:
    """Returns the avatar that somebody has opened to everybody, by their handle, or by the MD5 or SHA-256 of their e-mail address.

    The address is trimmed and in lower case before it is hashed. An ending on the name (`.jpg`, `.png`, `.webp`, `.avif`) picks the format, else
    `Accept` does. Whether there is an account cannot be seen: without an avatar that is open the answer is the same for every name.
    """
    wanted, formats, is_negotiated = _named(name, ",".join(request.headers.getlist("accept")))
    question = upload_pb2.GetAvatarRequest(
        name=wanted,
        size=_pixels(s or size),
        formats=formats,
        fallback=(d or default)[:100],
        force_fallback=(f or forcedefault).lower() == "y",
    )
    headers = OPEN_HEADERS | ({"vary": "accept"} if is_negotiated else {})
    try:
        answer = await gateway.avatars.get(question, gateway.upload.GetAvatar)
    except NotFoundError as error:
        response = rendered(problem_of(error, reference=request.state.reference))
        response.headers.update(headers)
        return response
    headers["etag"] = f'"{answer.etag}"'
    if is_known(request.headers.get("if-none-match", ""), headers["etag"]):
        return Response(status_code=304, headers=headers)
    headers["content-length"] = str(len(answer.data))
    body = b"" if request.method == "HEAD" else answer.data
    return Response(body, headers=headers, media_type=answer.content_type)


def _named(name: str, accept: str) -> tuple[str, tuple[str, ...], bool]:
    """Returns the name without its ending, the formats that will do, best first, and whether `Accept` has chosen them."""
    bare, _, ending = name.lower().rpartition(".")
    if bare and ending in ENDINGS:
        return bare, (ENDINGS[ending],), False
    chosen = preferred(accept, (AVIF, WEBP), safest=JPEG)
    # Whatever shows JPEG shows PNG as well, which is needed for what one can see through.
    return name.lower(), (JPEG, PNG) if chosen == JPEG else (chosen,), True


def _pixels(text: str) -> int:
    # Digits of other scripts count as digits in Python, and thousands of them take long to read.
    if not text.isascii() or not text.isdigit():
        return USUAL_SIZE
    return min(int(text[:10]), LARGEST_SIZE) or USUAL_SIZE
