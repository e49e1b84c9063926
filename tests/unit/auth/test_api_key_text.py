"""How API keys are written, and what may be asked of one."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from servicekit.errors import InvalidInputError, UnauthenticatedError
from servicekit.rights import Scope
from servicekit.vault import Vault
from services.auth.domain.api_key import ALPHABET, check_key_request, hash_of_key, is_well_formed, new_api_key
from services.auth.keys import AccessTokens, SigningKeys
from services.auth.store import Store
from services.auth.use_cases.api_keys import ApiKeys

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_new_key_is_well_formed_and_like_no_other() -> None:
    keys = {new_api_key() for _ in range(100)}

    assert len(keys) == 100
    for key in keys:
        assert is_well_formed(key)
        assert key.startswith("lnk_")
        assert len(key) == 40
        assert set(key[4:]) <= set(string.ascii_letters + string.digits)


def test_the_checksum_is_the_one_that_scanners_are_told_of() -> None:
    # CRC-32 of `lnk_` and thirty zeros is 1050657938; in base 62 with the digits 0-9, A-Z, a-z that is 196S7m.
    assert is_well_formed("lnk_" + "0" * 30 + "196S7m")


@given(st.integers(0, 39), st.characters())
def test_the_checksum_finds_every_single_character_that_was_changed(place: int, character: str) -> None:
    key = new_api_key()
    changed = key[:place] + character + key[place + 1 :]

    assert is_well_formed(changed) is (changed == key)


@given(st.text(max_size=60) | st.text(ALPHABET, max_size=60).map("lnk_".__add__))
def test_what_is_no_key_is_refused_and_breaks_nothing(text: str) -> None:
    assert not is_well_formed(text)


def test_what_is_stored_does_not_tell_the_key() -> None:
    key = new_api_key()

    assert len(hash_of_key(key)) == 32
    assert hash_of_key(key) != hash_of_key(new_api_key())


def test_a_request_is_tidied() -> None:
    asked = check_key_request(
        name="  Backup ",
        scopes=["sync:write", "images:read", "sync:write"],
        expires_at=NOW + timedelta(seconds=1),
        now=NOW,
    )

    assert (asked.name, asked.scopes) == ("Backup", ("images:read", "sync:write"))
    assert check_key_request(name="x", scopes=list(Scope), expires_at=None, now=NOW).scopes == tuple(Scope)


@pytest.mark.parametrize(
    ("name", "scopes", "ends_in", "fields"),
    [
        (" ", ["images:read"], 1, ["name"]),
        ("x" * 101, ["images:read"], 1, ["name"]),
        ("two\nlines", ["images:read"], 1, ["name"]),
        ("Backup", [], 1, ["scopes"]),
        ("Backup", ["images:read", "images:burn"], 1, ["scopes"]),
        ("Backup", ["images:read"], 0, ["expire_time"]),
        ("", ["*"], -1, ["name", "scopes", "expire_time"]),
    ],
)
def test_a_request_names_every_field_that_is_refused(
    name: str, scopes: list[str], ends_in: int, fields: list[str]
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_key_request(name=name, scopes=scopes, expires_at=NOW + timedelta(seconds=ends_in), now=NOW)

    assert [violation.field for violation in refused.value.violations] == fields


async def test_what_is_no_key_is_refused_before_anybody_asks_the_database() -> None:
    def never() -> Store:
        raise AssertionError("nobody asks")

    keys = SigningKeys(Vault(SecretStr("k:" + "A" * 43 + "="), setting="THE_SETTING"), clock=lambda: NOW)
    api_keys = ApiKeys(never, AccessTokens(keys, "issuer", timedelta(minutes=10)), lambda: NOW)
    mistyped = new_api_key()[:-1] + "!"

    with pytest.raises(UnauthenticatedError) as refused:
        await api_keys.exchange(mistyped)

    assert refused.value.reason == "KEY_MALFORMED"
    assert mistyped not in refused.value.message
