from servicekit.migrations import run_environment
from services.profile.store import metadata

run_environment(metadata)
