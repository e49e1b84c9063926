"""Services learn of an ended session within seconds. Whoever was thrown out shall leave nothing behind meanwhile."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from auth_client import PASSWORD, account, fresh_email

from servicekit.database import Database
from servicekit.errors import UnauthenticatedError
from servicekit.identity import Caller
from servicekit.ids import new_id, utc_now
from servicekit.rights import Scope
from servicekit.vault import Vault
from services.auth.domain.identity import ProviderAccount
from services.auth.domain.session import EndReason, Session
from services.auth.passwords import HashCost, Passwords
from services.auth.settings import AuthSettings
from services.auth.store import Store
from services.auth.use_cases.api_keys import ApiKeys
from services.auth.use_cases.email_change import EmailChange
from services.auth.use_cases.identities import Identities
from services.auth.use_cases.letters import Letters
from services.auth.use_cases.passwords import NewPasswords

Tries = dict[str, Callable[[Caller], Awaitable[Any]]]


@pytest.fixture
async def tries(auth_settings: Callable[..., AuthSettings], database: Database) -> AsyncIterator[Tries]:
    """What outlives a session: as the service does it once it has taken the caller's token for good."""
    stores, not_used = partial(Store, database), Any
    letters = Letters(Vault(auth_settings().letter_keys, setting="LINKAROOIE_LETTER_KEYS"), utc_now)
    passwords = Passwords(HashCost(memory_kib=64, time_cost=1, parallelism=1), threads=1, max_waiting=1)
    identities = Identities(stores, not_used, utc_now)
    provider: Any = type("Somewhere", (), {"id": "somewhere", "label": "Somewhere"})
    keys = ApiKeys(stores, not_used, utc_now)
    new_passwords = NewPasswords(stores, letters, passwords, (), utc_now)
    await passwords.start()
    yield {
        "another address": lambda caller: EmailChange(stores, letters, utc_now).request(caller, fresh_email()),
        "another password": lambda caller: new_passwords.change(
            caller, current_password=PASSWORD, new_password="five quite unrelated words"
        ),
        "a key": lambda caller: keys.create(caller, name="key", scopes=[Scope.IMAGES_READ], expires_at=None),
        "a link": lambda caller: identities.link(caller, provider, ProviderAccount(subject=new_id())),
    }
    await passwords.stop()


async def signed_in(database: Database, *, ended: bool) -> Caller:
    """Returns somebody whose token was taken, and whose session ended then, or did not."""
    user, now = await account(), utc_now()
    session = Session(new_id(), user.id, "", "", created_at=now, last_used_at=now, ends_at=now + timedelta(days=1))
    async with Store(database) as store:
        await store.add_session(session)
        if ended:
            await store.end_sessions(user.id, reason=EndReason.PASSWORD_RESET)
        await store.commit()
    return Caller(user.id, session.id, "", signed_in_at=now)


@pytest.mark.parametrize("what", ["another address", "another password", "a key", "a link"])
async def test_a_session_that_has_ended_adds_nothing_to_the_account(
    what: str, tries: Tries, database: Database
) -> None:
    with pytest.raises(UnauthenticatedError) as refused:
        await tries[what](await signed_in(database, ended=True))
    assert refused.value.reason == "SESSION_ENDED"
    await tries[what](await signed_in(database, ended=False))
