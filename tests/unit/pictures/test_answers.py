import os
import pickle
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.pictures.answers import UnreadableAnswerError, pack_failure, pack_result, unpack
from servicekit.pictures.lanes import Lane
from servicekit.pictures.model import PNG, PictureInfo, PictureRefused

INFO = PictureInfo(PNG, 40, 30, 1, has_alpha=False, has_metadata=True, has_location=False, frames=1, bytes=99, scans=1)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


class OddError(Exception):
    """Written, but not read: its constructor asks for more than it keeps."""

    def __init__(self, first, second):
        super().__init__(first)


class Call:
    def __init__(self, function, *args):
        self.reduced = (function, args)

    def __reduce__(self):
        return self.reduced


def raised(error):
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


class Early(StrEnum):
    """Is written as by Python 3.11.0 to 3.11.3."""

    ONE = "one"

    def __reduce_ex__(self, protocol):
        return getattr, (type(self), self.name)


@given(PLAIN)
def test_plain_results_come_back_equal(result):
    assert unpack(pack_result(result)) == result


@pytest.mark.parametrize("result", [INFO, [INFO, INFO], Path("/a/b"), Lane.BULK, Early.ONE, {1, 2}, frozenset({"a"})])
def test_descriptions_come_back_equal(result):
    assert unpack(pack_result(result)) == result


def test_a_refusal_comes_back_with_its_figures_and_its_place():
    refusal = raised(PictureRefused("BROKEN", "It is damaged.", {"limit": "1"}))
    with pytest.raises(PictureRefused) as caught:
        unpack(pack_failure(refusal))
    assert (caught.value.reason, caught.value.metadata) == ("BROKEN", {"limit": "1"})
    assert "test_answers.py" in caught.value.__notes__[0]


@pytest.mark.parametrize("error", [ValueError(lambda: None), OddError("a", "b")])
def test_an_error_that_cannot_travel_comes_back_in_words(error):
    with pytest.raises(RuntimeError, match=type(error).__name__):
        unpack(pack_failure(error))


def test_an_error_of_a_module_that_the_owner_never_imported_comes_back_in_words():
    travelling = b"cantigravity\nError\n."
    answer = pickle.dumps((False, (travelling, "Error: odd", "there")))
    with pytest.raises(RuntimeError, match="Error: odd"):
        unpack(answer)


@pytest.mark.parametrize(
    "call", [Call(os.mkdir, "made"), Call(eval, "1"), Call(pickle.loads, b"N."), Call(__import__, "os")]
)
@pytest.mark.parametrize("place", ["result", "error", "inside"])
def test_no_answer_makes_the_owner_call_anything(call, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = {
        "result": lambda: pickle.dumps((True, call)),
        "inside": lambda: pickle.dumps((True, [INFO, {"a": call}])),
        "error": lambda: pickle.dumps((False, (pickle.dumps(call), "words", "where"))),
    }[place]()
    with pytest.raises((UnreadableAnswerError, RuntimeError)):
        unpack(answer)
    assert not (tmp_path / "made").exists()


@given(st.binary(max_size=200))
def test_damaged_answers_are_told_apart(content):
    with pytest.raises((UnreadableAnswerError, RuntimeError)):
        unpack(content)


@pytest.mark.parametrize("content", [(), (True,), (False, "x"), (False, (1, 2, 3)), 7, {"a": 1}])
def test_an_answer_of_another_shape_is_refused(content):
    with pytest.raises(UnreadableAnswerError, match="neither"):
        unpack(pickle.dumps(content))
