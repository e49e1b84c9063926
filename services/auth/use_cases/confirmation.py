"""Opening the link of a letter that confirms an address."""

from dataclasses import dataclass

from servicekit.database import OpenStore
from services.auth.domain.account import User
from services.auth.domain.challenge import Purpose
from services.auth.store import Store
from services.auth.use_cases.email_change import EmailChange
from services.auth.use_cases.letters import Letters
from services.auth.use_cases.registration import Registration


@dataclass(frozen=True)
class Confirmation:
    """Dependencies of the use case."""

    stores: OpenStore[Store]
    letters: Letters
    registration: Registration
    email_change: EmailChange

    async def confirm(self, token: str) -> User:
        """Makes the account, or changes its address, and returns it. Signs nobody in: whoever opens a link may not have asked for it.

        Raises `PreconditionError` for a link that does not count any more, and `AlreadyExistsError` when the address got
        an account meanwhile.
        """
        async with self.stores() as store:
            challenge = await self.letters.open(
                store, token, Purpose.CONFIRM_REGISTRATION, Purpose.CONFIRM_EMAIL_CHANGE
            )
            if challenge.purpose is Purpose.CONFIRM_REGISTRATION:
                user = await self.registration.finish(store, challenge)
            else:
                user = await self.email_change.finish(store, challenge)
            await store.commit()
        return user
