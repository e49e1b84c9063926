"""Tells that what public addresses answer has changed: caches in front of the installation drop it then."""

from collections.abc import Iterable

from linkarooie.events.v1 import events_pb2 as events
from servicekit.ids import utc_now
from servicekit.protobuf import timestamp
from services.upload.store import Store


def tell_changed(store: Store, owner_id: str, paths: Iterable[str]) -> None:
    """Records with the transaction that these paths answer something else now; none means nothing to tell."""
    listed = sorted(set(paths))
    if listed:
        changed = events.AddressesChanged(owner_id=owner_id, paths=listed, event_time=timestamp(utc_now()))
        store.record(changed, owner_id=owner_id)


def media_path(object_key: str) -> str:
    """Returns the public path of a published file."""
    return f"/media/{object_key}"


def avatar_paths(*names: str) -> list[str]:
    """Returns the public paths of somebody's avatar by their handle and hashes; empty ones are left out."""
    return [f"/avatar/{name}" for name in names if name]
