"""The HTTP API: parse, one call to a service, render."""

from fastapi import APIRouter, Depends

from gateway.callers import general_limit
from gateway.routes import analytics, auth, connections, events, images, me, notices, platforms, profile, syncs, targets
from gateway.security import same_site

v1 = APIRouter(prefix="/v1", dependencies=[Depends(same_site), Depends(general_limit)])
for module in (auth, me, images, platforms, connections, syncs, targets, notices, events, profile, analytics):
    v1.include_router(module.router)
