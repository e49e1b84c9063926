"""`linkarooie admin` as an operator runs it: a process of its own, with the environment of the auth service."""

import asyncio
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from auth_client import PASSWORD, AuthStub, account, activities, current_user, fresh_email, log_in, refresh
from system.accounts import TEST_KEYS

from linkarooie.auth.v1 import auth_pb2
from servicekit.errors import UnauthenticatedError


@dataclass(frozen=True)
class Outcome:
    code: int
    said: str
    complained: str


async def admin(*arguments: str, stdin: str = "") -> Outcome:
    """Runs a command on the database of the test."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "linkarooie"),
        "admin",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "LINKAROOIE_AUTH_VAULT_KEYS": TEST_KEYS["vault_keys"],
            "LINKAROOIE_LETTER_KEYS": TEST_KEYS["letter_keys"],
            "COLUMNS": "200",
        },
    )
    said, complained = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
    assert process.returncode is not None
    return Outcome(process.returncode, said.decode(), complained.decode())


async def test_the_first_admin_is_made_on_the_server_and_signs_in_without_a_letter(auth: AuthStub) -> None:
    email = fresh_email()

    made = await admin("create-admin", "--email", email, "--name", "Grace", "--password-stdin", stdin=f"{PASSWORD}\n")

    assert (made.code, made.said.strip()) == (0, f"Made the account {email} with the role admin."), made.complained
    tokens = await log_in(auth, email=email)
    user = await current_user(auth, tokens.access_token)
    assert (user.display_name, user.role) == ("Grace", auth_pb2.ROLE_ADMIN)
    registered = (await activities(auth, tokens.access_token))[-1]
    assert (registered.action, registered.actor) == (auth_pb2.ACTIVITY_ACTION_REGISTERED, auth_pb2.ACTOR_OPERATOR)


async def test_what_is_wrong_with_an_account_is_one_message(auth: AuthStub) -> None:
    taken = (await account()).email

    again = await admin("create-user", "--email", taken, "--name", "Ada", "--password-stdin", stdin=PASSWORD)
    weak = await admin("create-user", "--email", fresh_email(), "--name", " ", "--password-stdin", stdin="password123")

    assert again.code == weak.code == 1
    assert "There is an account with this e-mail address already" in again.complained
    assert "on the lists that attackers try first" in weak.complained
    assert "Say how you want to be called" in weak.complained
    assert "Traceback" not in again.complained + weak.complained
    assert "password123" not in weak.complained


async def test_the_operator_gives_a_role_and_the_sessions_of_the_account_end(auth: AuthStub) -> None:
    person = await account()
    tokens = await log_in(auth, email=person.email)

    changed = await admin("set-role", "support", "--email", person.email.upper())

    assert (changed.code, changed.said.strip()) == (0, f"{person.email} has the role support now."), changed.complained
    with pytest.raises(UnauthenticatedError):
        await refresh(auth, tokens.refresh_token)
    again = await log_in(auth, email=person.email)
    lines = await activities(auth, again.access_token)
    line = next(line for line in lines if line.action == auth_pb2.ACTIVITY_ACTION_ROLE_CHANGED)
    assert (line.actor, line.detail, line.address) == (auth_pb2.ACTOR_OPERATOR, "support", "")


async def test_a_role_for_nobody_and_a_role_that_is_none_are_refused(auth: AuthStub) -> None:
    nobody = await admin("set-role", "support", "--email", "nobody@example.org")
    emperor = await admin("set-role", "emperor", "--email", (await account()).email)

    assert (nobody.code, emperor.code) == (1, 2)
    assert "There is no account with the address nobody@example.org" in nobody.complained
    assert "emperor" in emperor.complained


async def test_the_command_makes_the_next_key_and_says_from_when_it_signs(auth: AuthStub) -> None:
    tokens = await log_in(auth, email=(await account()).email)

    rotated = await admin("rotate-keys")

    assert rotated.code == 0, rotated.complained
    assert re.fullmatch(r"The key [\w-]{43} signs from \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\.", rotated.said.strip())
    assert (await current_user(auth, tokens.access_token)).id
