"""Builds the web client into `gateway/static/`, if its sources or the HTTP API have changed since.

Runs in the project's environment.

usage: .venv/bin/python tools/build_web.py [npm script …]
"""

import hashlib
import subprocess
import sys
from pathlib import Path

from node import install, run_npm

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "gateway" / "static"
STAMP = BUILT / ".built-from"


def main(scripts: list[str]) -> None:
    document = subprocess.run(
        [sys.executable, "-m", "gateway.openapi"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    wanted = sources_fingerprint(document)
    if not scripts and STAMP.exists() and STAMP.read_text() == wanted:
        return
    (WEB / "openapi.json").write_text(document)
    install(WEB)
    # One after the other from here: a script that called npm itself would find the wheel's npm, which does not start by name.
    if not scripts:
        print("  · Building the web client …", flush=True)
    for script in ("types", *(scripts or ("build",))):
        run_npm(WEB, "run", "--silent", script)
    if not scripts:
        STAMP.write_text(wanted)


def sources_fingerprint(document: str) -> str:
    skipped = {"node_modules", "openapi.json", "schema.d.ts"}
    digest = hashlib.sha256(document.encode())
    for path in sorted(WEB.rglob("*")):
        if path.is_file() and not skipped & set(path.relative_to(WEB).parts):
            digest.update(str(path.relative_to(WEB)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
