import pytest
from cryptography.exceptions import InvalidTag

from services.auth.refresh_tokens import open_successor, seal_successor
from services.auth.tokens import hash_of, new_token


def test_the_spent_token_opens_its_successor() -> None:
    spent, successor = new_token(), new_token()
    sealed = seal_successor(successor, spent=spent, session_id="session")
    assert open_successor(sealed, spent=spent, session_id="session") == successor


def test_neither_what_is_stored_nor_another_session_opens_it() -> None:
    spent, successor = new_token(), new_token()
    sealed = seal_successor(successor, spent=spent, session_id="session")
    assert successor.encode() not in sealed
    for token, session_id in ((hash_of(spent).hex(), "session"), (successor, "session"), (spent, "other")):
        with pytest.raises(InvalidTag):
            open_successor(sealed, spent=token, session_id=session_id)


def test_tokens_are_256_bits_that_never_repeat() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert {len(token) for token in made} == {43}  # 32 bytes in base64 without padding
