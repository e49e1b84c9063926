"""The development installation's secrets: made once, kept, and completed when a version needs more of them."""

import json
from pathlib import Path

from linkarooie.development import _secrets
from linkarooie.secrets import new_secrets


def test_secrets_are_made_once_and_read_by_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"

    first = _secrets(path)

    assert set(first) == set(new_secrets())
    assert _secrets(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


def test_an_older_installation_gets_what_it_lacks_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(
        json.dumps({"LINKAROOIE_SYNC_VAULT_KEYS": "k1:old", "LINKAROOIE_AUTH_SIGNING_KEYS": "of no use now"})
    )

    found = _secrets(path)

    assert found["LINKAROOIE_SYNC_VAULT_KEYS"] == "k1:old"
    assert set(found) == set(new_secrets())
    assert json.loads(path.read_text()) == found
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_crash_left_of_writing_them_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "keys.new").write_text("{half")

    assert set(_secrets(tmp_path / "keys.json")) == set(new_secrets())
