"""Becomes a server that ends when its parent does; run as a script, never imported.

    launch.py PARENT SIGNAL UID GID KEEP_ACCESS COMMAND...

PARENT is the process number of the stack; SIGNAL is what the kernel shall send when that process dies (Linux only).
UID and GID say as whom to run, -1 to stay who we are. With KEEP_ACCESS = 1 the new user keeps root's right to reach
files, for checkouts in a folder such as /root that nobody else may enter.

A program of its own, because doing this between fork and exec of a process with threads can deadlock.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def main() -> None:
    """Drops root where asked, ties itself to its parent, and turns into the command."""
    parent, signal, uid, gid, keep_access = (int(argument) for argument in sys.argv[1:6])
    command = sys.argv[6:]
    os.umask(0o077)
    if uid != -1:
        _become(uid, gid, keep_access=keep_access == 1)
    if sys.platform == "linux":
        # After the change of user, which clears it.
        _prctl(PR_SET_PDEATHSIG, signal)
        if os.getppid() != parent:
            sys.exit("The process that started this is gone already.")
    os.execv(command[0], command)  # noqa: S606 - the command comes from this package, and there is no shell


def _become(uid: int, gid: int, *, keep_access: bool) -> None:
    if keep_access:
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if keep_access:
        # An ambient capability is the only kind that an ordinary program keeps through exec.
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        mask = 1 << CAP_DAC_OVERRIDE
        effective_permitted_inheritable = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
        _check(ctypes.CDLL(None, use_errno=True).capset(header, effective_permitted_inheritable))
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE)


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    _check(ctypes.CDLL(None, use_errno=True).prctl(option, *padded))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"Cannot start {sys.argv[6]}: {error}")
