"""What a sweep's end takes of memory does not grow with its trials but for some bytes each."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from runs.models import Sweep, SweepChunk, Trial
from runs.sweeps import conclude, queries
from runs.sweeps.tried import Tried

from . import finished
from .sweeping import start

pytestmark = pytest.mark.django_db

CHUNK = 500


@pytest.fixture(autouse=True)
def _desk(db: None) -> None:
    finished.prepare_desk()


def made_up(trials: int) -> Sweep:
    """All tried, as far as the database knows."""
    slow = {"min": 200, "max": 199 + trials // 100}
    sweep = start(space={"fast_period": {"min": 2, "max": 101}, "slow_period": slow})
    assert sweep.trials_total == trials
    sweep.chunks.all().delete()
    rng = np.random.default_rng(1)
    for first in range(0, trials, CHUNK):
        returns = rng.normal(0.001, 0.02, (CHUNK, 16))
        blocks = np.stack([np.full((CHUNK, 16), 90.0), returns, 0.01 + returns**2], axis=2)
        SweepChunk.objects.create(
            sweep=sweep,
            first=first,
            count=CHUNK,
            status=SweepChunk.Status.DONE,
            blocks=blocks.tobytes(),
        )
        goals = returns.mean(axis=1).tolist()
        Trial.objects.bulk_create(
            Trial(
                sweep=sweep,
                number=number,
                params={"fast_period": 2 + number // (trials // 100), "slow_period": number % 7},
                objective=goal,
                total_return=goal,
                metrics={"skew": 0.0, "kurtosis": 0.0},
            )
            for number, goal in enumerate(goals, first)
        )
    return sweep


def peak(sweep: Sweep) -> int:
    """Bytes at most that its end takes."""
    tracemalloc.start()
    try:
        fields = conclude.conclude(sweep, lambda _: None)
        assert fields["honesty"]["trials"] == sweep.trials_total
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_five_times_the_trials_take_some_bytes_more_each() -> None:
    """In the database a trial has two thousand, and 384 of blocks."""
    few, many = made_up(1_000), made_up(5_000)
    peak(few)
    a_trial = (peak(many) - peak(few)) / 4_000
    assert a_trial < 200, f"{a_trial:.0f} bytes a trial"


def test_what_is_read_in_pieces_is_what_there_is() -> None:
    sweep = made_up(2_000)
    tried = Tried(sweep, 0)
    rows = list(Trial.objects.filter(sweep=sweep).order_by("number"))
    assert tried.numbers.tolist() == [row.number for row in rows]
    assert tried.objectives.tolist() == [row.objective for row in rows]
    assert [tried.points[i] for i in range(len(tried))] == [row.params for row in rows]
    pieces = list(tried)
    assert len(pieces) == 4
    contents = sweep.chunks.order_by("first").values_list("blocks", flat=True)
    assert b"".join(piece.tobytes() for piece in pieces) == b"".join(map(bytes, contents))
    assert b"".join(piece.tobytes() for piece in tried) == b"".join(map(bytes, contents))


def test_chunks_and_trials_that_do_not_agree_are_told() -> None:
    sweep = made_up(1_000)
    best = queries.best(sweep)
    assert best is not None
    Trial.objects.filter(sweep=sweep, number=(best.number + 1) % 1_000).delete()
    with pytest.raises(RuntimeError, match="do not agree"):
        conclude.conclude(sweep, lambda _: None)
