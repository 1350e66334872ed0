"""What `manage.py sweep` prints."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command

from .finished import prepare_desk

pytestmark = pytest.mark.django_db(transaction=True)
ASKED = {
    "strategy": "MovingAverageCross",
    "symbols": ["BTC/USDT"],
    "timeframe": ["1h"],
    "exchange": "simulated",
    "start": "2024-01-01",
    "end": "2024-03-01",
    "vary": ["fast_period=5,10,15,20", "slow_period=30,50"],
}


@pytest.fixture(autouse=True)
def _desk(db: None) -> None:
    prepare_desk()


def printed(**changes: object) -> tuple[str, str]:
    """The line of the table's headings, and the whole."""
    out = io.StringIO()
    call_command("sweep", **ASKED | changes, stdout=out, stderr=io.StringIO())
    text = out.getvalue()
    return next(line for line in text.splitlines() if "Trial" in line), text


@pytest.mark.parametrize("objective", ["sharpe_ratio", "total_return", "calmar_ratio"])
def test_no_figure_stands_twice_and_stability_is_told(objective):
    headings, text = printed(objective=objective)
    for name in ("Sharpe", "Return", "Max DD", "Trades"):
        assert headings.count(name) == 1
    assert ("calmar_ratio" in headings) == (objective == "calmar_ratio")
    assert "sharpe_ratio" not in headings
    assert "Beside the best the objective keeps" in text


def test_a_verdict_of_a_window_says_so_and_holding_stands_beside_the_curve():
    _, text = printed(in_sample=500, out_of_sample=300)
    assert "Out of sample, 3 windows in a row" in text
    assert "(buying and holding " in text
    assert "Of window 3, 8 trials with a result:" in text
