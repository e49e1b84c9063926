"""The HTTP API: parse, one call to a service, render."""

from fastapi import Depends

from gateway.callers import general_limit
from gateway.routes import analytics, auth, connections, events, images, me, notices, platforms, profile, syncs, targets
from gateway.security import same_site

MODULES = (auth, me, images, platforms, connections, syncs, targets, notices, events, profile, analytics)
V1 = tuple(module.router for module in MODULES)
"""The routes of version 1."""

V1_RULES = (Depends(same_site), Depends(general_limit))
"""What holds for all of them."""
