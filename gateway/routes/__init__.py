"""The HTTP API: parse, one call to a service, render."""

from gateway.routes import (
    admin,
    analytics,
    auth,
    avatar_settings,
    avatars,
    connections,
    defaults,
    docs,
    edits,
    events,
    health,
    images,
    library,
    me,
    media,
    notices,
    platforms,
    profile,
    syncs,
    targets,
    uploads,
    well_known,
)

MODULES = (
    auth,
    me,
    admin,
    # Before the pictures: `import` is no picture's id.
    uploads,
    images,
    edits,
    library,
    defaults,
    avatar_settings,
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
    avatars,
    docs,
)
ROUTERS = tuple(module.router for module in MODULES)
"""All of it."""
