from servicekit.migrations import run_environment
from services.sync.store import metadata

run_environment(metadata)
