"""Which choice goes for a place."""

import pytest
from target_making import NOW

from services.sync.domain.connection import Connection, RemoteAccount
from services.sync.domain.defaults import Chosen, Defaults

ADA = Connection("c1", "o1", "plat", RemoteAccount("1", "@ada", "https://plat.test/@ada"), b"", NOW)

EVERYWHERE = Chosen("avatar", "everywhere", 1)
ON_PLATFORM = Chosen("avatar", "platform", 1, platform="plat")
FOR_ONE = Chosen("avatar", "one", 1, connection_id="c1")
ELSEWHERE = (
    Chosen("avatar", "else", 1, platform="other"),
    Chosen("avatar", "else", 1, connection_id="c2"),
    Chosen("banner", "else", 1, connection_id="c1"),
)


@pytest.mark.parametrize(
    ("choices", "goes"),
    [
        ((EVERYWHERE, ON_PLATFORM, FOR_ONE), FOR_ONE),
        ((FOR_ONE, EVERYWHERE), FOR_ONE),
        ((EVERYWHERE, ON_PLATFORM), ON_PLATFORM),
        ((EVERYWHERE,), EVERYWHERE),
        ((), None),
    ],
    ids=["all", "no platform's", "no connection's", "everywhere alone", "none"],
)
def test_the_narrowest_choice_goes(choices: tuple[Chosen, ...], goes: Chosen | None) -> None:
    assert Defaults(1, (*ELSEWHERE, *choices)).choice_for(ADA, "avatar") == goes
