from servicekit.migrations import run_environment
from services.upload.store import metadata

run_environment(metadata)
