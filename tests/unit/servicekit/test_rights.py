"""The table of rights: it is complete, and each of its lines does what its words say."""

import importlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf.descriptor import FileDescriptor

import linkarooie
from servicekit.errors import ForbiddenError, UnauthenticatedError
from servicekit.identity import Caller, Role
from servicekit.rights import ADMIN, ANYONE, FRESH, FRESH_ADMIN, PERSON, ROUTES, RPCS, STAFF, Limit, Right, Scope

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEVER_FRESH = NOW - timedelta(days=30)


GENERATED = Path(linkarooie.__path__[0])


def contracts() -> Iterator[FileDescriptor]:
    """Every generated module of our contracts."""
    for path in GENERATED.rglob("*_pb2.py"):
        name = ".".join(path.relative_to(GENERATED.parent).with_suffix("").parts)
        yield importlib.import_module(name).DESCRIPTOR


METHODS = {
    f"{service.full_name}/{method.name}"
    for file in contracts()
    for service in file.services_by_name.values()
    for method in service.methods
}


def test_every_call_between_services_has_a_line_and_every_line_a_call() -> None:
    assert len(METHODS) > 50
    assert set(RPCS) == METHODS


# Who calls, in words; what a line answers them is worked out below from its words alone, not from its parts.
CALLERS: dict[str, Caller | None] = {
    "nobody": None,
    "a person who has just signed in": Caller("p", "s", "t", signed_in_at=NOW - timedelta(minutes=14)),
    "a person who signed in long ago": Caller("p", "s", "t", signed_in_at=NOW - timedelta(minutes=16)),
    **{
        f"{role} who {when}": Caller("p", "s", "t", role=role, signed_in_at=moment)
        for role in (Role.SUPPORT, Role.ADMIN)
        for when, moment in (("has just signed in", NOW), ("signed in long ago", NEVER_FRESH))
    },
    **{f"a key with {scope}": Caller("p", "k", "t", scopes=frozenset({scope})) for scope in Scope},
    "a key with everything": Caller("p", "k", "t", scopes=frozenset(Scope)),
    "a key with nothing": Caller("p", "k", "t", scopes=frozenset()),
    "an admin's key that claims a sign-in": Caller(
        "p", "k", "t", role=Role.ADMIN, scopes=frozenset(Scope), signed_in_at=NOW
    ),
}


def expected(words: str, who: str) -> str:
    """Says what somebody is answered: "yes", or the reason of the refusal."""
    if words == "anyone":
        return "yes"
    if who == "nobody":
        return "UNAUTHENTICATED"
    if "key" in who:
        if "or a key with " not in words:
            return "NOT_FOR_API_KEYS"
        wanted = words.partition("or a key with ")[2].split(" or ")
        has = "everything" in who or "admin's" in who or any(who == f"a key with {scope}" for scope in wanted)
        return "yes" if has else "SCOPE_MISSING"
    if words.startswith("admin") and "admin" not in who:
        return "ROLE_MISSING"
    if words.startswith("support or admin") and "person" in who:
        return "ROLE_MISSING"
    if "a short while ago" in words and "just" not in who:
        return "SIGN_IN_AGAIN"
    return "yes"


def answer(right: Right, caller: Caller | None) -> str:
    try:
        right.permit(caller, NOW)
    except (UnauthenticatedError, ForbiddenError) as refused:
        return refused.reason
    return "yes"


LINES = {**RPCS, **{name: route.right for name, route in ROUTES.items()}}


@pytest.mark.parametrize("line", sorted(LINES))
def test_each_line_lets_in_whom_its_words_name_and_nobody_else(line: str) -> None:
    right = LINES[line]
    answers = {who: answer(right, caller) for who, caller in CALLERS.items()}

    assert answers == {who: expected(right.words, who) for who in CALLERS}


@pytest.mark.parametrize(
    ("right", "let_in"),
    [
        (ANYONE, set(CALLERS)),
        (PERSON, {who for who in CALLERS if "key" not in who and who != "nobody"}),
        (FRESH, {who for who in CALLERS if "just" in who}),
        (STAFF, {who for who in CALLERS if who.startswith(("support", "admin"))}),
        (ADMIN, {who for who in CALLERS if who.startswith("admin")}),
        (FRESH_ADMIN, {"admin who has just signed in"}),
    ],
    ids=["anyone", "person", "fresh", "staff", "admin", "fresh admin"],
)
def test_the_words_of_the_table_mean_what_they_say(right: Right, let_in: set[str]) -> None:
    assert {who for who, caller in CALLERS.items() if answer(right, caller) == "yes"} == let_in


def test_a_refusal_tells_what_is_missing() -> None:
    with pytest.raises(ForbiddenError) as no_scope:
        RPCS["linkarooie.sync.v1.SyncService/CreateSync"].permit(CALLERS["a key with sync:read"], NOW)
    with pytest.raises(ForbiddenError) as stale:
        FRESH.permit(CALLERS["a person who signed in long ago"], NOW)

    assert no_scope.value.metadata == {"scope": "sync:write"}
    assert "sync:write" in no_scope.value.message
    assert stale.value.metadata == {"fresh_minutes": "15"}


def test_what_could_lock_an_owner_out_or_outlive_a_session_asks_for_a_fresh_sign_in() -> None:
    fresh = {name.rpartition("/")[2] for name, right in RPCS.items() if right.fresh}

    assert fresh == {"RequestEmailChange", "BeginIdentityLink", "DeleteIdentity", "CreateApiKey", "SetRole"}


def test_no_key_reaches_anything_of_signing_in_but_the_name_of_its_owner() -> None:
    reached = {name for name, right in RPCS.items() if right.scopes and ".auth." in name}

    assert reached == {"linkarooie.auth.v1.AuthService/GetCurrentUser"}


def test_every_scope_opens_something() -> None:
    assert {scope for right in RPCS.values() for scope in right.scopes} == set(Scope)


def test_what_changes_something_needs_another_scope_than_what_reads() -> None:
    # Who may begin something may see what became of it.
    reads_of_writing = {"GET /v1/uploads/{upload_id}", "GET /v1/connections/choices/{choice_id}"}
    # What is asked may be too long for an address.
    asks_by_post = {"POST /v1/images/{image_id}/preview"}
    for name, route in ROUTES.items():
        reads = name.startswith(("GET ", "HEAD ")) or name in asks_by_post
        if name in reads_of_writing:
            continue
        for scope in route.right.scopes:
            assert scope.endswith(":read") is reads, name


def test_routes_that_hash_a_password_or_send_a_letter_are_counted_as_such() -> None:
    counted = {limit: {name for name, route in ROUTES.items() if route.limit is limit} for limit in Limit}

    assert {"POST /v1/auth/login", "POST /v1/auth/password/reset", "POST /v1/me/password"} <= counted[Limit.SIGN_IN]
    assert {"POST /v1/auth/register", "POST /v1/auth/password/forgot", "POST /v1/me/email"} <= counted[Limit.LETTER]
    assert not {name for name in counted[Limit.NONE] if "/v1/" in name}
