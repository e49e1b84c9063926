from servicekit.migrations import run_environment
from services.analytics.store import metadata

run_environment(metadata)
