"""What holds for all tests."""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine takes its time: tests assert what is done, not how long it took.
settings.register_profile(
    "unhurried",
    settings.default,
    deadline=None,
    suppress_health_check=[*settings.default.suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("unhurried")

# A shell that starts us in the background has SIGINT ignored, and so would every program that we start and then press Ctrl-C in.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent
ORDER = ("chaos", "integration", "e2e", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts what starts whole installations for a file first, what starts one for good late, and the quickest last.

    Where several workers take file after file, none is then left alone with a slow one at the end.
    """
    items.sort(key=lambda item: ORDER.index(item.path.relative_to(TESTS).parts[0]))
