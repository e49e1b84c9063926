"""Logs and traces of a process, set up once at its start."""

import logging
import os
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from structlog.tracebacks import ExceptionDictTransformer

# Never written, whatever they hold.
SECRET_FIELDS = (
    "authorization",
    "cookie",
    "set_cookie",
    "password",
    "token",
    "secret",
    "refresh_token",
    "access_token",
)

# Libraries that say at `info` what our own lines say already.
TALKATIVE = ("aiosmtpd", "alembic", "asyncio", "httpcore2", "httpx2", "mail", "urllib3", "uvicorn")

LogEntry = MutableMapping[str, Any]  # as structlog has it


def set_up_logs(*, level: str, format: str) -> None:
    """Sends structlog and the standard library's loggers to standard error, as JSON lines or for people to read."""
    shared: list[Callable[[Any, str, LogEntry], LogEntry]] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace_id,
        _hide_secrets,
    ]
    # Tracebacks without the values of variables, which may be passwords and tokens.
    renderers: list[Any] = (  # structlog's own types for processors do not compose
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if format == "console"
        else [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    )
    structlog.configure(
        # Our own lines do not go through the standard library's logging, which costs several times as much as the line.
        processors=[*shared, *renderers],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_trace_id(_: Any, __: str, entry: LogEntry) -> LogEntry:  # structlog's signature
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        entry["trace_id"] = format(span.trace_id, "032x")
        entry["span_id"] = format(span.span_id, "016x")
    return entry


def _hide_secrets(_: Any, __: str, entry: LogEntry) -> LogEntry:  # structlog's signature
    for name in SECRET_FIELDS:
        if name in entry:
            entry[name] = "[hidden]"
    return entry


def set_up_traces(*, service: str, version: str) -> Callable[[], None]:
    """Sends traces by OTLP over HTTP where `OTEL_EXPORTER_OTLP_ENDPOINT` says; without it spans only carry their ids.

    Returns the function that sends what is left; call it last.
    """
    resource = Resource.create({"service.name": f"linkarooie-{service}", "service.version": version})
    provider = TracerProvider(resource=resource)
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    PsycopgInstrumentor().instrument()
    return provider.shutdown
