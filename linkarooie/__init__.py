"""The command `linkarooie`, and beside it the code that is generated from the contracts in `protos/`."""

import os

# gRPC's core writes notes of its own to standard error, past all logging, and hooks into forks: our child processes are
# fresh programs, which need none of it. Set here, since whoever imports a contract imports gRPC next.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

__version__ = "0.1.0"
