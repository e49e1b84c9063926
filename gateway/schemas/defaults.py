"""Which picture is shown where."""

from typing import Annotated

from pydantic import Field

from gateway.schemas.common import Question
from linkarooie.upload.v1 import upload_pb2

Id = Annotated[str, Field(max_length=100)]


class SlotDefaults(Question):
    """Which picture is shown in one kind of slot. The closest choice goes: of the connection, of its platform, of everywhere."""

    everywhere: Id | None = None
    """The picture's id; null for none."""
    platforms: dict[Id, Id] = Field(default_factory=dict, max_length=100)
    """Another one on all connections of a platform: the platform's id and the picture's."""
    connections: dict[Id, Id] = Field(default_factory=dict, max_length=500)
    """Another one on a single connection: the connection's id and the picture's."""


class Defaults(Question):
    """Which picture is shown where."""

    avatar: SlotDefaults = Field(default_factory=SlotDefaults)
    banner: SlotDefaults = Field(default_factory=SlotDefaults)

    @classmethod
    def of(cls, defaults: upload_pb2.Defaults) -> "Defaults":
        slots = {
            one.slot: SlotDefaults(
                everywhere=one.image_id or None, platforms=dict(one.platforms), connections=dict(one.connections)
            )
            for one in defaults.slots
        }
        return cls.model_validate(slots, from_attributes=True)

    def message(self, etag: str) -> upload_pb2.Defaults:
        """Returns the contract's form of it."""
        slots = {"avatar": self.avatar, "banner": self.banner}
        return upload_pb2.Defaults(
            slots=[
                upload_pb2.SlotDefaults(
                    slot=name,
                    image_id=slot.everywhere or "",
                    platforms=slot.platforms,
                    connections=slot.connections,
                )
                for name, slot in slots.items()
            ],
            etag=etag,
        )
