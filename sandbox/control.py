"""The index origin: where every stand-in is, what its accounts show, and the switches to break it."""

from collections.abc import Mapping
from types import UnionType
from typing import Literal, Union, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.kit.pages import account_state, page
from sandbox.kit.platform import PEOPLE, Platform, apply_switches, reset
from sandbox.kit.switches import Switches

_MAX_BODY = 64 * 1024


class Control:
    def __init__(self, platforms: Mapping[str, Platform]) -> None:
        self._platforms = platforms
        self.app = Starlette(
            routes=[
                Route("/", self.index),
                Route("/switches/{platform}", self.post_switches, methods=["POST"]),
                Route("/reset", self.post_reset, methods=["POST"]),
                Route("/api", self.overview),
                Route("/api/reset", self.api_reset, methods=["POST"]),
                Route("/api/{platform}/accounts", self.accounts),
                Route("/api/{platform}/accounts/{name}", self.account),
                Route("/api/{platform}/switches", self.get_switches),
                Route("/api/{platform}/switches", self.put_switches, methods=["PUT"]),
            ],
            exception_handlers={HTTPException: _problem},
        )

    def _platform(self, request: Request) -> Platform:
        name = request.path_params["platform"]
        if name not in self._platforms:
            known = ", ".join(self._platforms)
            raise HTTPException(404, f"There is no platform {name!r} in the sandbox. It has: {known}.")
        return self._platforms[name]

    # JSON, for tests

    async def overview(self, _: Request) -> Response:
        return JSONResponse(
            {
                "platforms": [
                    {
                        "id": platform.id,
                        "name": platform.name,
                        "url": platform.context.origin,
                        "shows_pictures": platform.avatar_shape is not None,
                    }
                    for platform in self._platforms.values()
                ]
            }
        )

    async def accounts(self, request: Request) -> Response:
        platform = self._platform(request)
        views = [view for name in PEOPLE if (view := platform.account(name))]
        return JSONResponse({"items": [account_state(platform, view) for view in views]})

    async def account(self, request: Request) -> Response:
        platform, name = self._platform(request), request.path_params["name"]
        view = platform.account(name)
        if view is None:
            raise HTTPException(404, f"{platform.name} has no account {name!r}. It has: {', '.join(PEOPLE)}.")
        return JSONResponse(account_state(platform, view))

    async def get_switches(self, request: Request) -> Response:
        return JSONResponse(self._platform(request).panel.switches.model_dump())

    async def put_switches(self, request: Request) -> Response:
        """Sets all switches: those that the body does not name go back to healthy."""
        platform = self._platform(request)
        try:
            switches = platform.panel.model.model_validate_json(await _body(request))
        except ValidationError as error:
            raise HTTPException(422, _words(error)) from error
        apply_switches(platform, switches)
        return JSONResponse(platform.panel.switches.model_dump())

    async def api_reset(self, _: Request) -> Response:
        self._reset()
        return JSONResponse({"reset": list(self._platforms)})

    def _reset(self) -> None:
        for platform in self._platforms.values():
            reset(platform)

    # Pages, for people

    async def index(self, _: Request) -> Response:
        return self._index()

    def _index(self, wrong: str | None = None, status: int = 200) -> Response:
        sections = [
            {
                "platform": platform,
                "accounts": [
                    (view, account_state(platform, view)) for name in PEOPLE if (view := platform.account(name))
                ],
                "fields": _fields(platform.panel.switches),
                "healthy": platform.panel.switches == platform.panel.model(),
            }
            for platform in sorted(self._platforms.values(), key=lambda platform: platform.avatar_shape is None)
        ]
        return page("index.html", status, sections=sections, wrong=wrong)

    async def post_switches(self, request: Request) -> Response:
        _check_origin(request)
        platform = self._platform(request)
        form = await request.form(max_files=0, max_fields=100)
        values = {name: value for name, value in form.items() if value != "" and name != "healthy"}
        try:
            switches = platform.panel.model.model_validate({} if "healthy" in form else values)
        except ValidationError as error:
            return self._index(f"{platform.name}: {_words(error)}", 422)
        apply_switches(platform, switches)
        return RedirectResponse(f"/#{platform.id}", 303)

    async def post_reset(self, request: Request) -> Response:
        _check_origin(request)
        self._reset()
        return RedirectResponse("/", 303)


def _check_origin(request: Request) -> None:
    """Refuses forms that another site in the same browser sends."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "This form was sent from another page.")


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise HTTPException(413, "The body is too large for switches.")
    return body


def _words(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in error.errors())


def _fields(switches: Switches) -> list[dict[str, object]]:
    """Returns what the form shows: one entry a switch, told from the model alone."""
    fields: list[dict[str, object]] = []
    for name, field in type(switches).model_fields.items():
        parts = (
            get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else (field.annotation,)
        )
        choices = [value for part in parts if get_origin(part) is Literal for value in get_args(part)]
        kind = "choice" if choices else "flag" if bool in parts else "number"
        fields.append(
            {
                "name": name,
                "label": field.description,
                "kind": kind,
                "choices": choices,
                "step": "1" if int in parts else "any",
                "value": getattr(switches, name),
            }
        )
    return fields


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette calls this for nothing else
    return JSONResponse({"error": error.detail}, error.status_code)
