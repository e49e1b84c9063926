import pytest
from auth_client import (
    FIREFOX,
    AuthStub,
    account,
    activities,
    call,
    coming_from,
    log_in,
    log_out,
    refresh,
    security_notes,
    sign_in,
)

from linkarooie.auth.v1 import auth_pb2
from servicekit.database import Database
from servicekit.errors import InvalidInputError, NotFoundError, UnauthenticatedError
from servicekit.ids import new_id
from services.auth.store.tables import refresh_tokens, sessions

HOME, HOTEL = "203.0.113.7", "198.51.100.7"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
SIGNED_IN = auth_pb2.ACTIVITY_ACTION_SIGNED_IN
NEW_DEVICE = auth_pb2.ACTIVITY_ACTION_SIGNED_IN_NEW_DEVICE


async def open_sessions(auth: AuthStub, access_token: str) -> list[auth_pb2.Session]:
    request = auth_pb2.ListSessionsRequest()
    return list((await call(auth, "ListSessions", request, metadata=coming_from(token=access_token))).sessions)


async def end(auth: AuthStub, access_token: str, session_id: str) -> None:
    request = auth_pb2.EndSessionRequest(id=session_id)
    await call(auth, "EndSession", request, metadata=coming_from(token=access_token))


async def test_open_sessions_are_listed_with_device_and_place_the_one_used_last_first(auth: AuthStub) -> None:
    user = await account()
    laptop = await log_in(auth, email=user.email, metadata=coming_from(HOME, FIREFOX))
    phone = await log_in(auth, email=user.email, metadata=coming_from(HOTEL, "curl/8.1"))
    listed = await open_sessions(auth, laptop.access_token)
    assert [(one.device, one.address, one.current) for one in listed] == [
        ("curl/8.1", HOTEL, False),
        ("Firefox on Linux", HOME, True),
    ]
    moved = await refresh(auth, laptop.refresh_token, metadata=coming_from("198.51.100.99", FIREFOX))
    listed = await open_sessions(auth, phone.access_token)
    assert [(one.device, one.address, one.current) for one in listed] == [
        ("Firefox on Linux", "198.51.100.99", False),
        ("curl/8.1", HOTEL, True),
    ]
    assert listed[0].last_used_time.ToDatetime() > listed[0].create_time.ToDatetime()
    await log_out(auth, moved.refresh_token)
    assert [one.device for one in await open_sessions(auth, phone.access_token)] == ["curl/8.1"]


async def test_a_session_whose_tokens_have_ended_is_not_listed(auth: AuthStub, database: Database) -> None:
    user = await account()
    idle, own = await log_in(auth, email=user.email), await log_in(auth, email=user.email)
    [idle_id] = [one.id for one in await open_sessions(auth, own.access_token) if not one.current]
    async with database.sessions() as session:
        past = refresh_tokens.update().where(refresh_tokens.c.session_id == idle_id)
        await session.execute(past.values(expires_at=refresh_tokens.c.created_at))
        await session.commit()
    assert [one.current for one in await open_sessions(auth, own.access_token)] == [True]
    with pytest.raises(UnauthenticatedError):
        await refresh(auth, idle.refresh_token)


async def test_one_session_is_ended_from_another(auth: AuthStub) -> None:
    user = await account()
    lost = await log_in(auth, email=user.email, metadata=coming_from(HOTEL, FIREFOX))
    own = await log_in(auth, email=user.email, metadata=coming_from(HOME))
    [lost_id] = [one.id for one in await open_sessions(auth, own.access_token) if not one.current]
    await end(auth, own.access_token, lost_id)
    with pytest.raises(UnauthenticatedError):
        await refresh(auth, lost.refresh_token)
    assert (await refresh(auth, own.refresh_token)).access_token
    line = (await activities(auth, own.access_token))[0]
    assert (line.action, line.detail, line.address) == (
        auth_pb2.ACTIVITY_ACTION_SESSION_ENDED,
        "Firefox on Linux",
        "",
    )
    with pytest.raises(NotFoundError):
        await end(auth, own.access_token, lost_id)


async def test_nobody_ends_a_session_of_somebody_else(auth: AuthStub) -> None:
    ada, bob = await account(), await account()
    hers, his = await log_in(auth, email=ada.email), await log_in(auth, email=bob.email)
    [his_session] = await open_sessions(auth, his.access_token)
    for session_id in (his_session.id, new_id(), "no id", ""):
        with pytest.raises(NotFoundError):
            await end(auth, hers.access_token, session_id)
    assert (await refresh(auth, his.refresh_token)).access_token


async def test_all_other_sessions_are_ended_at_once(auth: AuthStub) -> None:
    ada, bob = await account(), await account()
    own, his = await log_in(auth, email=ada.email), await log_in(auth, email=bob.email)
    others = [await log_in(auth, email=ada.email) for _ in range(3)]

    async def end_others() -> int:
        request = auth_pb2.EndOtherSessionsRequest()
        answer = await call(auth, "EndOtherSessions", request, metadata=coming_from(token=own.access_token))
        return int(answer.ended)

    assert [await end_others(), await end_others()] == [3, 0]
    for other in others:
        with pytest.raises(UnauthenticatedError):
            await refresh(auth, other.refresh_token)
    for untouched in (own, his):
        assert (await refresh(auth, untouched.refresh_token)).access_token
    actions = [line.action for line in await activities(auth, own.access_token)]
    assert actions.count(auth_pb2.ACTIVITY_ACTION_OTHER_SESSIONS_ENDED) == 1


async def test_a_device_is_known_again_by_its_token_wherever_it_is(auth: AuthStub) -> None:
    user = await account()
    first = await sign_in(auth, email=user.email, metadata=coming_from(HOME, FIREFOX))
    again = await sign_in(auth, email=user.email, device_token=first.device_token, metadata=coming_from(HOTEL, FIREFOX))
    assert again.device_token == first.device_token
    actions = [line.action for line in await activities(auth, again.tokens.access_token)]
    assert actions[:2] == [SIGNED_IN, SIGNED_IN]
    assert await security_notes(user.id) == []


async def test_a_program_is_known_again_by_its_name_and_network(auth: AuthStub) -> None:
    user = await account()
    for address in ("203.0.113.7", "203.0.113.200"):
        signed_in = await sign_in(auth, email=user.email, metadata=coming_from(address, "curl/8.1"))
    actions = [line.action for line in await activities(auth, signed_in.tokens.access_token)]
    assert actions[:2] == [SIGNED_IN, SIGNED_IN]


async def test_a_letter_tells_of_a_device_that_was_not_known_and_of_no_first_one(auth: AuthStub) -> None:
    user = await account()
    await sign_in(auth, email=user.email, metadata=coming_from(HOME, FIREFOX))
    assert await security_notes(user.id) == []
    signed_in = await sign_in(auth, email=user.email, metadata=coming_from(HOTEL, CHROME))
    line = (await activities(auth, signed_in.tokens.access_token))[0]
    assert (line.action, line.device, line.address, line.detail) == (NEW_DEVICE, "Chrome on Windows", HOTEL, "password")
    [note] = await security_notes(user.id)
    assert (note.activity_id, note.action, note.device, note.address) == (line.id, NEW_DEVICE, line.device, HOTEL)


async def test_the_token_of_somebody_elses_device_is_not_taken_over(auth: AuthStub) -> None:
    ada, bob = await account(), await account()
    hers = await sign_in(auth, email=ada.email, metadata=coming_from(HOME, FIREFOX))
    await sign_in(auth, email=bob.email, metadata=coming_from(HOTEL, CHROME))
    his = await sign_in(auth, email=bob.email, device_token=hers.device_token, metadata=coming_from(HOME, FIREFOX))
    assert his.device_token not in ("", hers.device_token)
    assert (await activities(auth, his.tokens.access_token))[0].action == NEW_DEVICE


async def test_the_trail_is_read_in_pages_newest_first_and_by_its_owner_alone(auth: AuthStub) -> None:
    ada, bob = await account(), await account()
    for _ in range(4):
        hers = await log_in(auth, email=ada.email)
    his = await log_in(auth, email=bob.email)
    whole = await activities(auth, hers.access_token)
    pages, token = [], ""
    while True:
        request = auth_pb2.ListActivitiesRequest(page_size=2, page_token=token)
        page = await call(auth, "ListActivities", request, metadata=coming_from(token=hers.access_token))
        pages.append([line.id for line in page.activities])
        token = page.next_page_token
        if not token:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [line_id for page in pages for line_id in page] == [line.id for line in whole]
    assert not {line.id for line in await activities(auth, his.access_token)} & {line.id for line in whole}
    nonsense = auth_pb2.ListActivitiesRequest(page_token="nonsense")
    with pytest.raises(InvalidInputError):
        await call(auth, "ListActivities", nonsense, metadata=coming_from(token=hers.access_token))


async def test_a_token_used_twice_is_told_to_the_owner(auth: AuthStub, database: Database) -> None:
    user = await account()
    stolen = await log_in(auth, email=user.email, metadata=coming_from(HOME, FIREFOX))
    await refresh(auth, stolen.refresh_token)
    async with database.sessions() as session:
        mine = sessions.select().with_only_columns(sessions.c.id).where(sessions.c.user_id == user.id).scalar_subquery()
        family = refresh_tokens.update().where(refresh_tokens.c.session_id == mine)
        await session.execute(family.values(sealed_successor=None))  # as after the grace
        await session.commit()
    with pytest.raises(UnauthenticatedError):
        await refresh(auth, stolen.refresh_token, metadata=coming_from(HOTEL))
    [note] = await security_notes(user.id)
    assert (note.action, note.detail, note.address) == (
        auth_pb2.ACTIVITY_ACTION_TOKEN_REUSED,
        "Firefox on Linux",
        HOTEL,
    )
    own = await log_in(auth, email=user.email, metadata=coming_from(HOME, FIREFOX))
    reused = (await activities(auth, own.access_token))[1]
    assert (reused.action, reused.actor) == (auth_pb2.ACTIVITY_ACTION_TOKEN_REUSED, auth_pb2.ACTOR_UNKNOWN)
