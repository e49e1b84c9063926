"""Signing in with a provider: to the browser's consent there, and back to a session, a link, or a question for an address.

An account here is known again by the provider's id and the subject that it names, never by an address. An address makes an
account only when the provider vouches for it, and is never a reason to open one that is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

import structlog

from servicekit.database import OpenStore
from servicekit.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PreconditionError,
    ServiceError,
    UnavailableError,
)
from servicekit.identity import Caller
from servicekit.ids import Clock, new_id
from servicekit.vault import Vault, VaultError
from services.auth.domain.account import User, check_applicant, email_key
from services.auth.domain.identity import (
    FLOW_LIFE,
    NO_BROWSER,
    TICKET_LIFE,
    Flow,
    Identity,
    ProviderAccount,
    browser_hash,
    state_hash,
    ticket_hash,
)
from services.auth.metrics import SIGN_INS_REFUSED
from services.auth.providers import Providers
from services.auth.providers.base import AnswerInvalidError, ConsentDeclinedError, Provider, UnreachableError
from services.auth.store import Store
from services.auth.tokens import new_token
from services.auth.use_cases.identities import Identities
from services.auth.use_cases.registration import Registration, account_of
from services.auth.use_cases.sessions import OpenedSession, Sessions

log = structlog.get_logger()

RETURN_TO_MAX_CHARACTERS = 500
KEPT_FIELD, TICKET_FIELD = "flow", "ticket"


@dataclass(frozen=True)
class BegunFlow:
    """Where to send the browser, and until when it may come back."""

    authorize_url: str
    expires_at: datetime


@dataclass(frozen=True)
class Ticket:
    """Lets somebody go on for whose address nobody vouches. What the provider told is to fill in the form with."""

    token: str = field(repr=False)
    provider_label: str
    email: str
    display_name: str
    expires_at: datetime


Outcome: TypeAlias = OpenedSession | Identity | Ticket


@dataclass(frozen=True)
class SocialSignIn:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    providers: Providers
    identities: Identities
    registration: Registration
    sessions: Sessions
    vault: Vault
    public_url: str
    clock: Clock

    def offered(self) -> Sequence[Provider]:
        """Returns the providers in the order to show them."""
        return list(self.providers.by_id.values())

    async def begin(
        self, provider_id: str, *, browser_secret: str, return_to: str, link_for: Caller | None = None
    ) -> BegunFlow:
        """Begins to sign in or, with `link_for`, to link an identity to that caller's account.

        Raises `NotFoundError`, `InvalidInputError` and `UnavailableError`.
        """
        provider = self._provider(provider_id)
        _check(browser_secret, return_to)
        state = new_token()
        with _answers(provider):
            begun = await provider.begin(redirect_uri=self._redirect_uri(provider), state=state)
        flow_id = new_id()
        flow = Flow(
            id=flow_id,
            state_hash=state_hash(state),
            provider=provider.id,
            browser_hash=browser_hash(browser_secret),
            sealed=self.vault.seal(begun.kept, user="", thing=flow_id, field=KEPT_FIELD),
            return_to=return_to,
            expires_at=self.clock() + FLOW_LIFE,
            user_id=None if link_for is None else link_for.user_id,
            session_id=None if link_for is None else link_for.session_id,
        )
        async with self.stores() as store:
            await store.add_flow(flow)
            await store.commit()
        return BegunFlow(begun.authorize_url, flow.expires_at)

    async def finish(
        self,
        provider_id: str,
        parameters: Mapping[str, str],
        *,
        browser_secret: str,
        device_token: str,
        caller: Caller | None,
    ) -> tuple[Outcome, str]:
        """Ends what `begin` began; returns what it came to, and where the browser wants to be.

        Raises `PreconditionError` with the reason why it led nowhere, and `UnavailableError`.
        """
        async with self.stores() as store:
            # Used up whatever follows: no code is redeemed twice, whoever comes second.
            flow = await store.use_flow(
                state_hash(parameters.get("state", "")),
                provider=provider_id,
                browser_hash=browser_hash(browser_secret),
                caller=caller,
            )
            await store.commit()
        if flow is None:
            raise _not_valid()
        provider = self._provider(provider_id)
        try:
            return await self._finish(flow, provider, parameters, device_token, caller), flow.return_to
        except ServiceError as error:
            SIGN_INS_REFUSED.labels(provider.id, error.reason).inc()
            raise

    async def _finish(
        self, flow: Flow, provider: Provider, parameters: Mapping[str, str], device_token: str, caller: Caller | None
    ) -> Outcome:
        kept = self._open(flow, KEPT_FIELD)
        with _answers(provider):
            account = await provider.finish(parameters, kept=kept, redirect_uri=self._redirect_uri(provider))
        if caller is not None and flow.links:  # without the caller who began it, it was not found
            return await self.identities.link(caller, provider, account)
        return await self._sign_in(provider, account, device_token)

    async def complete(self, ticket: str, *, email: str, display_name: str) -> User:
        """Asks for an account with the identity behind a ticket: like a registration, with the same answer for every address.

        Raises `InvalidInputError` that names each field refused, which leaves the ticket as it was, and `PreconditionError`.
        """
        applicant = check_applicant(email=email, display_name=display_name)
        async with self.stores() as store:
            flow = await store.use_ticket(ticket_hash(ticket))
            if flow is None:
                raise _not_valid()
            told = self._open(flow, TICKET_FIELD)
            challenge = await self.registration.ask(
                store, applicant, provider=flow.provider, subject=told["subject"], identity_name=told["name"]
            )
            await store.commit()
        return account_of(challenge)

    async def _sign_in(self, provider: Provider, account: ProviderAccount, device_token: str) -> OpenedSession | Ticket:
        try:
            return await self._enter(provider, account, device_token)
        except (AlreadyExistsError, ConflictError):
            # Somebody else's transaction was first: the same person in a second tab, or a removal. Now it is seen.
            return await self._enter(provider, account, device_token)

    async def _enter(self, provider: Provider, account: ProviderAccount, device_token: str) -> OpenedSession | Ticket:
        """Signs in whoever is known, makes an account for whom the provider vouches, and asks the others for an address."""
        async with self.stores() as store:
            identity = await store.identity(provider.id, account.subject)
            if identity is not None:
                user = await store.lock_user(identity.user_id)
                if user is None or not await store.use_identity(identity, name=account.name, at=self.clock()):
                    raise ConflictError("This account changed meanwhile. Sign in again.")
            else:
                email = account.trusted_email()
                if email is None:
                    return await self._ask_for_address(store, provider, account)
                user = await self._new_user(store, provider, account, email)
            opened = await self.sessions.open(store, user, method=provider.label, device_token=device_token)
            await store.commit()
        return opened

    async def _new_user(self, store: Store, provider: Provider, account: ProviderAccount, email: str) -> User:
        """Makes an account, without a password. Raises `PreconditionError` when the address has one."""
        key = email_key(email)
        owner = await store.user_by_email(key)
        if owner is not None:
            if await store.identity(provider.id, account.subject) is not None:  # a second tab made both a moment ago
                raise ConflictError("This account changed meanwhile. Sign in again.")
            log.info("social_email_has_account", provider=provider.id, user_id=owner.id)
            raise PreconditionError(
                f"The address that {provider.label} told us has an account here already. Log in to it as before, then link"
                f" {provider.label} in its settings.",
                reason="EMAIL_HAS_ACCOUNT",
            )
        user = User(
            id=new_id(),
            email=email,
            email_key=key,
            display_name=account.usable_display_name(provider.label),
            password_hash=None,
            created_at=self.clock(),
        )
        await self.registration.add(store, user)
        identity = replace(self.identities.new(user.id, provider, account), last_used_at=user.created_at)
        if not await store.add_identity(identity):
            raise ConflictError("This account changed meanwhile. Sign in again.")
        return user

    async def _ask_for_address(self, store: Store, provider: Provider, account: ProviderAccount) -> Ticket:
        token, flow_id = new_token(), new_id()
        told = {"subject": account.subject, "name": account.name}
        flow = Flow(
            id=flow_id,
            state_hash=ticket_hash(token),
            provider=provider.id,
            browser_hash=NO_BROWSER,
            sealed=self.vault.seal(told, user="", thing=flow_id, field=TICKET_FIELD),
            return_to="",
            expires_at=self.clock() + TICKET_LIFE,
        )
        await store.add_flow(flow)
        await store.commit()
        display_name = account.usable_display_name(provider.label)
        return Ticket(token, provider.label, account.email, display_name, flow.expires_at)

    def _provider(self, provider_id: str) -> Provider:
        provider = self.providers.by_id.get(provider_id)
        if provider is None:
            raise NotFoundError("Nobody can sign in with this provider here.", reason="PROVIDER_UNKNOWN")
        return provider

    def _redirect_uri(self, provider: Provider) -> str:
        return f"{self.public_url}/v1/auth/oauth/{provider.id}/callback"

    def _open(self, flow: Flow, kept_field: str) -> Mapping[str, str]:
        try:
            return self.vault.open(flow.sealed, user="", thing=flow.id, field=kept_field)
        except VaultError as error:  # its key was taken away meanwhile
            log.error("flow_not_opened", provider=flow.provider, error=str(error))
            raise _not_valid() from error


@contextmanager
def _answers(provider: Provider) -> Iterator[None]:
    """Tells what a provider's answer means for the person who waits; what it was in detail is in the log."""
    label = provider.label
    try:
        yield
    except ConsentDeclinedError as error:
        raise PreconditionError(
            f"You did not allow {label} to tell us who you are. Nothing was changed; you can start again at any time.",
            reason="CONSENT_DECLINED",
        ) from error
    except UnreachableError as error:
        log.warning("provider_unavailable", provider=provider.id, problem=str(error))
        raise UnavailableError(
            f"{label} does not answer at the moment. Try again in a minute, or sign in another way.",
            reason="PROVIDER_UNAVAILABLE",
            retry_after_seconds=30,
        ) from error
    except AnswerInvalidError as error:
        log.warning("provider_answer_invalid", provider=provider.id, problem=str(error))
        raise UnavailableError(
            f"What {label} answered does not prove who you are. Start again; if it happens again, tell the operator.",
            reason="PROVIDER_ANSWER_INVALID",
        ) from error


def _check(browser_secret: str, return_to: str) -> None:
    if not browser_secret:
        raise InvalidInputError.of_field("browser_secret", "The browser's secret is missing.")
    if len(return_to) > RETURN_TO_MAX_CHARACTERS:
        raise InvalidInputError.of_field(
            "return_to",
            f"The path to return to is too long; at most {RETURN_TO_MAX_CHARACTERS} characters are possible.",
        )


def _not_valid() -> PreconditionError:
    return PreconditionError(
        "This sign-in link was already used, has expired, or was begun in another browser. Start again.",
        reason="FLOW_NOT_VALID",
    )
