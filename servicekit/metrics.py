"""The metrics that every service has; names are declared here once. Labels have few values: never an id of a person or thing."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram, start_http_server

RPC_SECONDS = Histogram(
    "linkarooie_rpc_seconds", "Time that a call took, by method and status.", ("method", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
DELIVERIES = Counter(
    "linkarooie_deliveries_total", "Messages handled, by consumer and outcome (done, retry, dead_letter).", ("consumer", "outcome")
)  # fmt: skip
DELIVERY_AGE_SECONDS = Histogram(
    "linkarooie_delivery_age_seconds", "Age of a message when its handling began.", ("consumer",),
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800),
)  # fmt: skip
OUTBOX_PUBLISHED = Counter("linkarooie_outbox_published_total", "Outbox rows handed to the bus.", ("service",))
OUTBOX_OLDEST_SECONDS = Gauge(
    "linkarooie_outbox_oldest_unsent_seconds", "Age of the oldest outbox row that is not sent yet; 0 when there is none.", ("service",)
)  # fmt: skip
LOOP_FAILURES = Counter("linkarooie_loop_failures_total", "Rounds of a background loop that failed.", ("loop",))


@contextmanager
def served(host: str, port: int) -> Iterator[None]:
    """Serves all metrics of the process on `http://host:port/metrics` within the block.

    Raises `OSError` with the address in its message when the port is taken.
    """
    try:
        server, thread = start_http_server(port, addr=host)
    except OSError as error:
        raise OSError(error.errno, f"cannot serve metrics on {host}:{port}: {error.strerror}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
