"""What can go wrong with the servers of one machine.

DevStackError
├── DataFolderError      the data folder cannot be used: not ours, not writable, damaged
├── StackRunningError    another stack runs on this data folder
├── PortInUseError       a port that was asked for is taken
├── DiskFullError        not enough room, before the start or during it
└── ServerFailedError    a server did not start, or died while starting
"""

from pathlib import Path


class DevStackError(Exception):
    """Tells a person what is wrong, where, and what to do; the base of all errors of this package."""


class DataFolderError(DevStackError):
    """Reports a data folder that cannot be used."""


class StackRunningError(DevStackError):
    """Reports that the data folder is in use; `pid` is the holder's, None when it could not be read."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        self.pid = pid
        holder = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"{folder} is in use: {holder} runs Linkarooie's servers on it. Stop that one first.")


class PortInUseError(DevStackError):
    """Reports that a port which was asked for is taken."""

    def __init__(self, port: int, purpose: str, holder: str, remedy: str) -> None:
        self.port = port
        super().__init__(f"Port {port} on 127.0.0.1, wanted for {purpose}, is in use by {holder}. {remedy}")


class DiskFullError(DevStackError):
    """Reports that the disk under the data folder is full or nearly so."""


class ServerFailedError(DevStackError):
    """Reports that a server did not come up; `log` is its log file."""

    def __init__(self, server: str, what: str, log: Path, last_lines: str) -> None:
        self.server = server
        self.log = log
        detail = f"Its last words:\n{last_lines}" if last_lines else "It wrote nothing."
        super().__init__(f"{server} {what}. Its log is {log}. {detail}")
