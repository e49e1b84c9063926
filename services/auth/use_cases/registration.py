"""Asking for an account, and making it once its address is confirmed."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from linkarooie.events.v1 import events_pb2 as events
from servicekit.database import OpenStore
from servicekit.errors import AlreadyExistsError, FieldViolation, PreconditionError
from servicekit.identity import Role
from servicekit.ids import Clock, new_id
from servicekit.protobuf import timestamp
from services.auth.domain.account import Applicant, User, check_applicant, normal_password, password_problem
from services.auth.domain.activity import Action, Actor
from services.auth.domain.challenge import Challenge, Purpose
from services.auth.domain.identity import Identity
from services.auth.passwords import Passwords
from services.auth.store import Store
from services.auth.use_cases.letters import Letters
from services.auth.use_cases.trail import note


@dataclass(frozen=True)
class Registration:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    letters: Letters
    passwords: Passwords
    common_passwords: Collection[str]
    clock: Clock

    async def request(self, *, email: str, password: str, display_name: str) -> User:
        """Has a letter sent in which an account is confirmed. Returns the account as it will be then.

        The answer and the work are the same for every address, so that they do not tell who has an account. Raises
        `InvalidInputError` that names each field refused.
        """
        applicant = self._check(email=email, password=password, display_name=display_name)
        password_hash = await self.passwords.hash(normal_password(password))
        async with self.stores() as store:
            challenge = await self.ask(store, applicant, password_hash=password_hash)
            await store.commit()
        return account_of(challenge)

    async def ask(
        self,
        store: Store,
        applicant: Applicant,
        *,
        password_hash: str | None = None,
        provider: str | None = None,
        subject: str | None = None,
        identity_name: str | None = None,
    ) -> Challenge:
        """Has the letter sent for an account with a password, or with a provider's identity; part of the caller's transaction.

        An address that has an account gets a letter that says so, at the spelling that its owner gave.
        """
        challenge = replace(
            self.letters.challenge(Purpose.CONFIRM_REGISTRATION, email=applicant.email, email_key=applicant.email_key),
            display_name=applicant.display_name,
            password_hash=password_hash,
            provider=provider,
            subject=subject,
            identity_name=identity_name,
        )
        owner = await store.user_by_email(applicant.email_key)
        if owner is None:
            await self.letters.send(store, challenge, with_link=True)
        else:
            told = self.letters.told_to_owner(challenge, owner)
            await self.letters.send(store, told, with_link=False)
        return challenge

    async def finish(self, store: Store, challenge: Challenge) -> User:
        """Makes the account whose address was confirmed just now; part of the caller's transaction.

        Raises `AlreadyExistsError` when the address got one meanwhile, `PreconditionError` when the link was used
        or the provider's identity got one.
        """
        await self.letters.use_up(store, challenge)
        user = replace(account_of(challenge), created_at=self.clock())
        await self.add(store, user)
        if challenge.provider is not None and challenge.subject is not None:
            identity = Identity(
                id=new_id(),
                user_id=user.id,
                provider=challenge.provider,
                subject=challenge.subject,
                name=challenge.identity_name or "",
                created_at=user.created_at,
            )
            if not await store.add_identity(identity):
                raise PreconditionError(
                    "Another account was linked to this sign-in meanwhile. Sign in with it.", reason="IDENTITY_TAKEN"
                )
        return user

    async def add(self, store: Store, user: User, *, actor: Actor = Actor.OWNER) -> None:
        """Adds an account with a confirmed address and says so in `account.registered`; part of the caller's transaction.

        Raises `AlreadyExistsError` when the address has an account.
        """
        if not await store.add_user(user):
            taken = "There is an account with this e-mail address already. Log in, or ask for a new password."
            raise AlreadyExistsError(taken, reason="EMAIL_TAKEN", violations=(FieldViolation("email", taken),))
        registered = events.AccountRegistered(
            user_id=user.id,
            email=user.email,
            display_name=user.display_name,
            event_time=timestamp(user.created_at),
        )
        store.record(registered, owner_id=user.id)
        await note(store, user, Action.REGISTERED, actor=actor)

    async def create_confirmed(self, *, email: str, password: str, display_name: str, role: Role = Role.USER) -> User:
        """Makes an account without a letter, for the operator, who answers for the address.

        Raises `InvalidInputError` that names each field refused, and `AlreadyExistsError` when the address has an account.
        """
        applicant = self._check(email=email, password=password, display_name=display_name)
        user = User(
            id=new_id(),
            email=applicant.email,
            email_key=applicant.email_key,
            display_name=applicant.display_name,
            password_hash=await self.passwords.hash(normal_password(password)),
            created_at=self.clock(),
            role=role,
        )
        async with self.stores() as store:
            await self.add(store, user, actor=Actor.OPERATOR)
            await store.commit()
        return user

    def _check(self, *, email: str, password: str, display_name: str) -> Applicant:
        problem = password_problem(normal_password(password), email=email.strip(), common=self.common_passwords)
        return check_applicant(email=email, display_name=display_name, password_problem=problem)


def account_of(challenge: Challenge) -> User:
    """Returns the account as it will be once its address is confirmed."""
    return User(
        id=challenge.id,
        email=challenge.email,
        email_key=challenge.email_key,
        display_name=challenge.display_name,
        password_hash=challenge.password_hash,
        created_at=challenge.created_at,
    )
