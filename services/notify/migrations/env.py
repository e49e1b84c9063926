from servicekit.migrations import run_environment
from services.notify.store import metadata

run_environment(metadata)
