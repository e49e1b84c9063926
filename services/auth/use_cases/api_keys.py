"""Keys for programs: made, listed, revoked, and exchanged for access tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from servicekit.database import OpenStore
from servicekit.errors import NotFoundError, PreconditionError, UnauthenticatedError
from servicekit.identity import Caller
from servicekit.ids import Clock, is_id, new_id
from services.auth.domain.activity import Action
from services.auth.domain.api_key import (
    MAX_KEYS,
    SHOWN_CHARACTERS,
    ApiKey,
    check_key_request,
    hash_of_key,
    is_well_formed,
    new_api_key,
)
from services.auth.keys import AccessToken, AccessTokens
from services.auth.store import Store
from services.auth.use_cases.account import lock_account_of
from services.auth.use_cases.trail import note

# The last use is for people to look at; a program may call many times a second.
LAST_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class ApiKeys:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    access_tokens: AccessTokens
    clock: Clock

    async def create(
        self, caller: Caller, *, name: str, scopes: Sequence[str], expires_at: datetime | None
    ) -> tuple[ApiKey, str]:
        """Makes a key and returns it with its text, which nobody sees again.

        Raises `InvalidInputError` that names each field refused, and `PreconditionError` when there are too many.
        """
        now = self.clock()
        asked = check_key_request(name=name, scopes=scopes, expires_at=expires_at, now=now)
        text = new_api_key()
        key = ApiKey(
            id=new_id(),
            user_id=caller.user_id,
            name=asked.name,
            prefix=text[:SHOWN_CHARACTERS],
            hash=hash_of_key(text),
            scopes=asked.scopes,
            created_at=now,
            expires_at=asked.expires_at,
        )
        async with self.stores() as store:
            user = await lock_account_of(store, caller)
            if await store.count_api_keys(user.id) >= MAX_KEYS:
                raise PreconditionError(
                    f"You have {MAX_KEYS} API keys, which is as many as possible. Revoke one that is not used.",
                    reason="TOO_MANY_KEYS",
                    metadata={"max": str(MAX_KEYS)},
                )
            await store.add_api_key(key)
            await note(store, user, Action.API_KEY_CREATED, detail=key.name)
            await store.commit()
        return key, text

    async def of(self, user_id: str) -> list[ApiKey]:
        """Returns somebody's keys, newest first."""
        async with self.stores() as store:
            return await store.api_keys_of(user_id)

    async def revoke(self, user_id: str, key_id: str) -> None:
        """Revokes a key; its access tokens are refused everywhere within seconds. Raises `NotFoundError`."""
        async with self.stores() as store:
            user = await store.user(user_id)
            key = await store.revoke_api_key(user_id, key_id) if is_id(key_id) else None
            if user is None or key is None:
                raise NotFoundError("There is no such API key.", reason="KEY_NOT_FOUND")
            await note(store, user, Action.API_KEY_REVOKED, detail=key.name)
            await store.commit()

    async def exchange(self, text: str) -> AccessToken:
        """Returns an access token that carries a key's scopes. Raises `UnauthenticatedError` that says what is wrong with the key."""
        if not is_well_formed(text):
            raise UnauthenticatedError(
                "This is no API key: its checksum is wrong. Copy it again, all of it.", reason="KEY_MALFORMED"
            )
        now = self.clock()
        async with self.stores() as store:
            key = await store.api_key_by_hash(hash_of_key(text))
            if key is None:
                raise UnauthenticatedError("There is no such API key here.", reason="KEY_UNKNOWN")
            if key.revoked_at is not None:
                raise UnauthenticatedError("This API key was revoked. Make another one.", reason="KEY_REVOKED")
            if key.expires_at is not None and key.expires_at <= now:
                raise UnauthenticatedError("This API key has ended. Make another one.", reason="KEY_EXPIRED")
            if key.last_used_at is None or now - key.last_used_at >= LAST_USE_NOTED_EVERY:
                await store.touch_api_key(key.id, at=now, at_most_every=LAST_USE_NOTED_EVERY)
                await store.commit()
        return self.access_tokens.issue_for_key(key, now=now)
