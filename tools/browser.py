"""Finds a Chromium for the browser tests, and installs Debian's where there is none and we may.

usage: .venv/bin/python tools/browser.py   (prints the path)
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = "The browser tests need Chromium. On Debian or Ubuntu: apt install chromium. Or set LINKAROOIE_TEST_BROWSER to its path."


def find() -> str | None:
    """Returns the path of a Chromium on this machine, or None."""
    chosen = os.environ.get("LINKAROOIE_TEST_BROWSER")
    return chosen or next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> None:
    if find() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print("  · Installing Chromium for the browser tests …", file=sys.stderr, flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "-qq", "update"],
            ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
        ):
            subprocess.run(command, env=environment, check=True, stdout=sys.stderr)
    path = find()
    if path is None:
        sys.exit(f"linkarooie: {ADVICE}")
    print(path)


if __name__ == "__main__":
    main()
