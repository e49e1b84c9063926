from servicekit.migrations import run_environment
from services.auth.store import metadata

run_environment(metadata)
