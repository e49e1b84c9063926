"""Makes the environment in `.venv`: packages by hash, then Linkarooie itself. Needs Python ≥ 3.11 and nothing else.

usage: python3 tools/setup.py run|test
"""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
LOCKS = {"run": "requirements.lock", "test": "requirements-test.lock"}
# What decides whether an environment is still right.
INPUTS = ("pyproject.toml", "hatch_build.py", "protos/generate.py")
# A certified OpenID provider, which the tests of signing in talk to.
OPENID_PROVIDER = ROOT / "tests" / "integration" / "auth" / "openid_provider"


def main(purpose: str) -> None:
    if sys.version_info < (3, 11):
        stop(
            f"Linkarooie needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try `make PYTHON=python3.12 …`."
        )
    prepare(purpose)
    if purpose == "test":
        command = [ENVIRONMENT / "bin" / "python", ROOT / "tools" / "node.py", OPENID_PROVIDER]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            stop("The tests' OpenID provider could not be installed; the message is above.")


def prepare(purpose: str) -> None:
    """Makes the environment for a purpose, unless it is there and right."""
    lock = ROOT / LOCKS[purpose]
    wanted = fingerprint(lock)
    stamp = ENVIRONMENT / f".{purpose}-ready"
    # An environment for the tests holds all that running needs.
    stamps = [stamp, ENVIRONMENT / ".test-ready"]
    if any(known.exists() and known.read_text() == fingerprint(ROOT / LOCKS[name])
           for known, name in zip(stamps, (purpose, "test"), strict=True)):  # fmt: skip
        return
    began = time.monotonic()
    python = ENVIRONMENT / "bin" / "python"
    if not works(python):
        say("Creating the environment in .venv")
        create_environment()
    say(f"Installing packages ({lock.name}); the first time takes a minute or two")
    pip(python, "--require-hashes", "--requirement", str(lock))
    say("Generating code from the contracts")
    pip(python, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    stamp.write_text(wanted)
    say(f"The environment is ready after {time.monotonic() - began:.0f} s")


def fingerprint(lock: Path) -> str:
    contracts = sorted((ROOT / "protos" / "linkarooie").rglob("*.proto"))
    files = [lock, *(ROOT / name for name in INPUTS), *contracts]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def works(python: Path) -> bool:
    """Tells whether the environment is there and its Python is still on the machine."""
    return python.exists() and subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


def create_environment() -> None:
    answer = subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], capture_output=True, text=True)
    if answer.returncode:
        hint = "On Debian or Ubuntu: apt install python3-venv" if Path("/etc/debian_version").exists() else ""
        stop(f"Python could not create an environment in {ENVIRONMENT}.\n{answer.stdout}{answer.stderr}\n{hint}")


def pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, env={**os.environ, "PIP_NO_INPUT": "1"}).returncode:
        stop(
            "Installing failed; pip's message is above. Check the network and free disk space, then run the same command again."
        )


def say(text: str) -> None:
    print(f"  · {text} …" if not text.startswith("The") else f"  · {text}", flush=True)


def stop(message: str) -> None:
    sys.exit(f"linkarooie: {message}")


if __name__ == "__main__":
    main(sys.argv[1])
