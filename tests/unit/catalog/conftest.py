from collections.abc import Callable
from pathlib import Path

import pytest

from catalog import Catalogue, load_catalogue

PLATFORM = """
name = "Example"
homepage = "https://example.test"
profile_settings_url = "https://example.test/settings"
auth = ["oauth2"]
takes_instance = false
scopes = ["write"]

[sources.docs]
title = "Example docs"
url = "https://example.test/docs"
checked = 2026-11-01

[slots.avatar]
scopes = ["write"]

[slots.avatar.facts]
mode = { value = "write", source = "docs", confidence = "D" }
observe = { value = "api", source = "docs", confidence = "D" }
read_back = { value = "changed", source = "docs", confidence = "D" }
formats = { value = ["image/jpeg", "image/png"], source = "docs", confidence = "D" }
size = { value = [400, 300], source = "docs", confidence = "D" }
max_bytes = { value = 700_000, source = "docs", confidence = "D", note = "as documented" }
mask = { value = "circle", source = "docs", confidence = "D" }
animation = { value = false, source = "docs", confidence = "D" }
alpha = { value = false, source = "docs", confidence = "D" }
alt_text_max = { value = 150, source = "docs", confidence = "D" }
settle_seconds = { value = 5, source = "docs", confidence = "D" }
perceptual_distance_max = { value = 10, source = "docs", confidence = "U" }

[[slots.avatar.safe_zones]]
name = "middle"
device = "all"
kind = "keep"
x = 0
y = 50
width = 400
height = 200
source = "docs"
confidence = "T"
"""


@pytest.fixture
def example(tmp_path: Path) -> Callable[..., Catalogue]:
    """Loads a catalogue of one platform, `example`, with some text of its file replaced."""

    def load(old: str = "", new: str = "") -> Catalogue:
        assert old in PLATFORM
        (tmp_path / "example.toml").write_text(PLATFORM.replace(old, new, 1) if old else PLATFORM, "utf-8")
        return load_catalogue(tmp_path)

    return load


@pytest.fixture(scope="session")
def packaged() -> Catalogue:
    return load_catalogue()
