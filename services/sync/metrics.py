"""The metrics of the sync service."""

from prometheus_client import Counter, Gauge, Histogram

OUTCOMES = Counter(
    "linkarooie_sync_outcomes_total", "What platforms answered, by platform, call and class of outcome.", ("platform", "call", "outcome")
)  # fmt: skip
VERIFIED_SECONDS = Histogram(
    "linkarooie_sync_verified_seconds", "Time from the request to the read-back that proved it, by platform.", ("platform",),
    buckets=(1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300, 900, 3600, 14400, 86400),
)  # fmt: skip
CIRCUITS_OPENED = Counter(
    "linkarooie_sync_circuits_opened_total", "How often a server that failed again and again was left alone, by platform.", ("platform",)
)  # fmt: skip
LIVE_TARGETS = Gauge("linkarooie_sync_live_targets", "Targets that do not rest, by state.", ("state",))
DIFFERENCES = Counter(
    "linkarooie_sync_differences_total", "How often a check found something else than what was verified, by platform and policy.",
    ("platform", "policy"),
)  # fmt: skip
