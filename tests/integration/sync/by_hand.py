"""What people do on a platform's own page, and then here."""

import io

from sync_world import Person, World, photograph

from linkarooie.sync.v1 import sync_pb2


async def set_by_hand(world: World, platform: str, seed: int, *, name: str = "ada", slot: str = "avatar") -> None:
    """Changes a picture on the sandbox's page of an account, to that of the seed."""
    out = io.BytesIO()
    photograph(seed, (1080, 1080) if slot == "avatar" else (1640, 924)).save(out, "JPEG", quality=90)
    url = f"{world.control.sandbox.urls[platform]}/@{name}/{slot}"
    answer = await world.http.post(url, files={"picture": ("a.jpg", out.getvalue(), "image/jpeg")})
    assert answer.status_code == 303, answer.text


async def confirm(person: Person, target: sync_pb2.Target) -> sync_pb2.Target:
    """Presses "I've done it"."""
    done = await person.call("ConfirmTarget", sync_pb2.ConfirmTargetRequest(id=target.id))
    return done.target  # type: ignore[no-any-return]
