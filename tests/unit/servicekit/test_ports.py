"""Ports that are given to servers before they listen."""

import multiprocessing
import socket

import pytest

from servicekit.ports import LOOPBACK, free_port, is_free, listen_on


@pytest.fixture(autouse=True)
def own_notes(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def give(first: int, last: int, how_many: int) -> list[int]:
    return [free_port(first, last) for _ in range(how_many)]


def test_processes_that_ask_at_the_same_time_get_different_ports():
    with multiprocessing.get_context("fork").Pool(4) as pool:
        given = pool.starmap(give, [(12_000, 12_999, 50)] * 4)
    assert len({port for ports in given for port in ports}) == 200


def test_a_port_that_somebody_listens_on_is_passed_over():
    begin = free_port(13_000, 13_099, count=3)
    with listen_on(begin + 3 if begin + 3 <= 13_099 else 13_000) as taken:
        assert free_port(13_000, 13_099) != taken.getsockname()[1]


def test_ports_in_a_row_stay_within_the_range_and_begin_again_after_its_end():
    begins = [free_port(14_000, 14_009, count=4) for _ in range(6)]
    assert all(14_000 <= begin <= 14_006 for begin in begins)
    assert len(set(begins)) < len(begins)


def test_a_note_that_says_nonsense_does_no_harm(tmp_path):
    free_port(15_000, 15_099)
    (note,) = tmp_path.iterdir()
    note.write_text("99999999")
    assert free_port(15_000, 15_099) == 15_000
    note.write_text("?")
    assert 15_000 <= free_port(15_000, 15_099) <= 15_099


def test_without_a_place_for_the_note_ports_are_given_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    assert 16_000 <= free_port(16_000, 16_099) <= 16_099


def test_a_port_bound_on_every_address_is_not_free():
    with socket.create_server(("0.0.0.0", 0)) as sock:
        assert not is_free(sock.getsockname()[1])
    with listen_on(free_port(17_000, 17_099)) as sock:
        assert sock.getsockname()[0] == LOOPBACK
