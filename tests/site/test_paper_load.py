"""Many paper runs on one sped-up venue: nobody is left behind, nothing is told twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench.paper import Rehearsal
from tests.rounds import rounds

pytestmark = [pytest.mark.process, pytest.mark.slow]

SERIES, BARS = 4, 3


@pytest.mark.parametrize("runs", rounds("CRACKTRADER_TEST_PAPERS", 8, 40))
def test_every_run_trades_every_bar_of_a_hurried_venue(tmp_path: Path, runs: int) -> None:
    figures = Rehearsal(tmp_path / "home", runs, SERIES, speed=30).measure(BARS)

    assert len(figures.feed) == SERIES * BARS
    assert figures.rows_missing == 0
    for kind in ("equity", "order.new", "order.filled"):
        told = Counter((seen.run, seen.close) for seen in figures.seen if seen.kind == kind)
        assert len(told) == runs * BARS, kind
        assert set(told.values()) == {1}, kind
    # Nobody knows of a bar before it has closed and the venue was left its time.
    assert min(figures.feed) > 0.25
    assert figures.latencies("equity")[0] > min(figures.feed)
    assert figures.statuses == {"stopped": runs}
    assert "Traceback" not in figures.log, figures.log[-3000:]
    assert "ERROR" not in figures.log
    assert "database is locked" not in figures.log
