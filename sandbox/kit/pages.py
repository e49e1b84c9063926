"""Renders the pages that people see: consent, account, error."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.kit.gallery import SLOTS, Slot
from sandbox.kit.platform import PEOPLE, AccountView, Platform


def moment(unix_seconds: float) -> str:
    """Writes a time as people and programs read it: ISO 8601, UTC."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@cache
def _environment() -> Environment:
    environment = Environment(loader=PackageLoader("sandbox.kit"), autoescape=True, undefined=StrictUndefined)
    environment.filters["moment"] = moment
    return environment


def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """Renders a template of `kit/templates`."""
    html = _environment().get_template(template).render(**values)
    # Not "no-referrer": a browser would then send its forms with "Origin: null".
    return HTMLResponse(html, status, {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"})


def error_page(platform: Platform, message: str, status: int = 400) -> HTMLResponse:
    """Renders what a platform shows where it must not send the browser back to the app."""
    return page("error.html", status, platform=platform, message=message)


@dataclass(frozen=True)
class Question:
    """What a platform asks beside the account: `choices` are values with their words, one of them chosen, or any number of `several`."""

    name: str
    legend: str
    choices: Sequence[tuple[str, str]]
    chosen: str = ""
    several: bool = False


def consent_page(
    platform: Platform,
    *,
    app_name: str,
    wants: Iterable[str],
    action: str,
    hidden: Mapping[str, str],
    preselect: str | None = None,
    accounts: Sequence[AccountView] | None = None,
    questions: Sequence[Question] = (),
) -> HTMLResponse:
    """Renders the form in which a person chooses an account and allows or denies.

    It posts `account` and `decision` (`allow` or `deny`) with the hidden fields to `action`, and the answers to the `questions`. Without
    `accounts` it offers those that the platform shows.
    """
    accounts = accounts or [view for name in PEOPLE if (view := platform.account(name))]
    chosen = preselect if preselect in PEOPLE else accounts[0].name
    return page(
        "consent.html",
        platform=platform,
        app_name=app_name,
        wants=list(wants),
        action=action,
        hidden=hidden,
        accounts=accounts,
        chosen=chosen,
        questions=questions,
    )


def account_page(platform: Platform, by_hand: Callable[[str], Sequence[Slot]] = lambda name: ()) -> Route:  # noqa: ARG005
    """Returns the route `/@name`: the account as a visitor sees it, with its history of pictures.

    `by_hand` returns the slots of an account that have a form on it (`kit/by_hand.py`).
    """

    async def show(request: Request) -> Response:
        view = platform.account(request.path_params["name"])
        if view is None:
            return error_page(platform, "There is no such account.", 404)
        state = account_state(platform, view)
        return page("account.html", platform=platform, view=view, state=state, by_hand=by_hand(view.name))

    return Route("/@{name}", show)


def account_state(platform: Platform, view: AccountView) -> dict[str, object]:
    """Returns the account as JSON: what is shown, how often each slot changed, and when.

    At a sign-in provider there are no slots; the `facts` tell what the provider would say of the person.
    """
    who: dict[str, object] = {"name": view.name, "handle": view.handle, "display_name": view.display_name}
    if platform.avatar_shape is None:
        return {**who, "facts": dict(view.facts)}
    history = platform.context.gallery.history(view.name)

    def slot_state(slot: Slot) -> dict[str, object]:
        changes = [change for change in history if change.slot == slot]
        return {
            "url": view.url(slot),
            "changes": len(changes),
            "changed_at": moment(changes[-1].at) if changes else None,
        }

    return {
        **who,
        **{slot: slot_state(slot) for slot in SLOTS},
        "history": [
            {
                "slot": change.slot,
                "at": moment(change.at),
                "visible_at": moment(change.visible_at),
                "removed": change.token is None,
            }
            for change in history
        ],
    }
