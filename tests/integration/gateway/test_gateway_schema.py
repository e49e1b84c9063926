"""What the OpenAPI document says of accounts holds, whatever is sent: nothing falls over, and no answer comes that it does not tell of."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from gateway_people import Person
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.openapi import document
from servicekit.identity import Role

PARTS = ("/v1/auth/", "/v1/me", "/v1/admin/", "/.well-known/jwks.json")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# All of it takes about twenty seconds. More of them look for longer: this is no search, it keeps what has been found.
EXAMPLES = 6

API = schemathesis.openapi.from_dict(json.loads(document()))
OPERATIONS = {
    operation.ok().label: operation.ok()
    for operation in API.get_all_operations()
    if operation.ok().path.startswith(PARTS)
}


def cases_of(operation: Any, mode: GenerationMode) -> list[Any]:
    """Returns what the operation takes, or what it must refuse: the same each time.

    They are made before any is sent, since Hypothesis minds what the servers of this process do with chance meanwhile.
    """
    cases: list[Any] = []

    @seed(20261122)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        cases.append(case)

    collect()
    return cases


@pytest.mark.parametrize("label", sorted(OPERATIONS))
async def test_what_the_document_says_of_accounts_holds(gateway: str, sign_up: Callable[..., Any], label: str) -> None:
    operation = OPERATIONS[label]
    somebody: Person = await sign_up(Role.ADMIN if operation.path.startswith("/v1/admin/") else Role.USER)
    cases = cases_of(operation, GenerationMode.POSITIVE)
    if operation.body or operation.query:  # any text is a part of a path
        cases += cases_of(operation, GenerationMode.NEGATIVE)

    for case in cases:
        for headers in (somebody.headers, {}):
            # A redirect leads to a page of the web client or of a provider: it is the answer.
            answer = await asyncio.to_thread(case.call, base_url=gateway, headers=headers, allow_redirects=False)
            case.validate_response(answer, checks=CHECKS)
