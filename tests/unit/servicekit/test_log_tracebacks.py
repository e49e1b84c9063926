"""A traceback in the log shows where something broke, and never what the variables held."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from servicekit.telemetry import set_up_logs


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, configuration = root.handlers, root.level, structlog.get_config()
    yield
    root.handlers, root.level = handlers, level
    structlog.configure(**configuration)


@pytest.mark.parametrize("format", ["json", "console"])
def test_the_values_of_variables_stay_out_of_a_traceback(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(level="info", format=format)

    def sign_in(password: str) -> None:
        raise RuntimeError("the store is away")

    try:
        sign_in("hunter2")
    except RuntimeError:
        structlog.get_logger().exception("request_failed")

    written = capsys.readouterr().err
    assert "the store is away" in written
    assert "test_log_tracebacks.py" in written
    assert "hunter2" not in written.replace('sign_in("hunter2")', "")
