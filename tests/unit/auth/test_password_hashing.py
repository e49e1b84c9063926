import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event
from types import SimpleNamespace

import pytest
from argon2 import PasswordHasher

from servicekit.errors import UnavailableError
from services.auth.passwords import HashCost, Passwords

# Cheap: what is tested is who is let in, not how long it takes to guess.
COST = HashCost(memory_kib=64, time_cost=1, parallelism=1)


@asynccontextmanager
async def running(cost: HashCost = COST, *, threads: int = 2, max_waiting: int = 8) -> AsyncIterator[Passwords]:
    passwords = Passwords(cost, threads=threads, max_waiting=max_waiting)
    await passwords.start()
    try:
        yield passwords
    finally:
        await passwords.stop()


async def test_only_the_password_that_was_hashed_is_right() -> None:
    async with running() as passwords:
        made = await passwords.hash("four unrelated words")
        assert made.startswith("$argon2id$v=19$m=64,t=1,p=1$")
        assert await passwords.verify(made, "four unrelated words")
        assert not await passwords.verify(made, "four unrelated word")


async def test_the_same_password_never_has_the_same_hash_twice() -> None:
    async with running() as passwords:
        assert await passwords.hash("four unrelated words") != await passwords.hash("four unrelated words")


@pytest.mark.parametrize("password", ["four unrelated words", ""])
async def test_no_password_is_right_for_nobody(password: str) -> None:
    async with running() as passwords:
        assert not await passwords.verify(None, password)


async def test_checking_for_nobody_costs_what_checking_for_somebody_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    verify = PasswordHasher.verify

    def note(hasher: PasswordHasher, known: str, password: str) -> bool:
        checked.append(known)
        return verify(hasher, known, password)

    monkeypatch.setattr(PasswordHasher, "verify", note)
    async with running() as passwords:
        await passwords.verify(await passwords.hash("four unrelated words"), "wrong")
        await passwords.verify(None, "wrong")
        somebody, nobody = (known.rsplit("$", 2) for known in checked)
        assert somebody[0] == nobody[0] == "$argon2id$v=19$m=64,t=1,p=1"
        assert [len(part) for part in somebody] == [len(part) for part in nobody]


async def test_a_password_longer_than_any_account_has_is_wrong_without_reading_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []
    verify = PasswordHasher.verify

    def note(hasher: PasswordHasher, known: str, password: str) -> bool:
        read.append(len(password))
        return verify(hasher, known, password)

    monkeypatch.setattr(PasswordHasher, "verify", note)
    async with running() as passwords:
        assert not await passwords.verify(await passwords.hash("x"), "x" * 1_000_000)
        assert read == [0]


async def test_a_hash_made_with_other_parameters_is_outdated() -> None:
    async with running() as before, running(HashCost(128, 1, 1)) as now:
        made = await before.hash("four unrelated words")
        assert now.is_outdated(made)
        assert not before.is_outdated(made)
        assert await now.verify(made, "four unrelated words")


async def test_a_flood_is_told_to_come_back_and_holds_up_nobody_later(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = Event()
    counted = SimpleNamespace(at_once=0, most=0)

    def slow(hasher: PasswordHasher, password: str) -> str:
        counted.at_once += 1
        counted.most = max(counted.most, counted.at_once)
        go_on.wait(10)
        counted.at_once -= 1
        return "hash"

    monkeypatch.setattr(PasswordHasher, "hash", slow)
    async with running(threads=2, max_waiting=3) as passwords:
        hashes = [asyncio.create_task(passwords.hash("x")) for _ in range(9)]
        done, waiting = await asyncio.wait(hashes, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 4:
            more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        for refused in done:
            error = refused.exception()
            assert isinstance(error, UnavailableError)
            assert error.reason == "SIGN_IN_BUSY"
            assert error.retry_after_seconds == 3
        assert len(waiting) == 5
        go_on.set()
        assert await asyncio.gather(*waiting) == ["hash"] * 5
        assert counted.most <= 2
        assert await passwords.hash("x") == "hash"
