"""What staff see and do of other people's accounts, and what those people see of it."""

import asyncio
from typing import Any, cast

import pytest
from auth_client import (
    FIREFOX,
    AuthStub,
    account,
    activities,
    call,
    coming_from,
    current_user,
    log_in,
    refresh,
    settings,
)

from linkarooie.auth.v1 import auth_pb2
from servicekit.errors import ForbiddenError, InvalidInputError, NotFoundError, PreconditionError, UnauthenticatedError
from servicekit.identity import Role
from servicekit.ids import new_id
from services.auth.operator import operator_of

Tokens = auth_pb2.SessionTokens


async def signed_in(auth: AuthStub, role: Role = Role.USER) -> tuple[str, Tokens]:
    """Returns somebody's id and tokens."""
    user = await account(role=role)
    return user.id, await log_in(auth, email=user.email)


async def look_up(auth: AuthStub, who: Tokens, **which: str) -> auth_pb2.Account:
    metadata = coming_from("198.51.100.7", FIREFOX, token=who.access_token)
    answer = await call(auth, "LookUpAccount", auth_pb2.LookUpAccountRequest(**which), metadata=metadata)
    found: auth_pb2.Account = answer.account
    return found


async def set_role(auth: AuthStub, who: Tokens, user_id: str, role: "auth_pb2.Role.ValueType") -> auth_pb2.User:
    request = auth_pb2.SetRoleRequest(user_id=user_id, role=role)
    user: auth_pb2.User = (await call(auth, "SetRole", request, metadata=coming_from(token=who.access_token))).user
    return user


async def trail(auth: AuthStub, who: Tokens, user_id: str, **page: Any) -> auth_pb2.ListAccountActivitiesResponse:
    request = auth_pb2.ListAccountActivitiesRequest(user_id=user_id, **page)
    answer: auth_pb2.ListAccountActivitiesResponse = await call(
        auth, "ListAccountActivities", request, metadata=coming_from(token=who.access_token)
    )
    return answer


async def test_support_finds_an_account_by_its_address_however_it_is_written_and_by_its_id(auth: AuthStub) -> None:
    person = await account()
    tokens = [await log_in(auth, email=person.email) for _ in range(2)]
    asked = auth_pb2.CreateApiKeyRequest(name="Backup", scopes=["account:read"])
    await call(auth, "CreateApiKey", asked, metadata=coming_from(token=tokens[0].access_token))
    _, support = await signed_in(auth, Role.SUPPORT)

    found = await look_up(auth, support, email=person.email.upper())

    assert (found.user.id, found.user.email, found.user.role) == (person.id, person.email, auth_pb2.ROLE_USER)
    assert (found.open_sessions, found.api_keys, list(found.provider_labels)) == (2, 1, [])
    assert found.HasField("last_sign_in_time")
    assert await look_up(auth, support, user_id=person.id) == found


async def test_an_account_that_nobody_has_signed_in_to_yet_says_so(auth: AuthStub) -> None:
    person, (_, support) = await account(), await signed_in(auth, Role.SUPPORT)

    found = await look_up(auth, support, user_id=person.id)

    assert not found.HasField("last_sign_in_time")
    assert found.open_sessions == 0


@pytest.mark.parametrize(
    "which",
    [{"email": "nobody@example.org"}, {"email": "no address"}, {"user_id": "no id"}, {"user_id": ""}, {}],
    ids=["unknown address", "no address", "no id", "empty id", "neither"],
)
async def test_what_is_no_account_is_not_found(auth: AuthStub, which: dict[str, str]) -> None:
    _, support = await signed_in(auth, Role.SUPPORT)

    with pytest.raises(NotFoundError):
        await look_up(auth, support, **which)


async def test_each_look_is_a_line_that_the_owner_sees_without_where_staff_work(auth: AuthStub) -> None:
    user_id, person = await signed_in(auth)
    (support_id, support), (_, admin) = await signed_in(auth, Role.SUPPORT), await signed_in(auth, Role.ADMIN)
    await look_up(auth, support, user_id=user_id)
    await trail(auth, admin, user_id)

    for line in (await activities(auth, person.access_token))[:2]:
        assert (line.action, line.actor) == (auth_pb2.ACTIVITY_ACTION_LOOKED_UP, auth_pb2.ACTOR_STAFF)
        assert (line.address, line.device) == ("", "")
        assert support_id not in str(line)
    seen_by_admin = (await trail(auth, admin, user_id)).activities
    assert [line.address for line in seen_by_admin if line.action == auth_pb2.ACTIVITY_ACTION_LOOKED_UP] == [
        "",  # the admin's own calls tell no address
        "198.51.100.7",
    ]


async def test_people_and_support_are_kept_from_what_is_not_theirs(auth: AuthStub) -> None:
    user_id, person = await signed_in(auth)
    _, support = await signed_in(auth, Role.SUPPORT)
    other = await account()

    for refused_call in (
        look_up(auth, person, user_id=other.id),
        look_up(auth, person, user_id=user_id),
        trail(auth, person, user_id),
        trail(auth, support, other.id),
        set_role(auth, person, user_id, auth_pb2.ROLE_ADMIN),
        set_role(auth, support, other.id, auth_pb2.ROLE_SUPPORT),
    ):
        with pytest.raises(ForbiddenError) as refused:
            await refused_call
        assert refused.value.reason == "ROLE_MISSING"
    assert not [
        line
        for line in await activities(auth, person.access_token)
        if line.action == auth_pb2.ACTIVITY_ACTION_LOOKED_UP
    ]


async def test_an_admin_reads_a_trail_page_by_page(auth: AuthStub) -> None:
    person, (_, admin) = await account(), await signed_in(auth, Role.ADMIN)
    for _ in range(4):
        await log_in(auth, email=person.email)

    first = await trail(auth, admin, person.id, page_size=2)
    rest = await trail(auth, admin, person.id, page_size=100, page_token=first.next_page_token)

    assert len(first.activities) == 2
    assert rest.next_page_token == ""
    times = [line.event_time.ToNanoseconds() for line in (*first.activities, *rest.activities)]
    assert times == sorted(times, reverse=True)
    assert rest.activities[-1].action == auth_pb2.ACTIVITY_ACTION_REGISTERED
    with pytest.raises(NotFoundError):
        await trail(auth, admin, new_id())
    with pytest.raises(InvalidInputError):
        await trail(auth, admin, person.id, page_token="invented")


async def test_a_role_counts_at_once_since_the_accounts_sessions_end(auth: AuthStub) -> None:
    (user_id, person), (_, admin) = await signed_in(auth), await signed_in(auth, Role.ADMIN)

    changed = await set_role(auth, admin, user_id, auth_pb2.ROLE_SUPPORT)

    assert (changed.id, changed.role) == (user_id, auth_pb2.ROLE_SUPPORT)
    with pytest.raises(UnauthenticatedError):
        await refresh(auth, person.refresh_token)
    again = await log_in(auth, email=changed.email)
    assert (await current_user(auth, again.access_token)).role == auth_pb2.ROLE_SUPPORT
    assert (await look_up(auth, again, user_id=user_id)).user.id == user_id
    line = next(
        line
        for line in await activities(auth, again.access_token)
        if line.action == auth_pb2.ACTIVITY_ACTION_ROLE_CHANGED
    )
    assert (line.actor, line.detail) == (auth_pb2.ACTOR_STAFF, "support")


async def test_giving_the_role_that_somebody_has_changes_nothing(auth: AuthStub) -> None:
    (user_id, person), (_, admin) = await signed_in(auth), await signed_in(auth, Role.ADMIN)

    await set_role(auth, admin, user_id, auth_pb2.ROLE_USER)

    assert (await refresh(auth, person.refresh_token)).access_token


async def test_a_role_has_to_be_one_that_there_is(auth: AuthStub) -> None:
    (user_id, _), (_, admin) = await signed_in(auth), await signed_in(auth, Role.ADMIN)

    for number in (0, 99):
        with pytest.raises(InvalidInputError) as refused:
            await set_role(auth, admin, user_id, cast("auth_pb2.Role.ValueType", number))
        assert [violation.field for violation in refused.value.violations] == ["role"]


async def test_a_role_for_nobody_is_not_found(auth: AuthStub) -> None:
    _, admin = await signed_in(auth, Role.ADMIN)

    for user_id in (new_id(), "no id"):
        with pytest.raises(NotFoundError):
            await set_role(auth, admin, user_id, auth_pb2.ROLE_SUPPORT)


async def demote_all_admins_but(*kept: str) -> None:
    async with operator_of(settings()) as operator:
        async with operator.stores() as store:
            admins = await store.lock_admins()
        for user_id in admins - set(kept):
            await operator.staff.set_role(user_id, Role.USER, by=None)


async def test_when_two_admins_demote_each_other_at_the_same_moment_one_is_left(auth: AuthStub) -> None:
    for _ in range(3):
        (one_id, one), (two_id, two) = await signed_in(auth, Role.ADMIN), await signed_in(auth, Role.ADMIN)
        await demote_all_admins_but(one_id, two_id)

        outcomes = await asyncio.gather(
            set_role(auth, one, two_id, auth_pb2.ROLE_USER),
            set_role(auth, two, one_id, auth_pb2.ROLE_USER),
            return_exceptions=True,
        )

        changed = [outcome for outcome in outcomes if isinstance(outcome, auth_pb2.User)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert (len(changed), len(refused)) == (1, 1)
        # The loser is the last admin now; or the winner's change was there before the loser's call was let in.
        assert isinstance(refused[0], PreconditionError | UnauthenticatedError)


async def test_the_last_admin_stays_one_whoever_asks(auth: AuthStub) -> None:
    admin_id, admin = await signed_in(auth, Role.ADMIN)
    await demote_all_admins_but(admin_id)

    with pytest.raises(PreconditionError) as refused:
        await set_role(auth, admin, admin_id, auth_pb2.ROLE_USER)
    assert refused.value.reason == "LAST_ADMIN"
    async with operator_of(settings()) as operator:
        with pytest.raises(PreconditionError):
            await operator.staff.set_role(admin_id, Role.SUPPORT, by=None)

    assert (await refresh(auth, admin.refresh_token)).access_token
