"""The servers that Linkarooie needs, run on one machine for development and tests.

Real servers as child processes, on loopback, in one data folder:

    async with DevStack(Path("data")) as stack:
        print(stack.endpoints.mail_url)
"""

from devstack.errors import (
    DataFolderError,
    DevStackError,
    DiskFullError,
    PortInUseError,
    ServerFailedError,
    StackRunningError,
)
from devstack.folder import reset
from devstack.stack import SERVICES, DevStack, Endpoints

__all__ = [
    "SERVICES",
    "DataFolderError",
    "DevStack",
    "DevStackError",
    "DiskFullError",
    "Endpoints",
    "PortInUseError",
    "ServerFailedError",
    "StackRunningError",
    "reset",
]
