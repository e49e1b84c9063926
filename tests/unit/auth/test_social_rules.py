"""Whom a provider vouches for, what an account is called that is made by it, and which way in is the last."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.names import display_name_problem
from services.auth.domain.identity import (
    Identity,
    ProviderAccount,
    browser_hash,
    is_last_way_in,
    state_hash,
    ticket_hash,
)
from services.auth.providers.openid import google_vouches, never, says_verified

START = datetime(2026, 3, 1, tzinfo=UTC)
PROVIDERS = ("google", "github", "sso")

identities = st.builds(
    Identity,
    id=st.uuids().map(str),
    user_id=st.just("somebody"),
    provider=st.sampled_from([*PROVIDERS, "gone"]),
    subject=st.text(min_size=1),
    name=st.text(),
    created_at=st.just(START),
)


@pytest.mark.parametrize(
    ("claims", "believed"),
    [
        ({"email": "ada@gmail.com", "email_verified": True}, True),
        ({"email": "Ada@GMail.com", "email_verified": True}, True),
        ({"email": "ada@company.example", "email_verified": True, "hd": "company.example"}, True),
        ({"email": "ada@company.example", "email_verified": True}, False),
        ({"email": "ada@company.example", "email_verified": True, "hd": ""}, False),
        ({"email": "ada@gmail.com.evil.example", "email_verified": True}, False),
        ({"email": "ada@notgmail.com", "email_verified": True}, False),
        ({"email": "ada@gmail.com", "email_verified": False}, False),
        ({"email": "ada@gmail.com", "email_verified": "true"}, False),
        ({"email": "ada@gmail.com"}, False),
        ({"email_verified": True}, False),
        ({}, False),
    ],
)
def test_google_vouches_for_addresses_that_it_runs(claims: dict[str, object], believed: bool) -> None:
    assert google_vouches(claims) is believed


def test_another_provider_is_believed_as_far_as_the_operator_says() -> None:
    verified = {"email": "ada@example.org", "email_verified": True}
    assert says_verified(verified)
    assert not says_verified(verified | {"email_verified": "yes"})
    assert not says_verified({"email": "ada@example.org"})
    assert not never(verified)


@pytest.mark.parametrize("email", ["", "nobody", "ada@example.org\nBcc: eve@example.org", "a" * 250 + "@example.org"])
def test_an_address_that_no_letter_reaches_is_not_trusted(email: str) -> None:
    assert ProviderAccount("1", email=email, vouches_for_email=True).trusted_email() is None


def test_an_address_is_trusted_only_if_it_is_vouched_for() -> None:
    account = ProviderAccount("1", email="ada@example.org", vouches_for_email=True)
    assert account.trusted_email() == "ada@example.org"
    assert replace(account, vouches_for_email=False).trusted_email() is None


@given(st.text(), st.one_of(st.emails(), st.text()))
def test_what_an_account_is_called_is_always_a_name_that_our_rules_allow(display_name: str, email: str) -> None:
    account = ProviderAccount("1", display_name=display_name, email=email)
    assert display_name_problem(account.usable_display_name("Google")) is None


@pytest.mark.parametrize(
    ("account", "name"),
    [
        (ProviderAccount("1", display_name=" Ada Rivers "), "Ada Rivers"),
        (ProviderAccount("1", display_name="Ada\nRivers"), "AdaRivers"),
        (ProviderAccount("1", display_name="x" * 200), "x" * 100),
        (ProviderAccount("1", email="ada@example.org"), "ada"),
        (ProviderAccount("1", display_name="\t", email="ada@example.org"), "ada"),
        (ProviderAccount("1"), "Google user"),
    ],
)
def test_an_account_is_called_what_the_provider_says(account: ProviderAccount, name: str) -> None:
    assert account.usable_display_name("Google") == name


@given(st.lists(identities, min_size=1, max_size=5, unique_by=lambda one: one.id), st.booleans(), st.data())
def test_removing_what_is_not_the_last_way_in_leaves_one(
    theirs: list[Identity], has_password: bool, data: st.DataObject
) -> None:
    going = data.draw(st.sampled_from(theirs))
    left = [one for one in theirs if one is not going and one.provider in PROVIDERS]
    is_last = is_last_way_in(going, identities=theirs, has_password=has_password, providers=PROVIDERS)
    assert is_last == (not has_password and not left)


def test_a_state_a_ticket_and_a_browsers_secret_are_never_taken_for_each_other() -> None:
    assert len({state_hash("x"), ticket_hash("x"), browser_hash("x")}) == 3
