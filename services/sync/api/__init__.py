"""The gRPC face of the sync service: translate, call a use case, translate back."""

from services.sync.api.connections import ConnectionsApi
from services.sync.api.pictures import PicturesApi
from services.sync.api.platforms import PlatformsApi
from services.sync.api.schedules import SchedulesApi
from services.sync.api.snapshots import RollBacksApi
from services.sync.api.syncs import SyncsApi
from services.sync.places import Platforms
from services.sync.use_cases.connections import Connections
from services.sync.use_cases.leaving import Leaving
from services.sync.use_cases.pictures import Pictures
from services.sync.use_cases.roll_backs import RollBacks
from services.sync.use_cases.schedules import Schedules
from services.sync.use_cases.syncs import Syncs


class SyncApi(PlatformsApi, ConnectionsApi, SyncsApi, PicturesApi, RollBacksApi, SchedulesApi):
    """All of it."""

    def __init__(
        self,
        *,
        connections: Connections,
        leaving: Leaving,
        syncs: Syncs,
        pictures: Pictures,
        platforms: Platforms,
        roll_backs: RollBacks,
        schedules: Schedules,
    ) -> None:
        self._connections = connections
        self._leaving = leaving
        self._syncs = syncs
        self._pictures = pictures
        self._platforms = platforms
        self._roll_backs = roll_backs
        self._schedules = schedules
