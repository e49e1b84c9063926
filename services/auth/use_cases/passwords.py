"""New passwords: by a letter for who forgot theirs, and by the present one for who did not."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from servicekit.database import OpenStore
from servicekit.errors import ConflictError, InvalidInputError
from servicekit.identity import Caller, current_client
from servicekit.ids import Clock
from servicekit.rights import FRESH
from services.auth.domain.account import User, email_key, email_problem, normal_password, password_problem, refuse
from services.auth.domain.activity import Action
from services.auth.domain.challenge import Purpose
from services.auth.domain.session import EndReason
from services.auth.domain.throttle import pace, password_change_attempt, sign_in_attempt
from services.auth.passwords import Passwords
from services.auth.store import Store
from services.auth.use_cases.account import lock_account_of, there
from services.auth.use_cases.letters import Letters
from services.auth.use_cases.sign_in import slow_down
from services.auth.use_cases.trail import note, note_if_known


@dataclass(frozen=True)
class NewPasswords:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    letters: Letters
    passwords: Passwords
    common_passwords: Collection[str]
    clock: Clock

    async def request_reset(self, email: str) -> None:
        """Has a letter sent with which a new password can be set, or one that says that the address has no account.

        Answer and work are the same for every address. Raises `InvalidInputError` for what is no address.
        """
        email = email.strip()
        refuse({"email": email_problem(email)})
        challenge = self.letters.challenge(Purpose.RESET_PASSWORD, email=email, email_key=email_key(email))
        async with self.stores() as store:
            owner = await store.user_by_email(challenge.email_key)
            if owner is None:
                await self.letters.send(store, challenge, with_link=False)
            else:
                for_owner = replace(self.letters.told_to_owner(challenge, owner), user_id=owner.id)
                await self.letters.send(store, for_owner, with_link=True)
            await note_if_known(store, owner, Action.PASSWORD_RESET_REQUESTED)
            await store.commit()

    async def reset(self, token: str, new_password: str) -> None:
        """Sets a new password by a letter's link, and ends every session of the account.

        Raises `PreconditionError` for a link that does not count any more, and `InvalidInputError` for a password that the rules
        refuse, which leaves the link as it was.
        """
        new_password = normal_password(new_password)
        async with self.stores() as store:
            challenge = await self.letters.open(store, token, Purpose.RESET_PASSWORD)
        self._check(new_password, email=challenge.email)
        password_hash = await self.passwords.hash(new_password)
        async with self.stores() as store:
            user = there(await store.lock_user(challenge.user_id or ""))
            await self.letters.use_up(store, challenge)
            await self._set(store, user, password_hash)
            await store.end_sessions(user.id, reason=EndReason.PASSWORD_RESET)
            # Whoever failed with the forgotten one until they had to wait need not wait with the new one.
            await store.clear_failures(sign_in_attempt(user.email_key, address=current_client().address).own)
            await note(store, user, Action.PASSWORD_RESET)
            await store.commit()

    async def change(self, caller: Caller, *, current_password: str, new_password: str) -> None:
        """Sets another password and ends all other sessions.

        Raises `InvalidInputError` for a new password that the rules refuse and for a wrong present one, `TooManyRequestsError` after
        several wrong ones, and `ForbiddenError` when there is no password yet and the sign-in is not fresh.
        """
        current_password, new_password = normal_password(current_password), normal_password(new_password)
        attempt = password_change_attempt(caller.session_id)
        async with self.stores() as store:
            user = there(await store.user(caller.user_id))
            decided = pace(attempt, await store.failures(attempt.keys), now=self.clock())
        self._check(new_password, email=user.email)
        if user.password_hash is None:
            FRESH.permit(caller, self.clock())
        elif decided.wait:
            raise slow_down(decided.wait)
        elif not await self.passwords.verify(user.password_hash, current_password):
            async with self.stores() as store:
                await store.count_failure(attempt.keys, at=self.clock())
                await store.commit()
            raise InvalidInputError.of_field(
                "current_password", "This is not your present password. Try again.", reason="WRONG_PASSWORD"
            )
        password_hash = await self.passwords.hash(new_password)
        async with self.stores() as store:
            locked = await lock_account_of(store, caller)
            if locked.password_hash != user.password_hash:
                raise ConflictError("The password was changed meanwhile, from somewhere else. Try again.")
            await self._set(store, locked, password_hash)
            await store.end_sessions(user.id, reason=EndReason.PASSWORD_CHANGED, but=caller.session_id)
            await store.clear_failures(attempt.own)
            await note(store, user, Action.PASSWORD_CHANGED)
            await store.commit()

    def _check(self, new_password: str, *, email: str) -> None:
        refuse({"new_password": password_problem(new_password, email=email, common=self.common_passwords)})

    async def _set(self, store: Store, user: User, password_hash: str) -> None:
        """Stores a password; letters that were sent before, which others may have asked for, count no more."""
        await store.change_user(replace(user, password_hash=password_hash))
        await store.void_challenges(user.id, at=self.clock())
