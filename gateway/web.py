"""The web client's files: everything that is no address of the API."""

import asyncio
import stat
from http import HTTPStatus
from pathlib import Path, PurePosixPath

from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

# The build puts a hash of its content into the name of each file here.
HASHED_FOLDER = "assets"
ONE_YEAR_SECONDS = 31_536_000
OURS = ("/v1/", "/media/")
NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Linkarooie</title>
<h1>The web client is not built yet</h1>
<p>This installation answers programs (see <a href="/docs">the API</a>), but its pages have not been built.
Build them with <code>make web</code> where the source is, then load this page again.</p>
</html>
"""


class WebFiles:
    """Answers what no route of the API takes: a file of the client, or its page, which then looks at the address itself."""

    def __init__(self, directory: Path) -> None:
        self._files = StaticFiles(directory=directory, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers. Raises `HTTPException` with 404 for what is neither a file nor asked for by a browser's address bar."""
        request = Request(scope)
        if request.method not in ("GET", "HEAD") or request.url.path.startswith(OURS):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        response = await self._file(scope) or await self._page(request)
        await response(scope, receive, send)

    async def _file(self, scope: Scope) -> Response | None:
        path = self._files.get_path(scope)
        if not await self._has(path):
            return None
        response = await self._files.get_response(path, scope)
        hashed = PurePosixPath(scope["path"]).parts[1:2] == (HASHED_FOLDER,)
        response.headers["cache-control"] = f"public, max-age={ONE_YEAR_SECONDS}, immutable" if hashed else "no-cache"
        return response

    async def _page(self, request: Request) -> Response:
        # The front door answers whoever knocks; any other address has a page only for browsers.
        if request.url.path != "/" and "text/html" not in request.headers.get("accept", ""):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        if not await self._has("index.html"):
            return HTMLResponse(NOT_BUILT, HTTPStatus.SERVICE_UNAVAILABLE, {"cache-control": "no-store"})
        response = await self._files.get_response("index.html", request.scope)
        response.headers["cache-control"] = "no-cache"
        return response

    async def _has(self, path: str) -> bool:
        _, found = await asyncio.to_thread(self._files.lookup_path, path)
        return found is not None and stat.S_ISREG(found.st_mode)
