"""What the Graph API's refusals mean, by its codes."""

import json
from datetime import timedelta
from typing import Any

import pytest
from target_making import NOW

from servicekit.outbound import Answer
from services.sync.domain import outcomes as o
from services.sync.platforms.graph import RATE_LIMIT_WAIT, problem_of

LINK = "https://www.facebook.com"


def refused(
    code: int, subcode: int | None = None, *, status: int = 400, headers: dict[str, str] | None = None, **more: Any
) -> Answer:
    error = {"message": "It said no", "type": "OAuthException", "code": code, "error_subcode": subcode, **more}
    return Answer(status, headers or {}, json.dumps({"error": error}).encode())


def problem(answer: Answer, *, writes: bool = False) -> o.Problem:
    return problem_of(answer, writes=writes, now=NOW, link=LINK, rule="At most 4 MB.")


@pytest.mark.parametrize(
    ("code", "subcode", "read", "write"),
    [
        (1, None, o.Transient, o.OutcomeUnknown),
        (2, None, o.Transient, o.OutcomeUnknown),
        (2, 1363047, o.Transient, o.OutcomeUnknown),
        (100, 1609010, o.Transient, o.OutcomeUnknown),
        (4, None, o.RateLimited, o.RateLimited),
        (17, None, o.RateLimited, o.RateLimited),
        (32, None, o.RateLimited, o.RateLimited),
        (341, None, o.RateLimited, o.RateLimited),
        (613, None, o.RateLimited, o.RateLimited),
        (80001, None, o.RateLimited, o.RateLimited),
        (368, 1390008, o.RateLimited, o.RateLimited),
        (10, None, o.MissingScope, o.MissingScope),
        (200, None, o.MissingScope, o.MissingScope),
        (299, None, o.MissingScope, o.MissingScope),
        (102, None, o.AuthRevoked, o.AuthRevoked),
        *((190, subcode, o.AuthRevoked, o.AuthRevoked) for subcode in (None, 458, 460, 463, 467, 492)),
        *((190, subcode, o.AccountCheckpoint, o.AccountCheckpoint) for subcode in (459, 464, 490, 1404078)),
        (200, 1404112, o.AccountCheckpoint, o.AccountCheckpoint),
        (200, 4854002, o.AccountCheckpoint, o.AccountCheckpoint),
        (368, None, o.AccountCheckpoint, o.AccountCheckpoint),
        (100, 1346003, o.PolicyRejected, o.PolicyRejected),
        (506, None, o.Conflict, o.Conflict),
        (100, None, o.Transient, o.InvalidImage),
        (100, 1366046, o.Transient, o.InvalidImage),
        (324, 2069019, o.Transient, o.InvalidImage),
        (999_999, None, o.Transient, o.OutcomeUnknown),
    ],
)
def test_a_code_says_what_follows_for_a_look_and_for_a_send(
    code: int, subcode: int | None, read: type[o.Problem], write: type[o.Problem]
) -> None:
    assert type(problem(refused(code, subcode))) is read
    assert type(problem(refused(code, subcode), writes=True)) is write


@pytest.mark.parametrize("code", [4, 341])
def test_what_the_app_has_used_up_holds_everybody_and_the_rest_one_page(code: int) -> None:
    of_app, of_page = problem(refused(code)), problem(refused(80001))
    assert isinstance(of_app, o.RateLimited)
    assert isinstance(of_page, o.RateLimited)
    assert (of_app.scope, of_page.scope) == ("app", "account")
    assert of_app.until == of_page.until == NOW + RATE_LIMIT_WAIT


@pytest.mark.parametrize(
    ("name", "usage", "wait"),
    [
        ("x-business-use-case-usage", {"1010": [{"type": "pages", "estimated_time_to_regain_access": 7}]}, 7),
        ("x-app-usage", {"call_count": 100, "total_time": 25, "total_cputime": 25}, 5),
        ("x-page-usage", {"call_count": 12, "total_time": 100, "total_cputime": 25}, 5),
    ],
)
def test_each_usage_header_says_how_long_to_wait(name: str, usage: dict[str, Any], wait: int) -> None:
    limited = problem(refused(80001, status=403, headers={name: json.dumps(usage)}))
    assert isinstance(limited, o.RateLimited)
    assert limited.until == NOW + timedelta(minutes=wait)


def test_a_picture_is_refused_in_facebooks_words_or_else_by_the_rule() -> None:
    worded = problem(refused(100, 1366046, error_user_msg="Photos should be smaller than 4 MB."), writes=True)
    plain = problem(refused(100), writes=True)
    assert isinstance(worded, o.InvalidImage)
    assert isinstance(plain, o.InvalidImage)
    assert worded.message == "It says: Photos should be smaller than 4 MB."
    assert plain.message == "At most 4 MB."


@pytest.mark.parametrize("status", [200, 403, 500])
@pytest.mark.parametrize("body", [b"", b"Service unavailable", b"[]", b'{"error": "no"}', b'{"data": {}}'])
def test_what_is_no_refusal_of_the_api_tells_nothing_of_what_was_done(status: int, body: bytes) -> None:
    assert isinstance(problem(Answer(status, {}, body)), o.Transient)
    assert isinstance(problem(Answer(status, {}, body), writes=True), o.OutcomeUnknown)


def test_a_wrong_proof_is_the_operators_and_nobodys_picture() -> None:
    wrong = refused(100, message="Invalid appsecret_proof provided in the API argument")
    assert isinstance(problem(wrong, writes=True), o.Transient)
