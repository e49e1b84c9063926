"""Generates Python code and type stubs for the contracts in `protos/` into the `linkarooie` package.

Run by the build hook at install, and by `make protos` after a contract changed. The output is not committed.
"""

import os
import shutil
import sys
import sysconfig
from importlib.resources import files
from pathlib import Path


def generate(root: Path) -> None:
    """Rewrites `linkarooie/<package>/v1/` from `protos/linkarooie/<package>/v1/*.proto`.

    Raises `SystemExit` with protoc's own messages on standard error when a contract does not compile.
    """
    from grpc_tools import protoc

    # protoc looks for its mypy plugins on PATH; an environment that is called but not activated is not there.
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    sources = sorted((root / "protos" / "linkarooie").rglob("*.proto"))
    for package in {source.parents[1].name for source in sources}:
        shutil.rmtree(root / "linkarooie" / package, ignore_errors=True)
    status = protoc.main(
        [
            "protoc",
            f"--proto_path={root / 'protos'}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            f"--python_out={root}",
            f"--grpc_python_out={root}",
            f"--mypy_out=quiet:{root}",
            f"--mypy_grpc_out=quiet:{root}",
            *(str(source) for source in sources),
        ]
    )
    if status != 0:
        raise SystemExit(f"protoc failed with status {status}; see its messages above")


if __name__ == "__main__":
    generate(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
