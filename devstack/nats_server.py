"""The embedded NATS server with JetStream on files."""

import json
import signal

import nats
from nats.errors import Error as NatsError

from devstack.folder import DataFolder, write_private
from devstack.process import ServerProcess, ServerSpec, find_program
from servicekit.ports import LOOPBACK

USER = "linkarooie"

# A laptop's share; by default the server would claim three quarters of the disk.
MAX_FILE_STORE_BYTES = 4 * 1024**3
MAX_MEMORY_STORE_BYTES = 256 * 1024**2


class NatsServer:
    """The server of one stack."""

    def __init__(self, folder: DataFolder) -> None:
        self.port = folder.port("nats")
        self._folder = folder
        self._password = folder.secret("nats")
        self._process = ServerProcess(ServerSpec("NATS", folder.logs / "nats.log", folder.path, signal.SIGTERM))

    @property
    def url(self) -> str:
        """Returns the URL with user and password."""
        return f"nats://{USER}:{self._password}@{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Starts the server and waits until JetStream answers; fine when it runs."""
        if self._process.running:
            return
        # The paths are relative to the working directory, so no path needs quoting. The file is JSON, which the server
        # reads as its own format.
        config = {
            "listen": f"{LOOPBACK}:{self.port}",
            "server_name": "linkarooie-dev",
            "jetstream": {
                "store_dir": "nats",
                "max_file_store": MAX_FILE_STORE_BYTES,
                "max_memory_store": MAX_MEMORY_STORE_BYTES,
            },
            "authorization": {"user": USER, "password": self._password},
        }
        write_private(self._folder.path / "nats.conf", json.dumps(config, indent=2))
        await self._process.start([find_program("nats-server"), "-c", "nats.conf"], self._answers)

    async def stop(self, *, kill: bool = False) -> None:
        """Stops the server; with `kill` as a crash would."""
        await self._process.stop(kill=kill)

    async def _answers(self) -> bool:
        try:
            # With `allow_reconnect=False` the client would leave the connection open when the server refuses it.
            client = await nats.connect(
                self.url, connect_timeout=2, max_reconnect_attempts=1, reconnect_time_wait=0.02, error_cb=_ignore
            )
        except (NatsError, OSError):
            return False
        try:
            await client.jetstream().account_info()
        except NatsError:
            return False
        finally:
            await client.close()
        return True


async def _ignore(_: Exception) -> None:
    """Keeps the client from logging failures to connect, which are expected while the server starts."""
