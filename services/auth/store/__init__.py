"""Tables and queries of the auth service; `Store` is its unit of work."""

from services.auth.store.accounts import AccountQueries
from services.auth.store.activities import ActivityQueries
from services.auth.store.sessions import SessionQueries
from services.auth.store.tables import inbox, metadata, outbox

__all__ = ["Store", "inbox", "metadata", "outbox"]


class Store(AccountQueries, SessionQueries, ActivityQueries):
    """The unit of work of the auth service."""

    outbox = outbox
    inbox = inbox
