"""Walks every line of the table of rights, as everybody who could try.

What is expected follows from the words of the line and from whether the request names something of the owner's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import pytest
import rights_calls
import rights_requests
from _pytest.mark import ParameterSet
from grpc import StatusCode
from rights_calls import CALLS, METHODS
from rights_requests import REQUESTS
from rights_world import World

from linkarooie.notify.v1 import notify_pb2
from servicekit.identity import Role
from servicekit.rights import ROUTES, RPCS, Right, Scope


class As(StrEnum):
    """Who tries."""

    NOBODY = "nobody"
    STRANGER = "a stranger"
    SUPPORT = "support"
    ADMIN = "an admin"
    OWNER = "the owner"
    OWNER_LATER = "the owner, an hour after signing in"
    KEY_WITHOUT = "a key of the owner's without the scope"
    KEY_WITH = "a key of the owner's with the scope"


ROLES = {As.SUPPORT: Role.SUPPORT, As.ADMIN: Role.ADMIN}
KEYS = (As.KEY_WITH, As.KEY_WITHOUT)
OTHERS = (As.STRANGER, As.SUPPORT, As.ADMIN)


@dataclass(frozen=True)
class Refused:
    """How a call ends at the door; an empty reason stands for any."""

    status: StatusCode
    reason: str = ""


SIGN_IN = Refused(StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
HTTP = {StatusCode.UNAUTHENTICATED: 401, StatusCode.PERMISSION_DENIED: 403}


def cases(rights: Mapping[str, Right]) -> list[ParameterSet]:
    """Returns every line with everybody who tries it; how long ago somebody signed in is tried where it matters."""
    return [
        pytest.param(name, who, id=f"{name} as {who}")
        for name, right in sorted(rights.items())
        for who in As
        if who is not As.OWNER_LATER or right.fresh
    ]


def refusal(right: Right, who: As) -> Refused | None:
    """Returns how the line refuses somebody, or None where it lets them in."""
    denied = StatusCode.PERMISSION_DENIED
    if right.anyone:
        return None
    if who is As.NOBODY:
        return SIGN_IN
    if who in KEYS and not right.scopes:
        return Refused(denied, "NOT_FOR_API_KEYS")
    if who is As.KEY_WITHOUT:
        return Refused(denied, "SCOPE_MISSING")
    if ROLES.get(who, Role.USER) not in right.roles:
        return Refused(denied, "ROLE_MISSING")
    if right.fresh and who is As.OWNER_LATER:
        return Refused(denied, "SIGN_IN_AGAIN")
    return None


def is_kept_from(right: Right, who: As, *, names_owner: bool) -> bool:
    """Tells whether something of the owner's does not exist for somebody. What is for staff is about other people."""
    is_for_all = right.roles == frozenset(Role)
    return who in OTHERS and names_owner and is_for_all and not right.anyone


def check_nothing_leaks(world: World, right: Right, who: As, text: str) -> None:
    """Fails where somebody sees what the owner has, or, but for staff at their work, who the owner is."""
    if right.anyone or who not in OTHERS:
        return
    private = [value for value in vars(world.things).values() if value != world.things.handle]
    if right.roles == frozenset(Role):
        private += [world.owner.id, world.owner.email]
    assert [value for value in private if value in text] == []


async def credential(world: World, right: Right, who: As) -> str | None:
    """Returns what somebody shows: an access token, an API key, or nothing."""
    match who:
        case As.NOBODY:
            return None
        case As.KEY_WITHOUT:
            return await world.key_with(frozenset(Scope) - right.scopes)
        case As.KEY_WITH:
            return await world.key_with(frozenset(sorted(right.scopes)[:1]) or frozenset(Scope))
        case As.OWNER_LATER:
            return await world.stale_token()
    people = {
        As.STRANGER: world.stranger,
        As.SUPPORT: world.support,
        As.ADMIN: world.admin,
        As.OWNER: world.owner,
    }
    return people[who].token


def test_every_rpc_has_a_line_and_a_request() -> None:
    assert set(METHODS) == set(RPCS) == set(CALLS)


def test_every_route_has_a_request() -> None:
    assert set(ROUTES) == set(REQUESTS)


@pytest.mark.parametrize(("name", "who"), cases(RPCS))
async def test_rpc_lets_in_whom_its_line_names(world: World, name: str, who: As) -> None:
    right, call = RPCS[name], CALLS[name]
    shown = await credential(world, right, who)
    token = await world.exchanged(shown) if shown is not None and who in KEYS else shown

    status, reason, text = await rights_calls.send(world, name, token)

    refused = refusal(right, who)
    if refused is not None:
        assert (status, reason) == (refused.status, refused.reason)
    elif is_kept_from(right, who, names_owner=call.names_owner):
        assert status is call.to_a_stranger, reason
    else:
        assert status is call.let_in, reason
        check_nothing_leaks(world, right, who, text)


@pytest.mark.parametrize(("name", "who"), cases({name: route.right for name, route in ROUTES.items()}))
async def test_route_lets_in_whom_its_line_names(world: World, name: str, who: As) -> None:
    right, request = ROUTES[name].right, REQUESTS[name]
    shown = await credential(world, right, who)

    status, reason, text = await rights_requests.send(world, name, shown)

    refused = refusal(right, who)
    if refused is not None:
        assert (status, reason) == (HTTP[refused.status], refused.reason)
    elif is_kept_from(right, who, names_owner=request.names_owner):
        assert status == 404, text
    else:
        assert status == request.status, text
        assert status != 303 or who is not As.OWNER or "problem=" not in text
        check_nothing_leaks(world, right, who, text)


async def test_notices_of_another_person_stay_unread(world: World) -> None:
    unread = await world.eventually(world.unread_notices)
    request = notify_pb2.MarkNoticesReadRequest(ids=unread)

    await world.notify.MarkNoticesRead(request, metadata=world.stranger.metadata)

    assert set(unread) <= set(await world.unread_notices())


@pytest.mark.parametrize("who", OTHERS, ids=str)
async def test_way_back_from_a_platform_connects_nothing_for_another_person(world: World, who: As) -> None:
    name = "GET /v1/connections/callback/{platform}"

    _, _, location = await rights_requests.send(world, name, await credential(world, ROUTES[name].right, who))

    assert location.startswith("/connections?problem=")
