"""The API for people to read: one page without scripts, since a page that brings its viewer from elsewhere would tell others who reads."""

from importlib.resources import files

import jinja2
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.responses import Response

from gateway.admission import AdmittedRoute

router = APIRouter(include_in_schema=False, route_class=AdmittedRoute)

_PAGES = files("gateway") / "pages"


@router.get("/openapi.json")
async def get_openapi(request: Request) -> JSONResponse:
    """Returns the OpenAPI document."""
    return JSONResponse(request.app.openapi(), headers={"cache-control": "no-cache"})


@router.get("/docs")
async def get_docs(request: Request) -> HTMLResponse:
    """Shows every operation of the OpenAPI document."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((_PAGES / "docs.html").read_text("utf-8"))
    return HTMLResponse(template.render(api=request.app.openapi()), headers={"cache-control": "no-cache"})


@router.get("/docs.css")
async def get_docs_style() -> Response:
    """Returns the page's style."""
    return Response(
        (_PAGES / "docs.css").read_text("utf-8"), media_type="text/css", headers={"cache-control": "no-cache"}
    )
