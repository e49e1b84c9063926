"""The web page of the mail catcher, and the same as JSON for tests."""

import asyncio
import re
from pathlib import Path

import jinja2
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from devstack.letters import Letter, LetterBox

PAGES = Path(__file__).with_name("pages")

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; frame-ancestors 'none'"
# A letter's HTML runs no script and sends no form; its links open in a new tab, so that they can be tried.
LETTER_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src http: https: data:; frame-ancestors 'self'"
)
LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]]")


def make_app(box: LetterBox) -> Starlette:
    """Makes the web application that shows the letters of a box; it changes nothing."""
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(PAGES), autoescape=True)
    pages.filters["with_links"] = with_links

    def page(name: str, **values: object) -> HTMLResponse:
        return HTMLResponse(pages.get_template(name).render(values), headers=_headers(PAGE_POLICY))

    async def find(request: Request) -> Letter:
        letter = await asyncio.to_thread(box.letter, request.path_params["letter_id"])
        if letter is None:
            raise HTTPException(404, "There is no such letter; the oldest are dropped after some hundred.")
        return letter

    async def list_letters(_: Request) -> Response:
        return page("letters.html", letters=await asyncio.to_thread(box.letters))

    async def show_letter(request: Request) -> Response:
        return page("letter.html", letter=await find(request))

    async def show_html_part(request: Request) -> Response:
        html = (await find(request)).html
        if html is None:
            raise HTTPException(404, "This letter has no HTML part.")
        return HTMLResponse('<base target="_blank">' + html, headers=_headers(LETTER_POLICY))

    async def list_as_json(request: Request) -> Response:
        wanted = request.query_params.get("to")
        letters = await asyncio.to_thread(box.letters)
        return JSONResponse([_as_json(letter) for letter in letters if wanted is None or _is_for(letter, wanted)])

    async def show_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for this class alone
        response = page("error.html", message=error.detail)
        response.status_code = error.status_code
        return response

    routes = [
        Route("/", list_letters),
        Route("/letters/{letter_id}", show_letter),
        Route("/letters/{letter_id}/html", show_html_part),
        Route("/api/letters", list_as_json),
    ]
    # Letters hold links that reset passwords: a foreign page must not read them by pointing its name at this machine.
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    return Starlette(routes=routes, middleware=[guard], exception_handlers={HTTPException: show_error})


def with_links(text: str) -> Markup:
    """Escapes a text and makes its web addresses links."""
    parts: list[Markup | str] = []
    end = 0
    for match in LINK.finditer(text):
        parts += [text[end : match.start()], Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(match.group())]
        end = match.end()
    return Markup("").join([*parts, text[end:]])


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _is_for(letter: Letter, address: str) -> bool:
    return address.casefold() in (recipient.casefold() for recipient in letter.envelope.recipients)


def _as_json(letter: Letter) -> dict[str, object]:
    return {
        "id": letter.id,
        "from": letter.envelope.sender,
        "to": list(letter.envelope.recipients),
        "subject": letter.subject,
        "received_at": letter.envelope.received_at.isoformat(),
        "text": letter.text,
        "html": letter.html,
    }
