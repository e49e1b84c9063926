"""The HTTP API: parse, one call to a service, render."""

from gateway.routes import (
    admin,
    analytics,
    auth,
    connections,
    docs,
    events,
    health,
    images,
    me,
    media,
    notices,
    platforms,
    profile,
    syncs,
    targets,
    well_known,
)

MODULES = (
    auth,
    me,
    admin,
    images,
    platforms,
    connections,
    syncs,
    targets,
    notices,
    events,
    profile,
    analytics,
    well_known,
    health,
    media,
    docs,
)
ROUTERS = tuple(module.router for module in MODULES)
"""All of it."""
