"""Changing a picture as its owner does, where platforms let nobody else: by a form on the account's page."""

import asyncio
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.kit.gallery import Slot
from sandbox.kit.pages import account_page, error_page
from sandbox.kit.pictures import BadPictureError
from sandbox.kit.platform import Platform

MAX_BYTES = 10_000_000

SlotsOf = Callable[[str], Sequence[Slot]]
"""Returns the slots of an account that its owner can change on its page."""
Scale = Callable[[Slot, bytes], bytes]
"""Returns what the platform makes of a file; raises `BadPictureError`."""
Place = Callable[[str, Slot, bytes], None]
"""Puts what was made of a file into a slot of an account."""


def by_hand_routes(platform: Platform, slots_of: SlotsOf, scale: Scale, place: Place) -> list[Route]:
    """Returns the route of the account's page, and that of its form: `POST /@name/<slot>`, multipart with the file as `picture`."""

    async def change(request: Request) -> Response:
        name, slot = request.path_params["name"], request.path_params["slot"]
        found = next((known for known in slots_of(name) if known == slot), None)
        if found is None:
            return error_page(platform, "There is no such picture to change.", 404)
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            return error_page(platform, "This form was sent from another page.", 403)
        async with request.form(max_files=1, max_fields=1) as form:
            file = form.get("picture")
            data = await file.read(MAX_BYTES + 1) if isinstance(file, UploadFile) else b""
        if len(data) > MAX_BYTES:
            return error_page(platform, "The file is too large: pictures have up to 10 MB.", 413)
        try:
            body = await asyncio.to_thread(scale, found, data)
        except BadPictureError:
            return error_page(platform, "The file is no picture that can be shown here. Choose a JPEG or a PNG.")
        place(name, found, body)
        return RedirectResponse(f"/@{name}", 303)

    return [account_page(platform, slots_of), Route("/@{name}/{slot}", change, methods=["POST"])]
