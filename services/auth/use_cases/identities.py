"""The accounts at providers that somebody can sign in with: listed, linked, removed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from servicekit.database import OpenStore
from servicekit.errors import ConflictError, NotFoundError, PreconditionError
from servicekit.identity import Caller
from servicekit.ids import Clock, new_id
from services.auth.domain.activity import Action
from services.auth.domain.identity import Identity, ProviderAccount, is_last_way_in
from services.auth.providers import Providers
from services.auth.providers.base import Provider
from services.auth.store import Store
from services.auth.use_cases.account import lock_account_of, there
from services.auth.use_cases.trail import note

log = structlog.get_logger()


@dataclass(frozen=True)
class Identities:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    providers: Providers
    clock: Clock

    async def of(self, user_id: str) -> Sequence[Identity]:
        """Returns somebody's identities, oldest first."""
        async with self.stores() as store:
            return await store.identities_of(user_id)

    async def link(self, caller: Caller, provider: Provider, account: ProviderAccount) -> Identity:
        """Adds an identity to an account; one that it has already is returned as it is, under its present name.

        Raises `PreconditionError` when it is linked to another account.
        """
        identity = self.new(caller.user_id, provider, account)
        async with self.stores() as store:
            user = await lock_account_of(store, caller)
            if await store.add_identity(identity):
                await note(store, user, Action.IDENTITY_LINKED, detail=provider.label)
                await store.commit()
                return identity
            known = await store.identity(provider.id, account.subject)
            if known is None:  # it was linked elsewhere, and removed there a moment ago
                raise ConflictError("This changed meanwhile. Start again.")
            if known.user_id != user.id:
                log.info("identity_taken", provider=provider.id, user_id=user.id)
                raise PreconditionError(
                    f"This account at {provider.label} opens another account here. Sign in with it and remove it there first.",
                    reason="IDENTITY_TAKEN",
                )
            await store.rename_identity(known.id, account.name)
            await store.commit()
            return replace(known, name=account.name)

    async def remove(self, user_id: str, identity_id: str) -> None:
        """Removes an identity of somebody's.

        Raises `NotFoundError`, also for another's, and `PreconditionError` when nothing else would be left to sign in with.
        """
        async with self.stores() as store:
            # The lock keeps two removals from each counting on the other's identity.
            user = there(await store.lock_user(user_id))
            identities = await store.identities_of(user_id)
            identity = next((one for one in identities if one.id == identity_id), None)
            if identity is None:
                raise NotFoundError("There is no such linked account.", reason="IDENTITY_NOT_FOUND")
            label = self.providers.label_of(identity.provider)
            if is_last_way_in(
                identity,
                identities=identities,
                has_password=user.password_hash is not None,
                providers=self.providers.by_id,
            ):
                raise PreconditionError(
                    f"Without {label} nothing would be left to sign in with. Set a password or link another account first.",
                    reason="LAST_WAY_IN",
                )
            await store.remove_identity(identity.id)
            await note(store, user, Action.IDENTITY_REMOVED, detail=label)
            await store.commit()

    def new(self, user_id: str, provider: Provider, account: ProviderAccount) -> Identity:
        """Makes the identity of an account at a provider."""
        return Identity(
            id=new_id(),
            user_id=user_id,
            provider=provider.id,
            subject=account.subject,
            name=account.name,
            created_at=self.clock(),
        )
