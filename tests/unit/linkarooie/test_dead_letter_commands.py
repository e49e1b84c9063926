"""`linkarooie admin dead-letters`: what it says when it cannot do what it was asked."""

import pytest
from typer.testing import CliRunner

from linkarooie.cli import app


def run(*arguments: str, **environment: str) -> tuple[int, str, BaseException | None]:
    result = CliRunner().invoke(app, ["admin", "dead-letters", *arguments], env=environment)
    return result.exit_code, " ".join(result.output.replace("│", "").split()), result.exception


@pytest.mark.parametrize("arguments", [["replay"], ["replay", "7", "--all"], ["replay", "--all", "--consumer", "sync"]])
def test_a_replay_says_which_letters_it_wants_and_takes_one_answer(arguments: list[str]) -> None:
    code, said, _ = run(*arguments)

    assert code == 2
    assert "say which: an ID, --consumer NAME, or --all" in said


@pytest.mark.parametrize("id", ["0", "-1", "abc"])
def test_an_id_that_is_none_is_refused(id: str) -> None:
    assert run("show", "--", id)[0] == 2


def test_an_option_of_the_list_in_front_of_another_command_is_refused() -> None:
    code, said, _ = run("--consumer", "sync", "replay", "--all")

    assert code == 2
    assert "write options after `replay`, not before" in said


def test_a_bus_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("servicekit.bus.CONNECT_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr("servicekit.telemetry.set_up_logs", lambda **_: None)

    _, _, problem = run(LINKAROOIE_NATS_URL="nats://127.0.0.1:1")

    assert isinstance(problem, ConnectionError)
    assert "the message bus (LINKAROOIE_NATS_URL) did not answer" in str(problem)
