"""A short, fixed run of the fuzzer; `make fuzz` is the long one."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.pictures.model import PNG, READABLE
from tests.fuzz.campaign import SETTLED_AFTER, Report, damaged, run
from tests.fuzz.mutations import mutated, split
from tests.fuzz.seeds import seeds

SEEDS = seeds()
EVERY = [content for contents in SEEDS.values() for content in contents]


async def test_damaged_files_are_made_or_refused_and_never_harm_a_worker(tmp_path):
    report = await run(SEEDS, files=4 * SETTLED_AFTER, seed=1, workers=1, kept=tmp_path)
    assert report.findings == []
    assert sum(counts.total() for counts in report.outcomes.values()) == 4 * SETTLED_AFTER
    # One process for all of them.
    assert len(report.resident) == 1
    assert report.growth_bytes < 48 * 2**20
    # Not all are refused at the door.
    assert all(counts["made"] for counts in report.outcomes.values())


async def test_healthy_files_of_every_format_are_made(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.fuzz.campaign.mutated", lambda dice, content, others: content)
    report = await run(SEEDS, files=12 * len(SEEDS), seed=1, workers=1, kept=tmp_path)
    assert report.outcomes == {content_type: {"made": 12} for content_type in READABLE}


async def test_what_does_harm_is_kept_and_told(tmp_path, monkeypatch):
    # A job that fails whatever the file is.
    monkeypatch.setattr("tests.fuzz.campaign.attempt", len)
    report = await run({PNG: SEEDS[PNG]}, files=1, seed=1, workers=1, kept=tmp_path)
    ((outcome, path),) = report.findings
    assert outcome == "raised TypeError"
    assert [(PNG, path.read_bytes())] == list(damaged({PNG: SEEDS[PNG]}, files=1, seed=1))
    assert "| PNG | 1 | 1 |" in report.table()


@given(st.integers())
def test_the_same_dice_give_the_same_damage(seed):
    dice, again = Random(seed), Random(seed)
    content = EVERY[seed % len(EVERY)]
    assert mutated(dice, content, EVERY) == mutated(again, content, EVERY)


@pytest.mark.parametrize("content", EVERY)
def test_cutting_a_file_into_parts_loses_nothing(content):
    head, parts = split(content)
    assert head + b"".join(parts) == content


def test_a_workers_growth_counts_from_when_it_has_settled():
    report = Report()
    report.resident[1] = [50] * SETTLED_AFTER + [100, 130, 120]
    report.resident[2] = [0] * SETTLED_AFTER
    assert report.growth_bytes == 20
