"""The document that clients are generated from holds the names that they build on."""

import json
import subprocess
import sys

import pytest

from gateway.openapi import document

NAMES = {
    "/v1/auth/register": {"post"},
    "/v1/auth/login": {"post"},
    "/v1/auth/refresh": {"post"},
    "/v1/auth/logout": {"post"},
    "/v1/me": {"get"},
    "/v1/images": {"get", "post"},
    "/v1/images/{image_id}": {"get", "patch", "delete"},
    "/v1/images/{image_id}/variants": {"get"},
    "/v1/platforms": {"get"},
    "/v1/connections": {"get", "post"},
    "/v1/connections/{connection_id}": {"get", "delete"},
    "/v1/connections/{connection_id}/check": {"post"},
    "/v1/connections/callback/{platform}": {"get"},
    "/v1/connections/client-metadata/{platform}": {"get"},
    "/v1/syncs": {"get", "post"},
    "/v1/syncs/{sync_id}": {"get"},
    "/v1/syncs/{sync_id}/cancel": {"post"},
    "/v1/targets/{target_id}/retry": {"post"},
    "/v1/targets/{target_id}/confirm": {"post"},
    "/v1/targets/{target_id}/history": {"get"},
    "/v1/notices": {"get"},
    "/v1/notices/read": {"post"},
    "/v1/events/stream": {"get"},
    "/v1/profile": {"get", "patch"},
    "/v1/profiles/{handle}": {"get"},
    "/v1/analytics/overview": {"get"},
    "/v1/analytics/timeseries": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
}


@pytest.fixture(scope="module")
def openapi() -> dict[str, object]:
    made: dict[str, object] = json.loads(document())
    return made


def test_the_addresses_are_exactly_these(openapi: dict[str, dict[str, dict[str, object]]]) -> None:
    assert {path: set(operations) for path, operations in openapi["paths"].items()} == NAMES


def test_every_operation_can_answer_with_a_problem_document(openapi: dict[str, dict[str, dict[str, dict]]]) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

    for operations in openapi["paths"].values():
        for operation in operations.values():
            assert operation["responses"]["default"]["content"] == problem
            assert "422" not in operation["responses"]


def test_every_list_has_items_and_a_next_page(openapi: dict[str, dict[str, dict[str, dict]]]) -> None:
    lists = {name: schema for name, schema in openapi["components"]["schemas"].items() if name.endswith("List")}

    assert len(lists) == 7
    for schema in lists.values():
        assert {"items", "next_page_token"} <= set(schema["properties"])


def test_the_data_of_the_live_stream_is_described(openapi: dict[str, dict[str, dict[str, dict]]]) -> None:
    assert {"LiveUpdate", "LiveEnd"} <= set(openapi["components"]["schemas"])


def test_it_is_printed_without_any_environment() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "gateway.openapi"], env={}, capture_output=True, text=True, check=True
    ).stdout

    assert printed == document()
