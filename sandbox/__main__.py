"""Runs the sandbox alone: `python -m sandbox --port 8090`."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from sandbox.app import Sandbox
from sandbox.errors import SandboxError


async def _serve(sandbox: Sandbox) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with sandbox:
        for name, url in sandbox.urls.items():
            print(f"{name:10} {url}", flush=True)
        await stopped.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Stand-ins for the platforms, on 127.0.0.1.")
    parser.add_argument(
        "--port", type=int, default=8090, help="port of the index page; the platforms follow (0: free ones)"
    )
    parser.add_argument(
        "--data", type=Path, default=Path("data/sandbox"), help="folder of the state (default: %(default)s)"
    )
    arguments = parser.parse_args()
    try:
        asyncio.run(_serve(Sandbox(arguments.data, port=arguments.port)))
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
