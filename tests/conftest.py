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
# So many quick files follow a slow one.
QUICK_AFTER_SLOW = 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files that run the whole product, the slowest, between others, and the unit tests last.

    Where several workers take file after file, no two then start the whole product at once, and none is left alone at the end.
    """
    slow, quick, last = [], [], []
    for path in dict.fromkeys(item.path for item in items):
        kind = path.relative_to(TESTS).parts[0]
        (slow if kind in ("chaos", "e2e") else last if kind == "unit" else quick).append(path)
    order: list[Path] = []
    for path in slow:
        order += [path, *quick[:QUICK_AFTER_SLOW]]
        del quick[:QUICK_AFTER_SLOW]
    rank = {path: position for position, path in enumerate([*order, *quick, *last])}
    items.sort(key=lambda item: rank[item.path])
