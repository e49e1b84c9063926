"""The command: what it says when something is in the way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linkarooie.cli import app
from linkarooie.services import SERVICES, Service
from servicekit.vault import parse_keys

ROOT = Path(__file__).parents[3]


def linkarooie(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LINKAROOIE_")}
    return subprocess.run(
        [str(Path(sys.executable).parent / "linkarooie"), *arguments],
        capture_output=True,
        text=True,
        env={**clean, **environment},
        timeout=60,
    )


def test_an_unknown_service_is_answered_with_those_there_are() -> None:
    result = CliRunner().invoke(app, ["run", "procesor"])

    assert result.exit_code == 2
    assert "procesor" in result.output
    assert "processor" in result.output


def test_missing_settings_are_one_message_that_names_each_variable() -> None:
    result = linkarooie("run", "upload", LINKAROOIE_METRICS_PORT="0")

    assert result.returncode == 1
    assert "LINKAROOIE_UPLOAD_DATABASE_URL (or LINKAROOIE_DATABASE_URL): Field required" in result.stderr
    assert "LINKAROOIE_UPLOAD_NATS_URL (or LINKAROOIE_NATS_URL): Field required" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("value", ["", "http", "0", "65536"])
def test_a_port_that_is_none_is_named_before_anything_starts(tmp_path: Path, value: str) -> None:
    result = linkarooie("dev", "--data", str(tmp_path / "data"), LINKAROOIE_SANDBOX_PORT=value)

    assert result.returncode == 1
    assert f"LINKAROOIE_SANDBOX_PORT has to be a port, 1 to 65535; it is {value!r}" in result.stderr
    assert not (tmp_path / "data").exists()


def test_fresh_secrets_are_printed_as_variables_and_differ_each_time() -> None:
    first, second = (linkarooie("new-keys").stdout for _ in range(2))
    printed = dict(line.split("=", 1) for line in first.splitlines())

    assert set(printed) == {
        "LINKAROOIE_AUTH_VAULT_KEYS",
        "LINKAROOIE_LETTER_KEYS",
        "LINKAROOIE_SYNC_VAULT_KEYS",
        "LINKAROOIE_GATEWAY_MEDIA_KEY",
    }
    for name in set(printed) - {"LINKAROOIE_GATEWAY_MEDIA_KEY"}:
        assert parse_keys(printed[name].strip("'"))
    again = dict(line.split("=", 1) for line in second.splitlines())
    assert not set(printed.values()) & set(again.values())


def test_clearing_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    result = linkarooie("reset", "--data", str(tmp_path))

    assert result.returncode == 1
    assert (tmp_path / "thesis.txt").exists()
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "service", [service for service in SERVICES if service.name != "gateway"], ids=lambda s: s.name
)
def test_every_service_has_the_same_rooms(service: Service) -> None:
    rooms = {"app", "settings", "api", "consumers", "domain", "use_cases", "README"}
    rooms |= {"store", "migrations"} if service.has_database else set()
    hears_of_nothing = {"consumers"} if service.name == "auth" else set()

    there = {path.stem for path in (ROOT / service.package.replace(".", "/")).iterdir()}

    assert rooms - there == hears_of_nothing


@pytest.mark.parametrize("command", ["create-user", "create-admin"])
def test_a_password_is_never_an_argument_and_without_a_terminal_only_asked_for_by_name(command: str) -> None:
    result = linkarooie("admin", command, "--email", "ada@example.org", "--name", "Ada")

    assert result.returncode == 2
    assert "--password-stdin" in result.stderr
    assert "--password " not in CliRunner().invoke(app, ["admin", command, "--help"]).output


def test_the_operators_commands_name_the_settings_that_they_lack() -> None:
    result = linkarooie("admin", "rotate-keys")

    assert result.returncode == 1
    assert "LINKAROOIE_AUTH_VAULT_KEYS (or LINKAROOIE_VAULT_KEYS): Field required" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_database_that_is_away_is_one_message() -> None:
    key = "k:" + "A" * 43 + "="
    result = linkarooie(
        "admin",
        "rotate-keys",
        LINKAROOIE_AUTH_DATABASE_URL="postgresql+psycopg://auth@127.0.0.1:9/linkarooie",
        LINKAROOIE_NATS_URL="nats://nowhere",
        LINKAROOIE_AUTH_VAULT_KEYS=key,
        LINKAROOIE_LETTER_KEYS=key,
    )

    assert result.returncode == 1
    assert result.stderr.startswith("linkarooie: the database of the auth service cannot be used")
    assert "Traceback" not in result.stderr
