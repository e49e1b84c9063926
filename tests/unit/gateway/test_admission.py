"""Nobody gets through a route's door who may not: the table of rights is asked, and nothing else."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts

from gateway.admission import AdmittedRoute, lines_of, refuse_unguarded
from gateway.api import Api
from servicekit.errors import NotFoundError, UnavailableError
from servicekit.identity import Caller, Client, Role, current_client
from servicekit.rights import ROUTES, Scope

SOMEBODY_ELSES_PLACE = "0192f0c1-0000-7000-8000-000000000000"


class NotFound:
    """Stands in for every service: whoever gets so far hears that there is nothing. Remembers from where they called."""

    def __init__(self) -> None:
        self.clients: list[Client] = []

    def __getattr__(self, method: str) -> Any:
        async def answer(request: object, timeout: float | None = None) -> object:
            self.clients.append(current_client())
            raise NotFoundError("There is no such thing.")

        return answer


async def nothing() -> None:
    """Answers nothing."""


def test_a_route_without_a_line_in_the_table_cannot_be_made() -> None:
    router = APIRouter(route_class=AdmittedRoute)

    with pytest.raises(LookupError, match="no line for GET /v1/secrets"):
        router.add_api_route("/v1/secrets", nothing)


def test_a_route_without_a_door_stops_the_start() -> None:
    api = Api()
    api.add_api_route("/v1/me", nothing)

    with pytest.raises(LookupError, match="/v1/me is not an AdmittedRoute"):
        refuse_unguarded(api.routes)


def test_every_line_of_the_table_has_its_route() -> None:
    served = {
        f"{method} {context.path}"
        for context in iter_route_contexts(Api().routes)
        for method in lines_of(context.original_route)  # type: ignore[arg-type]
    }

    assert served == set(ROUTES)


@pytest.fixture
def services() -> NotFound:
    return NotFound()


@pytest.fixture
def people(noon: Callable[[], datetime]) -> dict[str, Caller | None]:
    def person(name: str, role: Role, *, minutes_ago: int) -> Caller:
        return Caller("user", "session", name, role=role, signed_in_at=noon() - timedelta(minutes=minutes_ago))

    fresh = {f"fresh_{role}": person(f"fresh_{role}", role, minutes_ago=1) for role in Role}
    stale = {f"stale_{role}": person(f"stale_{role}", role, minutes_ago=16) for role in Role}
    keys = {
        f"key_{scope}": Caller("user", "key", f"key_{scope}", scopes=frozenset({scope}), signed_in_at=noon())
        for scope in Scope
    }
    return {"nobody": None, **fresh, **stale, **keys, "key_": Caller("user", "key", "key_", scopes=frozenset())}


def expected_refusal(line: str, who: str) -> tuple[int, str] | None:
    """Says who may not, by the words of the table rather than by its code."""
    right = ROUTES[line].right
    role, scope = who.partition("_")[2], who.removeprefix("key_")
    if right.words == "anyone":
        return None
    if who == "nobody":
        return 401, "UNAUTHENTICATED"
    if who.startswith("key_"):
        if " a key with " not in right.words:
            return 403, "NOT_FOR_API_KEYS"
        return None if scope and scope in right.words.split(" ") else (403, "SCOPE_MISSING")
    if (right.words.startswith("admin") and role != "admin") or (right.words == "support or admin" and role == "user"):
        return 403, "ROLE_MISSING"
    return (403, "SIGN_IN_AGAIN") if "short while ago" in right.words and who.startswith("stale") else None


async def test_everybody_gets_as_far_as_the_table_says_and_no_further(
    make_api: Callable[..., FastAPI], open_client: Any, noon: Callable[[], datetime], services: NotFound, people: Any
) -> None:
    parts = dict.fromkeys(("auth", "profile", "upload", "sync", "analytics", "notify", "objects"), services)
    callers = {name: caller for name, caller in people.items() if caller}
    limits = dict.fromkeys(
        ("limit_read", "limit_write", "limit_upload", "limit_sign_in", "limit_letter"), "9999/second"
    )
    client = open_client(make_api(clock=noon, parts={**parts, "live": EndlessStream()}, callers=callers, **limits))
    wrong = {}
    for line in sorted(ROUTES):
        method, path = line.split(" ")
        if path in ("/readyz",):
            continue  # asks the process, which there is none of
        for who in people:
            headers = {} if who == "nobody" else {"authorization": f"Bearer {who}"}
            answer = await client.request(method, path.replace("{", "").replace("}", ""), headers=headers)
            refusal = (answer.status_code, _reason(answer)) if answer.status_code in (401, 403) else None
            if line in MAY_REFUSE_ITSELF and refusal and refusal[1] in MAY_REFUSE_ITSELF[line]:
                refusal = None
            if refusal != expected_refusal(line, who) or answer.status_code >= 500:
                wrong[line, who] = answer.status_code, refusal

    assert wrong == {}


def _reason(answer: Any) -> str:
    return str(answer.json()["reason"]) if answer.content else ""


# After the door: a refresh without a token, and a picture without a signature.
MAY_REFUSE_ITSELF = {
    "POST /v1/auth/refresh": ["SESSION_ENDED"],
    "GET /media/{key:path}": ["MEDIA_LINK_INVALID"],
    "HEAD /media/{key:path}": [""],  # has no body
}


class EndlessStream:
    """Stands in for the live stream, and ends at once."""

    async def stream(self, caller: Caller) -> Any:
        yield ": welcome\n\n"


async def test_a_bad_token_is_none_where_anyone_may(
    make_api: Callable[..., FastAPI], open_client: Any, services: NotFound
) -> None:
    client = open_client(make_api(parts={"profile": services}))

    answer = await client.get("/v1/profiles/fox", headers={"authorization": "Bearer bad"})

    assert answer.status_code == 404


async def test_where_anyone_may_nobody_waits_for_an_auth_service_that_is_away(
    make_api: Callable[..., FastAPI], open_client: Any, services: NotFound
) -> None:
    class Away:
        async def verify(self, token: str) -> Caller:
            raise UnavailableError("It does not answer.")

    client = open_client(make_api(parts={"profile": services, "verifier": Away()}))
    cookie = {"cookie": "__Host-linkarooie-access=good"}

    public = await client.get("/v1/profiles/fox", headers=cookie)
    own = await client.get("/v1/profile", headers=cookie)

    assert (public.status_code, own.status_code) == (404, 503)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic Zm94OmZveA==", "bearer", "\t"])
async def test_a_header_that_shows_no_token_leaves_it_to_the_cookie(
    make_api: Callable[..., FastAPI], open_client: Any, services: NotFound, authorization: str
) -> None:
    client = open_client(make_api(parts={"auth": services}))

    nobody = await client.get("/v1/me", headers={"authorization": authorization})
    browser = await client.get(
        "/v1/me", headers={"authorization": authorization, "cookie": "__Host-linkarooie-access=good"}
    )

    assert (nobody.status_code, nobody.json()["reason"]) == (401, "UNAUTHENTICATED")
    assert browser.status_code == 404


async def test_a_token_in_the_header_goes_before_the_cookie(
    make_api: Callable[..., FastAPI], open_client: Any, services: NotFound
) -> None:
    answer = await open_client(make_api(parts={"auth": services})).get(
        "/v1/me", headers={"authorization": "Bearer bad", "cookie": "__Host-linkarooie-access=good"}
    )

    assert (answer.status_code, answer.json()["reason"]) == (401, "TOKEN_EXPIRED")


async def test_the_services_hear_from_where_somebody_calls(
    make_api: Callable[..., FastAPI], open_client: Any, services: NotFound
) -> None:
    client = open_client(make_api(parts={"auth": services}))

    await client.get("/v1/me", headers={b"authorization": b"Bearer good", b"user-agent": "Fox\u00e9/1.0".encode()})

    assert services.clients == [Client("127.0.0.1", "Fox/1.0")]
