"""Letters: asked of the notify service by an event, a few an hour for each address."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from linkarooie.events.v1 import events_pb2 as events
from servicekit.errors import PreconditionError
from servicekit.identity import current_client
from servicekit.ids import Clock, new_id
from servicekit.protobuf import timestamp
from servicekit.vault import Vault
from services.auth.domain.account import User
from services.auth.domain.challenge import LETTERS_AN_HOUR, LETTERS_COUNTED_FOR, LINK_LIFETIMES, Challenge, Purpose
from services.auth.domain.devices import device_name
from services.auth.metrics import LETTERS
from services.auth.store import Store
from services.auth.tokens import hash_of, new_token

WITH_LINK: Mapping[Purpose, events.AccountLetterKind.ValueType] = {
    Purpose.CONFIRM_REGISTRATION: events.ACCOUNT_LETTER_KIND_CONFIRM_REGISTRATION,
    Purpose.CONFIRM_EMAIL_CHANGE: events.ACCOUNT_LETTER_KIND_CONFIRM_EMAIL_CHANGE,
    Purpose.RESET_PASSWORD: events.ACCOUNT_LETTER_KIND_RESET_PASSWORD,
}
WITHOUT_LINK: Mapping[Purpose, events.AccountLetterKind.ValueType] = {
    Purpose.CONFIRM_REGISTRATION: events.ACCOUNT_LETTER_KIND_ALREADY_REGISTERED,
    Purpose.CONFIRM_EMAIL_CHANGE: events.ACCOUNT_LETTER_KIND_ALREADY_REGISTERED,
    Purpose.RESET_PASSWORD: events.ACCOUNT_LETTER_KIND_NO_ACCOUNT,
}


@dataclass(frozen=True)
class Letters:
    """Dependencies of the use cases."""

    vault: Vault
    clock: Clock

    def challenge(self, purpose: Purpose, *, email: str, email_key: str) -> Challenge:
        """Begins a challenge, which `send` turns into a letter."""
        now = self.clock()
        return Challenge(new_id(), purpose, email, email_key, now, now + LINK_LIFETIMES[purpose])

    @staticmethod
    def told_to_owner(challenge: Challenge, owner: User) -> Challenge:
        """Returns the challenge as it goes to the owner of an account whose address somebody gave, spelt as the owner did.

        Nothing of what somebody else typed goes along.
        """
        return replace(
            challenge,
            email=owner.email,
            display_name=owner.display_name,
            password_hash=None,
            provider=None,
            subject=None,
            identity_name=None,
        )

    async def send(self, store: Store, challenge: Challenge, *, with_link: bool) -> None:
        """Has a letter sent, with a link or with why there is none; part of the caller's transaction.

        Nothing is sent to an address that had its letters of this hour: its owner has them. Each purpose has a count of its own,
        so that nobody keeps a letter from somebody by asking for others. The work is the same with and without a link.
        """
        await store.lock_letters(challenge.email_key)
        since = self.clock() - LETTERS_COUNTED_FOR
        if await store.count_letters(challenge.email_key, challenge.purpose, since=since) >= LETTERS_AN_HOUR:
            LETTERS.labels(challenge.purpose.value, "withheld").inc()
            return
        LETTERS.labels(challenge.purpose.value, "sent").inc()
        token = new_token()
        binding = {"user": challenge.id, "thing": "letter", "field": "token"}
        sealed = self.vault.seal({"token": token}, **binding)
        hashed = hash_of(token)
        await store.add_challenge(replace(challenge, token_hash=hashed if with_link else None))
        client = current_client()
        letter = events.AccountLetterRequested(
            letter_id=challenge.id,
            kind=(WITH_LINK if with_link else WITHOUT_LINK)[challenge.purpose],
            email=challenge.email,
            display_name=challenge.display_name,
            sealed_token=sealed if with_link else b"",
            expire_time=timestamp(challenge.expires_at),
            device=device_name(client.agent),
            address=client.address,
            event_time=timestamp(challenge.created_at),
        )
        store.record(letter, owner_id=challenge.user_id or challenge.id)

    async def open(self, store: Store, token: str, *purposes: Purpose) -> Challenge:
        """Returns what a link is for. Raises `PreconditionError` for one that is unknown, used, over, or for something else."""
        challenge = await store.challenge(hash_of(token))
        if challenge is None or challenge.purpose not in purposes or not challenge.is_open(self.clock()):
            raise _link_not_valid()
        return challenge

    async def use_up(self, store: Store, challenge: Challenge) -> None:
        """Makes a link void, with the caller's transaction. Raises `PreconditionError` when somebody used it meanwhile.

        Of two things that are locked, the account comes first.
        """
        if not await store.use_challenge(challenge, at=self.clock()):
            raise _link_not_valid()


def _link_not_valid() -> PreconditionError:
    return PreconditionError(
        "This link was used already, or its time is over. Ask for a new letter.", reason="LINK_NOT_VALID"
    )
