"""A trace that comes in goes on, named by the route, without what must not be known."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_what_is_called_from_a_request_belongs_to_its_trace(
    make_api: Callable[..., FastAPI], open_client: Any
) -> None:
    provider, spans = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    api = make_api(tracer_provider=provider)
    seen: list[str] = []

    async def look(thing: str) -> None:
        seen.append(format(trace.get_current_span().get_span_context().trace_id, "032x"))

    api.add_api_route("/v1/things/{thing}", look)
    await open_client(api).get(
        "/v1/things/7?code=a-secret&sig=another",
        headers={"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01", "authorization": "Bearer a-token"},
    )

    (span,) = spans.get_finished_spans()
    assert seen == [TRACE_ID]
    assert span.name == "GET /v1/things/{thing}"
    for secret in ("a-secret", "another", "a-token"):
        assert secret not in span.to_json()
