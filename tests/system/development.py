"""What a newcomer runs: `linkarooie dev`, as a process of its own."""

import signal
from dataclasses import dataclass
from pathlib import Path

import httpx2

from devstack.leftovers import find_leftovers
from devstack.process import find_program
from linkarooie.processes import free_port
from sandbox.platforms import find_builders
from servicekit.rights import Limit
from system.mail import CaughtMail
from system.processes import OwnProcess, without_our_settings
from system.waiting import eventually

# Everybody here has the same address.
_LIMITS = {f"LINKAROOIE_GATEWAY_LIMIT_{limit.name}": "100000/minute" for limit in Limit if limit is not Limit.NONE}


@dataclass(frozen=True)
class Ports:
    """The ports that a person may choose. The sandbox's platforms and sign-in providers take those after its own."""

    gateway: int
    sandbox: int
    mail: int

    @classmethod
    def free(cls) -> "Ports":
        """Returns ports that nobody uses at the moment."""
        return cls(gateway=free_port(), sandbox=free_port(count=1 + len(find_builders())), mail=free_port())

    def environment(self) -> dict[str, str]:
        return {
            "LINKAROOIE_PORT": str(self.gateway),
            "LINKAROOIE_SANDBOX_PORT": str(self.sandbox),
            "LINKAROOIE_MAIL_PORT": str(self.mail),
        }


class Development:
    """`linkarooie dev` on a data folder."""

    def __init__(self, folder: Path, ports: Ports | None = None) -> None:
        self.data = folder / "data"
        self.ports = ports or Ports.free()
        self._folder = folder
        self._process = self._command("dev", "--data", str(self.data))

    def _command(self, *arguments: str) -> OwnProcess:
        return OwnProcess(
            [find_program("linkarooie"), *arguments],
            environment={**without_our_settings(), **self.ports.environment(), **_LIMITS, "COLUMNS": "200"},
            cwd=self._folder,
            log=self._folder / f"{arguments[0]}.log",
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports.gateway}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.sandbox}"

    @property
    def mail(self) -> CaughtMail:
        return CaughtMail(f"http://127.0.0.1:{self.ports.mail}")

    @property
    def said(self) -> str:
        """Returns what it has written on the screen since it was last started."""
        return self._process.log.read_text()

    async def start(self) -> None:
        """Starts it and waits until it says that it is ready, and is."""
        await self.begin_to_start("Ctrl-C stops everything")
        assert self.url in self.said
        async with httpx2.AsyncClient(base_url=self.url) as http:
            assert (await http.get("/readyz")).status_code == 200

    async def begin_to_start(self, step: str) -> None:
        """Starts it and waits until it says that it has come to a step."""
        self._process.log.unlink(missing_ok=True)
        await self._process.start()

        def says_so() -> bool:
            assert self._process.runs, self.said
            return step in self.said

        await eventually(says_so, within_seconds=90, every_seconds=0.02, what=step)

    async def fails(self, *arguments: str) -> str:
        """Runs a `linkarooie` command that ends with exit code 1, and returns what it says."""
        process = self._command(*arguments)
        process.log.unlink(missing_ok=True)
        await process.start()
        try:
            assert await process.wait(within_seconds=60) == 1, process.log.read_text()
        finally:
            await process.end(signal.SIGKILL)
        return process.log.read_text()

    async def reset(self) -> None:
        """Runs `linkarooie reset`."""
        process = self._command("reset", "--data", str(self.data))
        await process.start()
        assert await process.wait() == 0, process.log.read_text()

    async def press_ctrl_c(self) -> int | None:
        """Interrupts it as a terminal does, with all that is in the foreground; nothing is left behind."""
        code = await self._process.end(signal.SIGINT, group=True)
        assert find_leftovers(self.data) == []
        return code

    async def crash(self) -> None:
        """Kills it."""
        await self._process.end(signal.SIGKILL)
