"""Where a picture is in use, put together from what its services know."""

from collections.abc import Sequence

from gateway.schemas.library import DefaultUse, Place, Uses
from linkarooie.sync.v1 import sync_pb2
from linkarooie.upload.v1 import upload_pb2

SHOWN = (sync_pb2.TARGET_STATE_VERIFIED,)
ON_THE_WAY = (
    sync_pb2.TARGET_STATE_QUEUED,
    sync_pb2.TARGET_STATE_SENDING,
    sync_pb2.TARGET_STATE_WAITING_FOR_PLATFORM,
    sync_pb2.TARGET_STATE_NEEDS_YOU,
    sync_pb2.TARGET_STATE_PAUSED,
)


def uses_of(image: upload_pb2.Image, defaults: upload_pb2.Defaults, targets: Sequence[sync_pb2.Target]) -> Uses:
    """Returns where a picture is in use, and what deleting it would do there."""
    chosen = [use for slot in defaults.slots for use in _chosen(slot, image.id)]
    shown = sum(target.state in SHOWN for target in targets)
    on_the_way = sum(target.state in ON_THE_WAY for target in targets)
    consequences = []
    if chosen:
        consequences.append("It is no longer a default; where it was one, the next default applies, or none.")
    if shown:
        consequences.append(
            f"It stays on {_places(shown)} that {'shows' if shown == 1 else 'show'} it; Linkarooie changes nothing there."
        )
    if on_the_way:
        consequences.append(f"It is not sent to {_places(on_the_way)} where it is still on its way.")
    if image.published:
        consequences.append("Its public addresses end, and with them every page that shows it from here.")
    return Uses(
        defaults=chosen,
        places=[Place.of(target) for target in targets],
        published=image.published,
        consequences=consequences,
    )


def _chosen(slot: upload_pb2.SlotDefaults, image_id: str) -> list[DefaultUse]:
    uses: list[tuple[str, str | None]] = [("everywhere", None)] if slot.image_id == image_id else []
    uses += [("platform", platform) for platform, chosen in sorted(slot.platforms.items()) if chosen == image_id]
    uses += [("connection", one) for one, chosen in sorted(slot.connections.items()) if chosen == image_id]
    return [DefaultUse.model_validate({"slot": slot.slot, "scope": scope, "scope_id": which}) for scope, which in uses]


def _places(count: int) -> str:
    return "one place" if count == 1 else f"{count} places"
