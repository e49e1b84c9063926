import base64

import pytest
from pydantic import SecretStr

from servicekit.vault import Vault, VaultError, VaultKey, parse_keys

FIRST = VaultKey("k1", bytes(range(32)))
SECOND = VaultKey("k2", bytes(range(32, 64)))


def vault_of(*keys: VaultKey) -> Vault:
    return Vault(SecretStr(setting_of(*keys)), setting="SOME_KEYS")


def setting_of(*keys: VaultKey) -> str:
    return ", ".join(f"{key.id}:{base64.b64encode(key.key).decode()}" for key in keys)


VALUES = {"token": "hush", "secret": "hush-hush"}
BOUND = {"user": "u", "thing": "c", "field": "credentials"}


def test_what_was_sealed_can_be_opened() -> None:
    vault = vault_of(FIRST)
    assert vault.open(vault.seal(VALUES, **BOUND), **BOUND) == VALUES


def test_nothing_of_it_can_be_read_without_the_key() -> None:
    sealed = vault_of(FIRST).seal(VALUES, **BOUND)
    assert b"hush" not in sealed
    assert sealed != vault_of(FIRST).seal(VALUES, **BOUND)


@pytest.mark.parametrize("changed", [{"user": "v"}, {"thing": "d"}, {"field": "registration"}])
def test_it_opens_only_where_it_belongs(changed: dict[str, str]) -> None:
    vault = vault_of(FIRST)
    sealed = vault.seal(VALUES, **BOUND)
    with pytest.raises(VaultError, match="altered, or belongs"):
        vault.open(sealed, **{**BOUND, **changed})


def test_a_changed_byte_is_noticed() -> None:
    vault = vault_of(FIRST)
    sealed = vault.seal(VALUES, **BOUND)
    with pytest.raises(VaultError):
        vault.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), **BOUND)


def test_an_older_key_still_opens_and_the_newest_seals() -> None:
    old = vault_of(FIRST).seal(VALUES, **BOUND)
    changed = vault_of(SECOND, FIRST)
    assert changed.open(old, **BOUND) == VALUES
    assert vault_of(SECOND).open(changed.seal(VALUES, **BOUND), **BOUND) == VALUES


@pytest.mark.parametrize("sealed", [b"", b"\x02k1", b"\x02xx" + bytes(40)])
def test_what_cannot_be_opened_says_so(sealed: bytes) -> None:
    with pytest.raises(VaultError):
        vault_of(FIRST).open(sealed, **BOUND)


def test_a_missing_key_is_named() -> None:
    sealed = vault_of(FIRST).seal(VALUES, **BOUND)
    with pytest.raises(VaultError, match=r"'k1'.*SOME_KEYS"):
        vault_of(SECOND).open(sealed, **BOUND)


def test_keys_are_read_with_commas_or_spaces() -> None:
    assert parse_keys(setting_of(FIRST, SECOND)) == (FIRST, SECOND)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no key"),
        ("k1", "entry 1"),
        ("k1:c2hvcnQ=", "entry 1"),
        (f"k1:{base64.b64encode(FIRST.key).decode()} k2:***", "entry 2"),
        (f"k1:{base64.b64encode(FIRST.key).decode()} k1:{base64.b64encode(SECOND.key).decode()}", "same id"),
    ],
)
def test_wrong_keys_are_named_by_their_place_and_never_shown(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_keys(text)
    assert "c2hvcnQ=" not in str(caught.value)


def test_keys_are_not_in_what_is_printed() -> None:
    assert "0102" not in repr(FIRST)
    assert repr(FIRST.key) not in repr(FIRST)
