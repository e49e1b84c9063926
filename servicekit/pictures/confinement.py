"""Takes from this process what reading a picture never needs, so that a decoder that is taken over can do little with it.

Two things that an ordinary user may ask of the kernel, and that cannot be taken back: resource limits, and a filter of
system calls (seccomp) without network, without other programs, without a look into other processes. The filter answers
EPERM instead of killing, so that a library that only tries something goes on without it.
"""

import ctypes
import errno
import os
import resource
import sys
import time
from dataclasses import astuple, dataclass
from typing import Self

# From linux/prctl.h, linux/seccomp.h, linux/filter.h and linux/audit.h.
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD_WORD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET = 0, 4
# Calls in the x32 ABI have numbers of their own, from here on.
_X32_BIT = 0x40000000

# The architecture's name for the filter, and the numbers of the calls that are refused.
_REFUSED_CALLS = {
    "x86_64": (
        0xC000003E,
        {"socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "accept4": 288}
        | {"execve": 59, "execveat": 322, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311}
        | {"pidfd_getfd": 438, "io_uring_setup": 425, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323}
        | {"unshare": 272, "setns": 308, "mount": 165, "keyctl": 250},
    ),
    "aarch64": (
        0xC00000B7,
        {"socket": 198, "connect": 203, "accept": 202, "bind": 200, "listen": 201, "accept4": 242}
        | {"execve": 221, "execveat": 281, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271}
        | {"pidfd_getfd": 438, "io_uring_setup": 425, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282}
        | {"unshare": 97, "setns": 268, "mount": 40, "keyctl": 219},
    ),
}


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What one worker may take. Beyond it the job fails, and with it at most its own worker."""

    # Address space, that of the libraries included; kept on Linux only.
    memory_bytes: int = 1536 * 2**20
    # Processor time of one job, over all threads. Less than the wall time that a job gets on an idle machine, so that
    # a picture made to cost time is told apart from a machine that is short of it.
    cpu_seconds: int = 30
    # Of each file that is written.
    file_bytes: int = 64 * 2**20
    open_files: int = 64

    def __post_init__(self) -> None:
        if min(astuple(self)) < 1:
            raise ValueError(f"limits of a worker are positive: {self}")

    def arguments(self) -> list[str]:
        """Writes the limits for a command line."""
        return [str(value) for value in astuple(self)]

    @classmethod
    def from_arguments(cls, arguments: list[str]) -> Self:
        """Reads what `arguments` wrote."""
        return cls(*map(int, arguments))


def confine(limits: WorkerLimits) -> bool:
    """Sets the limits of this process for the rest of its life, but for the processor time: see `allow_cpu`.

    Returns whether the kernel took the filter of system calls, too.
    """
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, limits.memory_bytes)
    _limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    _limit(resource.RLIMIT_NOFILE, limits.open_files)
    _limit(resource.RLIMIT_CORE, 0)
    return _filter_calls()


def allow_cpu(seconds: int) -> None:
    """Lets this process use `seconds` more of processor time, and up to one more; then SIGXCPU ends it.

    The kernel counts, so nothing that a library does in its loops puts it off.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    end = int(time.process_time()) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (end if hard == resource.RLIM_INFINITY else min(end, hard), hard))


def _limit(kind: int, value: int) -> None:
    """Sets a limit that cannot be raised again; a lower one that is there already stays."""
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jump_true", ctypes.c_uint8),
        ("jump_false", ctypes.c_uint8),
        ("operand", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def _filter_calls() -> bool:
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in _REFUSED_CALLS:
        return False
    architecture, calls = _REFUSED_CALLS[machine]
    numbers = sorted(calls.values())
    # Each test jumps over the ones after it and over "allow", to "refuse".
    tests = [
        _Instruction(_JUMP_IF_EQUAL, len(numbers) - index, 0, number) for index, number in enumerate(numbers)
    ]  # fmt: skip
    instructions = [
        _Instruction(_LOAD_WORD, 0, 0, _ARCHITECTURE_OFFSET),
        _Instruction(_JUMP_IF_EQUAL, 1, 0, architecture),
        _Instruction(_RETURN, 0, 0, _KILL),
        _Instruction(_LOAD_WORD, 0, 0, _NUMBER_OFFSET),
        _Instruction(_JUMP_IF_AT_LEAST, len(numbers) + 1, 0, _X32_BIT),
        *tests,
        _Instruction(_RETURN, 0, 0, _ALLOW),
        _Instruction(_RETURN, 0, 0, _REFUSE),
    ]
    array = (_Instruction * len(instructions))(*instructions)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
    program = _Program(len(instructions), array)
    # Without "no new privileges" only root may set a filter.
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0) == 0)
