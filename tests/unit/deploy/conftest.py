import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy" / "helm" / "linkarooie"

Manifest = dict[str, Any]  # Kubernetes objects, as YAML gives them


class Release:
    """The objects that the chart makes of some values."""

    def __init__(self, manifests: list[Manifest]) -> None:
        self.manifests = manifests

    def of(self, kind: str) -> Iterator[Manifest]:
        return (manifest for manifest in self.manifests if manifest["kind"] == kind)

    def one(self, kind: str, name: str) -> Manifest:
        (found,) = (manifest for manifest in self.of(kind) if manifest["metadata"]["name"] == f"lk-linkarooie-{name}")
        return found

    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """Every pod template with the name of its owner."""
        for kind in ("Deployment", "Job"):
            for manifest in self.of(kind):
                yield manifest["metadata"]["name"], manifest["spec"]["template"]


class ChartRefusedError(Exception):
    """Helm does not accept the values."""


def run_helm(*arguments: str) -> str:
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "helm.py"), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise ChartRefusedError(done.stdout + done.stderr)
    return done.stdout


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Release]:
    """Renders the chart as release `lk` in namespace `apps`, with some values over the defaults."""

    def render(values: Mapping[str, object] | None = None, *arguments: str) -> Release:
        file = tmp_path_factory.mktemp("values") / "values.json"
        file.write_text(json.dumps(values or {}))
        text = run_helm("template", "lk", str(CHART), "-n", "apps", "-f", str(file), *arguments)
        return Release([manifest for manifest in yaml.safe_load_all(text) if manifest])

    return render


@pytest.fixture(scope="session")
def release(render: Callable[..., Release]) -> Release:
    return render()


@pytest.fixture(scope="session")
def helm() -> Callable[..., str]:
    return run_helm


@pytest.fixture(scope="session")
def chart_folder() -> Path:
    return CHART


@pytest.fixture(scope="session")
def root_folder() -> Path:
    return ROOT
