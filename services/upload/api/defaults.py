"""Which picture is shown where."""

from linkarooie.upload.v1 import upload_pb2, upload_pb2_grpc
from servicekit.identity import current_caller
from services.upload.api.messages import Context
from services.upload.domain.defaults import SLOTS, Defaults, Place, Scope, SlotChoices
from services.upload.use_cases.defaults import Choosing


class DefaultsApi(upload_pb2_grpc.UploadServiceServicer):
    _choosing: Choosing

    async def GetDefaults(
        self, request: upload_pb2.GetDefaultsRequest, context: Context
    ) -> upload_pb2.GetDefaultsResponse:
        defaults = await self._choosing.get(owner_id=current_caller().user_id)
        return upload_pb2.GetDefaultsResponse(defaults=_defaults_message(defaults))

    async def UpdateDefaults(
        self, request: upload_pb2.UpdateDefaultsRequest, context: Context
    ) -> upload_pb2.UpdateDefaultsResponse:
        sent = [
            SlotChoices(one.slot, one.image_id, dict(one.platforms), dict(one.connections))
            for one in request.defaults.slots
        ]
        defaults = await self._choosing.update(sent, etag=request.defaults.etag, owner_id=current_caller().user_id)
        return upload_pb2.UpdateDefaultsResponse(defaults=_defaults_message(defaults))


def _defaults_message(defaults: Defaults) -> upload_pb2.Defaults:
    return upload_pb2.Defaults(slots=[_slot_message(slot, defaults) for slot in SLOTS], etag=defaults.etag)


def _slot_message(slot: str, defaults: Defaults) -> upload_pb2.SlotDefaults:
    narrower: dict[Scope, dict[str, str]] = {Scope.PLATFORM: {}, Scope.CONNECTION: {}}
    for place, image_id in defaults.choices.items():
        if place.slot == slot and place.scope is not Scope.EVERYWHERE:
            narrower[place.scope][place.scope_id] = image_id
    return upload_pb2.SlotDefaults(
        slot=slot,
        image_id=defaults.choices.get(Place(slot), ""),
        platforms=narrower[Scope.PLATFORM],
        connections=narrower[Scope.CONNECTION],
    )
