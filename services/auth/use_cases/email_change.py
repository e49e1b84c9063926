"""Changing the address of an account: asked for, then confirmed by a letter to the new one."""

from dataclasses import dataclass, replace

from servicekit.database import OpenStore
from servicekit.errors import AlreadyExistsError, InvalidInputError
from servicekit.identity import Caller
from servicekit.ids import Clock
from services.auth.domain.account import User, email_key, email_problem, refuse
from services.auth.domain.activity import Action
from services.auth.domain.challenge import Challenge, Purpose
from services.auth.store import Store
from services.auth.use_cases.account import changed, lock_account_of, there
from services.auth.use_cases.letters import Letters
from services.auth.use_cases.trail import note


@dataclass(frozen=True)
class EmailChange:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    letters: Letters
    clock: Clock

    async def request(self, caller: Caller, email: str) -> None:
        """Has a letter sent to the new address; the same is answered whether it has an account or not.

        Raises `InvalidInputError` for what is no address, and for the one that the account has.
        """
        email = email.strip()
        refuse({"email": email_problem(email)})
        challenge = self.letters.challenge(Purpose.CONFIRM_EMAIL_CHANGE, email=email, email_key=email_key(email))
        async with self.stores() as store:
            await store.lock_letters(challenge.email_key)  # before the account, as whoever sends letters does
            user = await lock_account_of(store, caller)
            if user.email == email:
                raise InvalidInputError.of_field("email", "This is the address that your account has already.")
            owner = await store.user_by_email(challenge.email_key)
            if owner is None or owner.id == user.id:  # its own in another spelling is fine
                asked = replace(challenge, user_id=user.id, display_name=user.display_name)
                await self.letters.send(store, asked, with_link=True)
            else:
                await self.letters.send(store, self.letters.told_to_owner(challenge, owner), with_link=False)
            await note(store, user, Action.EMAIL_CHANGE_REQUESTED, detail=email)
            await store.commit()

    async def finish(self, store: Store, challenge: Challenge) -> User:
        """Gives the account the address that was confirmed just now; part of the caller's transaction.

        The old address is told, and the links that were sent there are void. Raises `PreconditionError` when the link was used,
        `AlreadyExistsError` when the address got an account meanwhile.
        """
        before = there(await store.lock_user(challenge.user_id or ""))
        await self.letters.use_up(store, challenge)
        user = replace(before, email=challenge.email, email_key=challenge.email_key, version=before.version + 1)
        if not await store.change_user(user):
            raise AlreadyExistsError(
                "Another account got this e-mail address meanwhile. Yours keeps its old one.", reason="EMAIL_TAKEN"
            )
        await store.void_challenges(user.id, at=self.clock())
        store.record(changed(user, self.clock), owner_id=user.id)
        await note(store, user, Action.EMAIL_CHANGED, detail=user.email, email=before.email)
        return user
