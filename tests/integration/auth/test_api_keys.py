"""API keys from making one to its end, on the real service."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from auth_client import (
    FIREFOX,
    AuthStub,
    account,
    activities,
    call,
    coming_from,
    current_user,
    fresh_email,
    log_in,
    refresh,
)

from linkarooie.auth.v1 import auth_pb2
from servicekit.database import Database
from servicekit.errors import (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    PreconditionError,
    ServiceError,
    UnauthenticatedError,
)
from servicekit.ids import new_id, utc_now
from servicekit.protobuf import timestamp
from services.auth.domain.api_key import MAX_KEYS, new_api_key
from services.auth.store.tables import api_keys, sessions

Tokens = auth_pb2.SessionTokens


async def somebody(auth: AuthStub) -> Tokens:
    return await log_in(auth, email=(await account()).email)


async def create(auth: AuthStub, who: Tokens | str, **request: Any) -> auth_pb2.CreateApiKeyResponse:
    token = who if isinstance(who, str) else who.access_token
    asked = auth_pb2.CreateApiKeyRequest(**{"name": "Backup", "scopes": ["account:read"], **request})
    made: auth_pb2.CreateApiKeyResponse = await call(auth, "CreateApiKey", asked, metadata=coming_from(token=token))
    return made


async def keys_of(auth: AuthStub, who: Tokens) -> list[auth_pb2.ApiKey]:
    metadata = coming_from(token=who.access_token)
    return list((await call(auth, "ListApiKeys", auth_pb2.ListApiKeysRequest(), metadata=metadata)).api_keys)


async def delete(auth: AuthStub, who: Tokens, key_id: str) -> None:
    metadata = coming_from(token=who.access_token)
    await call(auth, "DeleteApiKey", auth_pb2.DeleteApiKeyRequest(id=key_id), metadata=metadata)


async def exchange(auth: AuthStub, secret: str) -> auth_pb2.ExchangeApiKeyResponse:
    answer: auth_pb2.ExchangeApiKeyResponse = await call(
        auth, "ExchangeApiKey", auth_pb2.ExchangeApiKeyRequest(api_key=secret)
    )
    return answer


async def reason_of(auth: AuthStub, secret: str) -> str:
    with pytest.raises(UnauthenticatedError) as refused:
        await exchange(auth, secret)
    assert secret not in refused.value.message or not secret
    return refused.value.reason


async def test_a_key_is_shown_once_listed_without_itself_and_stored_as_a_hash(
    auth: AuthStub, database: Database
) -> None:
    person, ends = await somebody(auth), utc_now() + timedelta(days=30)

    made = await create(auth, person, name=" Backup ", scopes=["images:read"], expire_time=timestamp(ends))

    assert made.secret.startswith("lnk_")
    assert made.api_key.prefix == made.secret[:12]
    assert (made.api_key.name, list(made.api_key.scopes)) == ("Backup", ["images:read"])
    assert made.api_key.expire_time == timestamp(ends)
    assert not made.api_key.HasField("last_used_time")
    assert await keys_of(auth, person) == [made.api_key]
    async with database.sessions() as session:
        row = (await session.execute(sa.select(api_keys).where(api_keys.c.id == made.api_key.id))).one()
    assert made.secret[12:] not in str(row)
    assert made.secret[12:].encode() not in row.hash


async def test_keys_are_listed_newest_first_to_their_owner_alone(auth: AuthStub) -> None:
    person, stranger = await somebody(auth), await somebody(auth)
    made = [(await create(auth, person, name=f"Key {number}")).api_key for number in range(3)]

    assert await keys_of(auth, person) == made[::-1]
    assert await keys_of(auth, stranger) == []


async def test_a_key_is_exchanged_for_a_token_that_may_do_what_the_key_may(auth: AuthStub) -> None:
    owner = await account()
    person = await log_in(auth, email=owner.email)
    may_read, may_sync = [
        (await exchange(auth, (await create(auth, person, scopes=scopes)).secret)).access_token
        for scopes in (["account:read", "sync:write"], ["sync:write"])
    ]

    assert (await current_user(auth, may_read)).id == owner.id
    with pytest.raises(ForbiddenError) as refused:
        await current_user(auth, may_sync)
    assert (refused.value.reason, refused.value.metadata) == ("SCOPE_MISSING", {"scope": "account:read"})


@pytest.mark.parametrize(
    ("method", "request_message"),
    [
        ("CreateApiKey", auth_pb2.CreateApiKeyRequest(name="Another", scopes=["account:read"])),
        ("ListApiKeys", auth_pb2.ListApiKeysRequest()),
        ("ChangePassword", auth_pb2.ChangePasswordRequest(new_password="four other plain words")),
        ("EndOtherSessions", auth_pb2.EndOtherSessionsRequest()),
    ],
    ids=["make a key", "list keys", "change the password", "end sessions"],
)
async def test_a_key_cannot_do_what_would_make_it_outlive_its_owners_will(
    auth: AuthStub, method: str, request_message: Any
) -> None:
    made = await create(auth, await somebody(auth), scopes=["account:read", "images:write", "sync:write"])
    token = (await exchange(auth, made.secret)).access_token

    with pytest.raises(ForbiddenError) as refused:
        await call(auth, method, request_message, metadata=coming_from(token=token))

    assert refused.value.reason == "NOT_FOR_API_KEYS"


async def test_the_key_itself_is_no_access_token(auth: AuthStub) -> None:
    made = await create(auth, await somebody(auth))

    with pytest.raises(UnauthenticatedError) as refused:
        await current_user(auth, made.secret)

    assert refused.value.reason == "TOKEN_MALFORMED"


async def test_keys_that_are_no_good_are_refused_each_for_its_reason(auth: AuthStub, database: Database) -> None:
    person = await somebody(auth)
    ended, revoked = [await create(auth, person) for _ in range(2)]
    async with database.sessions() as session:
        past = {"expires_at": utc_now() - timedelta(seconds=1)}
        await session.execute(sa.update(api_keys).where(api_keys.c.id == ended.api_key.id).values(**past))
        await session.commit()
    await delete(auth, person, revoked.api_key.id)

    assert await reason_of(auth, ended.secret) == "KEY_EXPIRED"
    assert await reason_of(auth, revoked.secret) == "KEY_REVOKED"
    assert await reason_of(auth, new_api_key()) == "KEY_UNKNOWN"
    for malformed in ("", "lnk_", ended.secret[:-1], ended.secret.lower(), "x" * 100_000, "lnk_é" + "0" * 35):
        assert await reason_of(auth, malformed) == "KEY_MALFORMED"


async def test_a_key_that_was_revoked_is_gone_from_the_list_and_cannot_be_revoked_again(auth: AuthStub) -> None:
    person = await somebody(auth)
    made = await create(auth, person)

    await delete(auth, person, made.api_key.id)

    assert await keys_of(auth, person) == []
    with pytest.raises(NotFoundError):
        await delete(auth, person, made.api_key.id)


async def test_a_stranger_cannot_revoke_a_key(auth: AuthStub) -> None:
    made = await create(auth, await somebody(auth))
    stranger = await somebody(auth)

    for key_id in (made.api_key.id, new_id(), "no id", ""):
        with pytest.raises(NotFoundError):
            await delete(auth, stranger, key_id)

    assert (await exchange(auth, made.secret)).access_token


async def test_a_page_left_open_on_a_desk_makes_no_key(auth: AuthStub, database: Database) -> None:
    owner = await account()
    person = await log_in(auth, email=owner.email)
    async with database.sessions() as session:
        an_hour_ago = {"created_at": utc_now() - timedelta(hours=1)}
        await session.execute(sa.update(sessions).where(sessions.c.user_id == owner.id).values(**an_hour_ago))
        await session.commit()
    person = await refresh(auth, person.refresh_token)

    with pytest.raises(ForbiddenError) as refused:
        await create(auth, person)
    assert refused.value.reason == "SIGN_IN_AGAIN"

    assert (await create(auth, await log_in(auth, email=owner.email))).secret


async def test_a_request_names_every_field_that_is_refused(auth: AuthStub) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await create(auth, await somebody(auth), name=" ", scopes=["everything"], expire_time=timestamp(utc_now()))

    assert [violation.field for violation in refused.value.violations] == ["name", "scopes", "expire_time"]


async def test_of_many_keys_made_at_once_no_more_are_made_than_there_may_be(auth: AuthStub, database: Database) -> None:
    owner = await account()
    person = await log_in(auth, email=owner.email)
    async with database.sessions() as session:
        rows = [
            {
                "id": new_id(),
                "user_id": owner.id,
                "name": "Filler",
                "prefix": "lnk_00000000",
                "hash": new_id().encode(),
                "scopes": ["account:read"],
                "created_at": utc_now(),
            }
            for _ in range(MAX_KEYS - 2)
        ]
        await session.execute(sa.insert(api_keys), rows)
        await session.commit()

    # Opened before, the connections to the database let the calls meet there.
    await asyncio.gather(*(keys_of(auth, person) for _ in range(10)))
    outcomes = await asyncio.gather(*(create(auth, person) for _ in range(10)), return_exceptions=True)

    refused = [outcome for outcome in outcomes if isinstance(outcome, ServiceError)]
    assert len(refused) == 8
    assert all(isinstance(error, PreconditionError) and error.reason == "TOO_MANY_KEYS" for error in refused)
    listed = await keys_of(auth, person)
    assert len(listed) == MAX_KEYS
    await delete(auth, person, listed[0].id)
    assert (await create(auth, person)).secret


async def test_the_last_use_is_noted_at_most_once_a_minute(auth: AuthStub, database: Database) -> None:
    person, began = await somebody(auth), utc_now()
    made = await create(auth, person)

    async def version() -> str:
        """Returns what Postgres counts the row's changes by."""
        async with database.sessions() as session:
            query = sa.select(sa.literal_column("xmin::text")).select_from(api_keys)
            return str((await session.execute(query.where(api_keys.c.id == made.api_key.id))).scalar_one())

    await exchange(auth, made.secret)
    first, (listed,) = await version(), await keys_of(auth, person)
    assert began <= listed.last_used_time.ToDatetime(utc_now().tzinfo) <= utc_now()

    await exchange(auth, made.secret)
    assert await version() == first

    async with database.sessions() as session:
        a_minute_ago = {"last_used_at": utc_now() - timedelta(seconds=61)}
        await session.execute(sa.update(api_keys).where(api_keys.c.id == made.api_key.id).values(**a_minute_ago))
        await session.commit()
    await exchange(auth, made.secret)
    assert (await keys_of(auth, person))[0].last_used_time.seconds >= listed.last_used_time.seconds


async def test_a_token_ends_no_later_than_its_key(auth: AuthStub) -> None:
    soon = utc_now() + timedelta(minutes=2)
    made = await create(auth, await somebody(auth), expire_time=timestamp(soon))

    assert (await exchange(auth, made.secret)).access_expire_time.seconds == int(soon.timestamp())


async def test_its_owner_sees_in_the_trail_when_a_key_was_made_and_revoked_and_from_where(auth: AuthStub) -> None:
    email = fresh_email()
    await account(email)
    person = await log_in(auth, email=email)
    here = coming_from("203.0.113.9", FIREFOX, token=person.access_token)
    asked = auth_pb2.CreateApiKeyRequest(name="Backup", scopes=["account:read"])
    made = await call(auth, "CreateApiKey", asked, metadata=here)
    await call(auth, "DeleteApiKey", auth_pb2.DeleteApiKeyRequest(id=made.api_key.id), metadata=here)

    revoked, created, *_ = await activities(auth, person.access_token)

    assert created.action == auth_pb2.ACTIVITY_ACTION_API_KEY_CREATED
    assert revoked.action == auth_pb2.ACTIVITY_ACTION_API_KEY_REVOKED
    for line in (created, revoked):
        assert (line.detail, line.address, line.device) == ("Backup", "203.0.113.9", "Firefox on Linux")
        assert line.actor == auth_pb2.ACTOR_OWNER
