"""A run started once more from its form: over the bars it traded, at what it cost then."""

from __future__ import annotations

from typing import Any

import pytest

from cracktrader_site.ui.forms import RunForm, offer_to, start, texts_of
from cracktrader_site.ui.visitors import ANYBODY
from exchanges.models import Exchange
from runs import services
from runs.models import Run
from runs.results import Results
from tests.runs.finished import BODY, finish, finished
from tests.runs.papers import (
    HOUR,
    T0,
    Venue,
    begin,
    desk,  # noqa: F401 - a fixture
    fresh,
    rehearse,
    slices,
    venue,  # noqa: F401 - a fixture
)

pytestmark = pytest.mark.django_db(transaction=True)


def form_of(texts: dict[str, str]) -> RunForm:
    return RunForm(offer_to(ANYBODY, texts), texts)


def again(run: Run, mode: str = "") -> Run:
    found = start(form_of(texts_of(run, mode)), ANYBODY)
    assert found is not None
    return found


def trades(run: Run) -> list[Any]:
    return Results(run).rows("trades")


def test_a_stopped_paper_run_as_a_backtest_has_its_bars_and_comes_to_the_same(venue: Venue):  # noqa: F811
    run = begin(strategy_params={"fast_period": 2, "slow_period": 5})
    for hour in range(2, 90):
        run = venue.close(run, T0 + hour * HOUR + 5_000)
    services.request_stop(run)
    # Asked for long after the last bar that it traded.
    venue.at(T0 + 300 * HOUR)
    run = slices(run)
    assert run.status == "stopped"
    assert run.trade_count > 2
    backtest = finish(again(run, "backtest"))
    assert backtest.config["engine"]["start_ms"] == run.config["engine"]["start_ms"]
    assert backtest.config["engine"]["end_ms"] == T0 + 89 * HOUR
    assert backtest.value == pytest.approx(run.value, abs=1e-9)
    assert trades(backtest) == trades(run)


def test_a_paper_run_that_goes_on_is_taken_to_where_it_stands(venue: Venue):  # noqa: F811
    run = begin()
    for hour in range(2, 12):
        run = venue.close(run, T0 + hour * HOUR + 5_000)
    venue.at(T0 + 300 * HOUR)
    assert again(fresh(run), "backtest").config["engine"]["end_ms"] == T0 + 11 * HOUR


def test_a_paper_run_that_has_not_traded_a_bar_names_no_end(venue: Venue):  # noqa: F811
    texts = texts_of(begin(), "backtest")
    assert (texts["start_date"], texts["end_date"]) == ("2024-01-01T01:00", "")


def test_a_replay_that_was_stopped_is_a_backtest_of_what_it_traded_and_a_replay_of_all(
    desk: None,  # noqa: F811
):
    run = slices(rehearse(), 4)
    services.request_stop(run)
    run = slices(run)
    backtest = finish(again(run, "backtest"))
    assert 0 < backtest.config["engine"]["end_ms"] - T0 < 1_000 * HOUR
    assert backtest.value == pytest.approx(run.value, abs=1e-9)
    assert trades(backtest) == trades(run)
    assert again(run).config["engine"] == run.config["engine"]


PORTFOLIO = {"strategy_name": "MomentumRotation", "strategy_params": {}}
ASKED: list[dict[str, Any]] = [
    {},
    {"end_date": None, "start_date": None},
    {"fee": 0.0007, "slippage": 0.0003, "stop_loss": 0.031, "take_profit": 0.055},
    {"symbols": ["BTC/USDT", "ETH/USDT"], "cash": "shared", "max_drawdown": 0.075},
    PORTFOLIO | {"symbols": ["BTC/USDT", "ETH/USDT"]},
    {"initial_cash": 1234.56, "position_size": 0.333, "daily_loss": 0.021},
]


@pytest.mark.parametrize("asked", ASKED)
def test_an_unchanged_backtest_again_comes_to_the_same_bit_for_bit(desk: None, asked: Any):  # noqa: F811
    first = finished(**asked)
    # The venue charges more by now: what was run is what runs again.
    Exchange.objects.filter(name="simulated").update(taker=0.004)
    second = finish(again(first))
    assert second.config_hash == first.config_hash
    assert second.result_hash == first.result_hash


def test_the_fee_of_the_venue_is_in_the_form_of_a_run_again(desk: None):  # noqa: F811
    run = finished(**{n: v for n, v in BODY.items() if n != "fee"})
    Exchange.objects.filter(name="simulated").update(taker=0.002)
    assert texts_of(run)["fee"] == "0.1"
    assert form_of(texts_of(run)).body()["fee"] == 0.001
