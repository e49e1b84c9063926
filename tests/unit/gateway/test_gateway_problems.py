"""Whatever goes wrong, the answer is a problem document, and it tells only what is meant for its reader."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from fastapi import FastAPI

from servicekit import errors
from servicekit.errors import FieldViolation, ServiceError

CASES = [
    (errors.InvalidInputError, 400, "The request is not right"),
    (errors.UnauthenticatedError, 401, "Not signed in"),
    (errors.ForbiddenError, 403, "Not allowed"),
    (errors.NotFoundError, 404, "Not found"),
    (errors.AlreadyExistsError, 409, "There already"),
    (errors.ConflictError, 409, "Changed meanwhile"),
    (errors.PreconditionError, 409, "Not possible at the moment"),
    (errors.TooManyRequestsError, 429, "Too many requests"),
    (errors.UnavailableError, 503, "Not available at the moment"),
]


@pytest.fixture
def ask(make_api: Callable[..., FastAPI], open_client: Any) -> Callable[..., Any]:
    """Asks an API whose only route of interest raises what is given."""

    async def asked(error: Exception) -> Any:
        api = make_api()

        async def fail() -> None:
            raise error

        api.add_api_route("/v1/fails", fail)
        return await open_client(api).get("/v1/fails")

    return asked


def test_every_error_that_a_service_can_raise_has_a_row_in_this_table() -> None:
    assert {case[0] for case in CASES} == set(errors.ERRORS_BY_STATUS.values())


@pytest.mark.parametrize(("error_class", "status", "title"), CASES)
async def test_an_error_of_a_service_keeps_its_reason_and_its_words(
    ask: Callable[..., Any], error_class: type[ServiceError], status: int, title: str
) -> None:
    answer = await ask(
        error_class(
            "It is not so.",
            reason="NOT_SO",
            metadata={"limit": "7"},
            violations=(FieldViolation("name", "Too long."),),
            retry_after_seconds=2.1,
        )
    )

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "3"
    assert answer.json() == {
        "type": "/problems/not-so",
        "title": title,
        "status": status,
        "detail": "It is not so.",
        "reason": "NOT_SO",
        "errors": [{"field": "name", "detail": "Too long."}],
        "retry_after": 3,
        "metadata": {"limit": "7"},
        "reference": answer.headers["x-request-id"],
    }


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("the password is hunter2"),
        grpc.aio.AioRpcError(
            grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(), details="the password is hunter2"
        ),
    ],
)
async def test_an_error_that_nobody_meant_tells_only_where_to_look(ask: Callable[..., Any], error: Exception) -> None:
    answer = await ask(error)

    assert answer.status_code == 500
    assert answer.json()["reason"] == "INTERNAL"
    assert answer.json()["reference"] == answer.headers["x-request-id"]
    assert "hunter2" not in answer.text


async def test_a_service_that_is_away_is_a_503_that_says_when_to_come_back(ask: Callable[..., Any]) -> None:
    answer = await ask(
        grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details="refused")
    )

    assert (answer.status_code, answer.json()["reason"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"


async def test_an_unknown_address_and_a_wrong_method_are_problems_too(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    client = open_client(make_api())

    missing = await client.post("/v1/nothing")
    wrong = await client.put("/v1/me")

    assert (missing.status_code, missing.json()["reason"]) == (404, "NOT_FOUND")
    assert (wrong.status_code, wrong.json()["reason"]) == (405, "METHOD_NOT_ALLOWED")
    assert wrong.headers["allow"] == "GET"
    assert {answer.headers["content-type"] for answer in (missing, wrong)} == {"application/problem+json"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ('{"email": "a@b.example"}', {"password": "This is needed."}),
        (
            '{"email": "a@b.example", "password": "hunter2 hunter2", "remember": true}',
            {"remember": "There is no such field; remove it or correct its name."},
        ),
        ('{"email": 7, "password": "hunter2 hunter2"}', {"email": "Input should be a valid string."}),
        ("{", {"body": "The body is not valid JSON."}),
        ("[]", {"body": "Send a JSON object, with the header Content-Type: application/json."}),
    ],
)
async def test_a_body_that_is_not_right_is_refused_by_field_and_never_repeated(
    make_api: Callable[..., FastAPI], open_client: Any, body: str, fields: dict[str, str]
) -> None:
    answer = await open_client(make_api()).post(
        "/v1/auth/login", content=body, headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["reason"]) == (400, "INVALID_INPUT")
    assert {error["field"]: error["detail"] for error in answer.json()["errors"]} == fields
    assert "hunter2" not in answer.text


async def test_a_body_that_is_read_whole_has_a_limit(make_api: Callable[..., FastAPI], open_client: Any) -> None:
    answer = await open_client(make_api()).post(
        "/v1/auth/login", json={"email": "a@b.example", "password": "x" * 70_000}
    )

    assert (answer.status_code, answer.json()["reason"]) == (413, "TOO_MANY_BYTES")
    assert answer.json()["detail"] == "The body is larger than 64 KiB."


async def test_a_form_cannot_pass_for_json(make_api: Callable[..., FastAPI], open_client: Any) -> None:
    answer = await open_client(make_api()).post(
        "/v1/auth/login",
        content='{"email": "a@b.example", "password": "long enough it is"}',
        headers={"content-type": "text/plain"},
    )

    assert answer.status_code == 400


async def test_without_a_token_the_way_in_is_named(make_api: Callable[..., FastAPI], open_client: Any) -> None:
    client = open_client(make_api())

    nobody = await client.get("/v1/me")
    ended = await client.get("/v1/me", headers={"authorization": "Bearer bad"})

    assert (nobody.status_code, nobody.json()["reason"]) == (401, "UNAUTHENTICATED")
    assert nobody.headers["www-authenticate"] == "Bearer"
    assert (ended.status_code, ended.json()["reason"]) == (401, "TOKEN_EXPIRED")
    assert ended.headers["www-authenticate"] == "Bearer"
