"""Tables and queries of the sync service; `Store` is its unit of work."""

from services.sync.store.circuits import CircuitQueries
from services.sync.store.connections import ConnectionQueries
from services.sync.store.renditions import RenditionQueries
from services.sync.store.servers import ServerQueries
from services.sync.store.tables import inbox, metadata, outbox
from services.sync.store.targets import StaleTargetError, TargetQueries

__all__ = ["StaleTargetError", "Store", "inbox", "metadata", "outbox"]


class Store(CircuitQueries, ConnectionQueries, RenditionQueries, ServerQueries, TargetQueries):
    """The unit of work of the sync service."""

    outbox = outbox
    inbox = inbox
