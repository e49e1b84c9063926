"""Which pictures an owner has chosen to be shown, as the library tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from services.sync.domain.connection import Connection


@dataclass(frozen=True)
class Chosen:
    """A picture for a slot: of one connection or one platform, or of all where both are empty."""

    slot: str
    image_id: str
    revision: int
    platform: str = ""
    connection_id: str = ""
    alt_text: str = ""

    @property
    def picture(self) -> tuple[str, int]:
        return self.image_id, self.revision


@dataclass(frozen=True)
class Defaults:
    """All choices of one owner. `version` grows with every change."""

    version: int = 0
    choices: tuple[Chosen, ...] = ()

    @cached_property
    def _by_scope(self) -> Mapping[tuple[str, str, str], Chosen]:
        return {(each.slot, each.platform, each.connection_id): each for each in self.choices}

    def choice_for(self, connection: Connection, slot: str) -> Chosen | None:
        """Returns the narrowest choice for a slot of a connection; None where nothing is chosen for it."""
        scopes = (("", connection.id), (connection.platform, ""), ("", ""))
        found = (self._by_scope.get((slot, *scope)) for scope in scopes)
        return next((each for each in found if each is not None), None)
