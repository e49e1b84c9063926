"""The document that clients are generated from holds the names that they build on."""

import json
import subprocess
import sys
from typing import Any

import pytest

from gateway.openapi import document
from servicekit.rights import ROUTES, Limit

DOCUMENTED = {
    line for line, route in ROUTES.items() if line.startswith(("GET /v1", "GET /.well-known")) or "GET" not in line
} - {"HEAD /media/{key:path}", "HEAD /avatar/{name}"} | {"GET /healthz", "GET /readyz", "GET /avatar/{name}"}


@pytest.fixture(scope="module")
def openapi() -> dict[str, object]:
    made: dict[str, object] = json.loads(document())
    return made


def operations_of(openapi: Any) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
    }


def test_it_tells_of_every_route_but_the_pages_and_pictures(openapi: dict[str, Any]) -> None:
    assert set(operations_of(openapi)) == DOCUMENTED


def test_every_operation_says_with_which_problems_it_answers(openapi: dict[str, Any]) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

    for name, operation in operations_of(openapi).items():
        statuses = set(operation["responses"])
        assert {s: operation["responses"][s].get("content") for s in statuses if s.startswith("4")} == {
            s: problem for s in statuses if s.startswith("4")
        }
        assert not statuses & {"422", "default"}
        assert ("429" in statuses) is (ROUTES[name].limit is not Limit.NONE)
        assert ROUTES[name].right.anyone or {"401", "403"} <= statuses


def test_every_operation_says_who_may_call_it(openapi: dict[str, Any]) -> None:
    schemes = openapi["components"]["securitySchemes"]

    for name, operation in operations_of(openapi).items():
        right = ROUTES[name].right
        assert [*{scheme for line in operation["security"] for scheme in line}] == [] if right.anyone else schemes
        assert right.anyone or operation["description"].endswith(f"For whom: {right.words}.")
        for scope in right.scopes:
            assert scope in operation["description"]


def test_every_list_has_items_and_a_next_page(openapi: dict[str, dict[str, dict[str, dict]]]) -> None:
    lists = {name: schema for name, schema in openapi["components"]["schemas"].items() if name.endswith("List")}

    assert len(lists) == 14
    for schema in lists.values():
        assert {"items", "next_page_token"} <= set(schema["properties"])


def test_the_data_of_the_live_stream_is_described(openapi: dict[str, dict[str, dict[str, dict]]]) -> None:
    assert {"LiveUpdate", "LiveEnd"} <= set(openapi["components"]["schemas"])


def test_it_is_printed_without_any_environment() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "gateway.openapi"], env={}, capture_output=True, text=True, check=True
    ).stdout

    assert printed == document()
