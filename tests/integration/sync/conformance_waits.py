"""Fixtures of the conformance tests: still shorter waits than the other tests of sync have, for somebody waits in nearly every one."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from sync_world import quick_catalogue

from services.sync.settings import SyncSettings


@pytest.fixture(scope="module", autouse=True)
def short_waits(short_waits: None) -> Iterator[None]:
    """Waits still less than the other tests of sync do: here somebody waits in nearly every one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.sync.app.load_catalogue", partial(quick_catalogue, settle_seconds=0.3))
        patch.setattr("services.sync.domain.target.LEAST_PATIENCE_SECONDS", 1.2)
        patch.setattr("services.sync.domain.retry.FIRST_DELAY_SECONDS", 0.3)
        patch.setattr("services.sync.domain.retry.UNKNOWN_SETTLE_SECONDS", 0.5)
        yield


@pytest.fixture(scope="module")
def sync_settings(sync_settings: Callable[..., SyncSettings]) -> Callable[..., SyncSettings]:
    return partial(sync_settings, sweep_seconds=0.1)
