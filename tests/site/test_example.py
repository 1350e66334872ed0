"""The reference's example executed, and runs that leave figures without a value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from exchanges import queries as market_data
from exchanges.clock import SystemClock
from exchanges.domain import Bars, Symbol, Timeframe
from exchanges.market_store import SeriesKey
from exchanges.models import Exchange
from runs import runner
from runs.engine.metrics import METRICS
from runs.examples import BACKTEST_BODY
from runs.models import Run
from tests.runs.finished import prepare_desk
from tests.site.api import get, post
from tests.venue import SpotMarket, VenueServer

HOUR = Timeframe.parse("1h")
START = 1_704_067_200_000  # 2024-01-01


@pytest.fixture
def desk(transactional_db: None, settings: Any, tmp_path: Any) -> None:
    settings.CANDLES_DIR = tmp_path / "candles"
    prepare_desk()


def results_of(client: Any, body: dict[str, Any]) -> dict[str, Any]:
    answer = post(client, "/run/backtest", body)
    assert answer.status_code == 200, answer.content
    run_id = answer.json()["run_id"]
    assert runner.execute(Run.objects.get(public_id=run_id).pk)
    found = get(client, "/results", run_id=run_id)
    assert found["error"] is None
    assert found["status"] == "completed"
    assert set(METRICS) <= found["performance_metrics"].keys()
    return dict(found)


def test_the_references_example_runs_on_candles_fetched_from_the_venue(desk, client):
    with VenueServer(SpotMarket(now_ms=SystemClock().now_ms())) as venue:
        Exchange.objects.filter(name="binance").update(base_url=venue.url)
        results = results_of(client, BACKTEST_BODY)
        asked = len(venue.requests("klines"))
        assert asked
        again = results_of(client, BACKTEST_BODY)
        assert len(venue.requests("klines")) == asked
    assert results["trades"]
    assert again["trades"] == results["trades"]
    assert again["performance_metrics"] == results["performance_metrics"]
    assert results["config"]["exchange"] == "binance"


@pytest.mark.parametrize("strategy", ["BuyAndHold", "MovingAverageCross", "RsiMeanReversion"])
def test_a_price_that_never_moves_gives_null_where_there_is_no_number(desk, client, strategy):
    time = START + np.arange(1500, dtype=np.int64) * HOUR.ms
    flat = np.full(len(time), 100.0)
    bars = Bars(Symbol("BTC/USDT"), HOUR, time, flat, flat, flat, flat, np.zeros(len(time)))
    key = SeriesKey("binance", Symbol("BTC/USDT"), HOUR)
    market_data.store().write(key, bars, (START, START + 1500 * HOUR.ms))
    body = BACKTEST_BODY | {
        "strategy_name": strategy,
        "strategy_params": {},
        "start_date": "2024-01-15T00:00:00Z",
        "fee": 0,
    }
    results = results_of(client, body)
    metrics = results["performance_metrics"]
    assert results["final_value"] == 10_000
    assert metrics["total_return"] == 0
    assert metrics["volatility"] == 0
    for name in ("sharpe_ratio", "sortino_ratio", "calmar_ratio"):
        assert metrics[name] is None, name
