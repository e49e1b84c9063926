"""Where a picture is in use, and what deleting it would do, in sentences."""

import pytest

from gateway.uses import uses_of
from linkarooie.sync.v1 import sync_pb2
from linkarooie.upload.v1 import upload_pb2
from servicekit.ids import new_id

PICTURE, ANOTHER, CONNECTION = new_id(), new_id(), new_id()


def test_a_picture_that_nobody_uses_can_go_without_consequences() -> None:
    defaults = upload_pb2.Defaults(slots=[upload_pb2.SlotDefaults(slot="avatar", image_id=ANOTHER)])

    uses = uses_of(upload_pb2.Image(id=PICTURE), defaults, [])

    assert (uses.defaults, uses.places, uses.published, uses.consequences) == ([], [], False, [])


def test_defaults_of_every_reach_are_told() -> None:
    chosen = upload_pb2.SlotDefaults(
        slot="avatar",
        image_id=PICTURE,
        platforms={"x": PICTURE, "mastodon": ANOTHER},
        connections={CONNECTION: PICTURE},
    )
    banner = upload_pb2.SlotDefaults(slot="banner", image_id=ANOTHER, platforms={"x": PICTURE})

    uses = uses_of(upload_pb2.Image(id=PICTURE), upload_pb2.Defaults(slots=[chosen, banner]), [])

    assert [(use.slot, use.scope, use.scope_id) for use in uses.defaults] == [
        ("avatar", "everywhere", None),
        ("avatar", "platform", "x"),
        ("avatar", "connection", CONNECTION),
        ("banner", "platform", "x"),
    ]
    assert uses.consequences == ["It is no longer a default; where it was one, the next default applies, or none."]


@pytest.mark.parametrize(
    ("states", "told"),
    [
        (["VERIFIED"], ["stays on one place that shows it"]),
        (["VERIFIED", "VERIFIED"], ["stays on 2 places that show it"]),
        (["QUEUED"], ["not sent to one place"]),
        (["SENDING", "PAUSED", "NEEDS_YOU", "VERIFIED"], ["stays on one place", "not sent to 3 places"]),
        (["FAILED", "DIFFERS"], []),
    ],
)
def test_places_are_counted_by_what_deleting_does_there(states: list[str], told: list[str]) -> None:
    targets = [
        sync_pb2.Target(platform="x", slot="avatar", state=sync_pb2.TargetState.Value(f"TARGET_STATE_{state}"))
        for state in states
    ]

    uses = uses_of(upload_pb2.Image(id=PICTURE), upload_pb2.Defaults(), targets)

    assert len(uses.consequences) == len(told)
    assert all(part in sentence for part, sentence in zip(told, uses.consequences, strict=True))
    assert len(uses.places) == len(states)
