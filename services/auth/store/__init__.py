"""Tables and queries of the auth service; `Store` is its unit of work."""

from services.auth.store.accounts import AccountQueries
from services.auth.store.activities import ActivityQueries
from services.auth.store.challenges import ChallengeQueries
from services.auth.store.devices import DeviceQueries
from services.auth.store.flows import FlowQueries
from services.auth.store.identities import IdentityQueries
from services.auth.store.keys import KeyQueries
from services.auth.store.sessions import SessionQueries
from services.auth.store.staff import StaffQueries
from services.auth.store.tables import inbox, metadata, outbox
from services.auth.store.throttles import ThrottleQueries

__all__ = ["Store", "inbox", "metadata", "outbox"]


class Store(
    AccountQueries,
    SessionQueries,
    DeviceQueries,
    ChallengeQueries,
    ThrottleQueries,
    FlowQueries,
    IdentityQueries,
    KeyQueries,
    StaffQueries,
    ActivityQueries,
):
    """The unit of work of the auth service."""

    outbox = outbox
    inbox = inbox
