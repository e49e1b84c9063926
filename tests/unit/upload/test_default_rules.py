"""Rules of which picture is shown where."""

from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import InvalidInputError
from servicekit.ids import new_id
from services.upload.domain.defaults import (
    AVATAR_EVERYWHERE,
    Defaults,
    Place,
    Scope,
    SlotChoices,
    checked_choices,
    named_pictures,
)

KEPT, DELETED, CONNECTION = new_id(), new_id(), new_id()
PICTURES = {KEPT: False, DELETED: True}
PLATFORMS = {"x": {"avatar", "banner"}, "instagram": {"avatar"}}

picture_ids = st.sampled_from([KEPT, KEPT, DELETED, new_id(), ""]) | st.text()
names = st.sampled_from(["x", "instagram", CONNECTION]) | st.text()
slot_choices = st.builds(
    SlotChoices,
    st.sampled_from(["avatar", "banner"]) | st.text(),
    st.just("") | picture_ids,
    st.dictionaries(names, picture_ids, max_size=4),
    st.dictionaries(names, picture_ids, max_size=4),
)


@given(st.lists(slot_choices, max_size=4))
def test_whatever_is_sent_is_refused_in_few_words_or_can_be_shown(sent: list[SlotChoices]) -> None:
    refusal: InvalidInputError | None = None
    chosen: dict[Place, str] = {}
    try:
        named = named_pictures(sent)
        chosen = checked_choices(
            sent, pictures={one: PICTURES[one] for one in named & set(PICTURES)}, platforms=PLATFORMS
        )
    except InvalidInputError as error:
        refusal = error

    assert refusal is None or (refusal.violations and len(str(refusal.violations)) < 4_000)
    assert set(chosen.values()) <= {KEPT}
    for place in chosen:
        assert place.slot in ("avatar", "banner")
        assert place.scope is not Scope.PLATFORM or place.slot in PLATFORMS[place.scope_id]


def test_every_place_of_one_slot_can_have_a_choice() -> None:
    sent = SlotChoices("avatar", KEPT, {"instagram": KEPT}, {CONNECTION: KEPT})

    chosen = checked_choices([sent], pictures=PICTURES, platforms=PLATFORMS)

    assert [place.path for place in chosen] == [
        "avatar.everywhere",
        "avatar.platforms.instagram",
        f"avatar.connections.{CONNECTION}",
    ]


def test_a_hidden_choice_stays_until_something_else_is_chosen_there() -> None:
    before = Defaults(3, choices={}, hidden={AVATAR_EVERYWHERE: DELETED, Place("banner"): DELETED})

    after = before.replaced_by({AVATAR_EVERYWHERE: KEPT})

    assert (after.version, after.hidden) == (4, {Place("banner"): DELETED})


def test_an_etag_tells_of_choices_that_were_hidden_or_are_back() -> None:
    everywhere, on_x = {AVATAR_EVERYWHERE: DELETED}, {Place("avatar", Scope.PLATFORM, "x"): DELETED}

    etags = [Defaults(3, {}, hidden).etag for hidden in ({}, everywhere, on_x, everywhere | on_x)]

    assert etags[0] == "3"
    assert len(set(etags)) == 4
    assert Defaults(3, {}, on_x | everywhere).etag == etags[3]
