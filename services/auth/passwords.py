"""Password hashing: argon2id in a few threads of its own, with a bound on how many wait for one."""

import asyncio
import base64
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from servicekit.errors import UnavailableError
from services.auth.domain.account import is_too_long

COMMON_PASSWORDS_FILE = Path(__file__).with_name("common_passwords.txt")

Result = TypeVar("Result")


@cache
def common_passwords() -> frozenset[str]:
    """Returns passwords that attackers try first, in lower case; only those that the rules on length let through."""
    lines = COMMON_PASSWORDS_FILE.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


@dataclass(frozen=True)
class HashCost:
    """The parameters of argon2id (RFC 9106). Each hash that is being made holds `memory_kib` of memory."""

    memory_kib: int
    time_cost: int
    parallelism: int


class Passwords:
    """Makes and checks hashes. A part of an `App`.

    `threads` hashes are made at once, `max_waiting` wait for their turn, and who comes then is told to come back:
    neither memory nor waiting time grows with a flood.
    """

    def __init__(self, cost: HashCost, *, threads: int, max_waiting: int) -> None:
        self._hasher = PasswordHasher(
            time_cost=cost.time_cost, memory_cost=cost.memory_kib, parallelism=cost.parallelism
        )
        self._nobodys_hash = _hash_of_nothing(self._hasher)
        self._threads = threads
        self._free = threads + max_waiting

    async def start(self) -> None:
        self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="password")

    async def stop(self) -> None:
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """Returns the hash of a normalised password, with its parameters. Raises `UnavailableError` in a flood."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tells whether a normalised password is right. Without a hash, False, after the same work.

        Raises `UnavailableError` in a flood.
        """
        if is_too_long(password):  # no account has it; what it costs to find out shall not depend on its length
            password_hash, password = None, ""
        known = password_hash or self._nobodys_hash

        def check() -> bool:
            try:
                return self._hasher.verify(known, password)
            except VerifyMismatchError:
                return False

        return await self._run(check)

    def is_outdated(self, password_hash: str) -> bool:
        """Tells whether a hash was made with other parameters than those of now."""
        return self._hasher.check_needs_rehash(password_hash)

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._free <= 0:
            raise UnavailableError(
                "Too many people are signing in at the moment. Try again in a few seconds.",
                reason="SIGN_IN_BUSY",
                retry_after_seconds=3,
            )
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._free += 1


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """Makes a hash that no password has, and that costs as much to check as any other."""
    salt, digest = (
        base64.b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"
