"""Metrics against sums done by hand, pandas, and vectorbt where the definitions meet."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from exchanges.domain import Bars, Timeframe
from runs.engine import trials, vectorized
from runs.engine.metrics import METRICS, metrics
from runs.engine.results import ORDER_DTYPE, PENDING_DTYPE, TRADE_DTYPE, Simulation
from strategies.base import Params, Signals, Strategy

from .worlds import HOUR, SYMBOLS, make_bars, make_config, make_signals

DAY = Timeframe.parse("1d")


class Flips(Strategy[Params]):
    """In at even hours, out at odd ones."""

    Params = Params

    def warmup(self, params):
        return 0

    def signals(self, bars, params):
        even = bars.time // HOUR.ms % 2 == 0
        return Signals(even, ~even)


def make_simulation(equity, trades=(), cash=None, hours=None, closes=None):
    """Books with the given curve and (pnl, return, hours held) of closed trades."""
    equity = np.array(equity, dtype=float)
    time = np.array(range(len(equity)) if hours is None else hours, dtype=np.int64) * HOUR.ms
    table = np.zeros(len(trades), TRADE_DTYPE)
    for i, (pnl, ratio, held) in enumerate(trades):
        table[i]["pnl"], table[i]["return"] = pnl, ratio
        table[i]["entry_time"] = i * 100 * HOUR.ms
        table[i]["exit_time"] = (i * 100 + held) * HOUR.ms
    return Simulation(
        time=time,
        equity=equity,
        cash=np.zeros(len(equity)) if cash is None else np.array(cash, dtype=float),
        close=np.ones((len(equity), 1)) if closes is None else np.array(closes, dtype=float),
        orders=np.zeros(0, ORDER_DTYPE),
        trades=table,
        pending=np.zeros(0, PENDING_DTYPE),
        positions=np.zeros(1),
    )


def measure(*args, config=None, **kwargs):
    return metrics(config or make_config(), make_simulation(*args, **kwargs))


@pytest.mark.parametrize(("price", "cash"), [(0.9005, 15.0), (0.9168, 31.0), (49.0, 8.0)])
def test_a_market_that_stands_still_has_no_ratios_of_rounding(price, cash):
    """What an amount is worth misses by a bit what was paid for it, to either side."""
    bars = make_bars([(price, price, price, price)] * 300)
    config = make_config(hours=300, initial_cash=cash)
    decisions = [make_signals(300, range(0, 300, 2), range(1, 300, 2))]
    simulation = vectorized.simulate(config, [bars], decisions)
    found = metrics(config, simulation)
    assert found["total_trades"] == 150
    assert found["total_return"] == pytest.approx(0, abs=1e-12)
    for name in ("max_drawdown", "max_drawdown_duration", "volatility", "ulcer_index"):
        assert found[name] == 0
    for name in ("sharpe_ratio", "sortino_ratio", "omega_ratio", "calmar_ratio", "skew"):
        assert found[name] is None
    trial = trials.Trials(config, Flips, [bars]).run(Flips.Params())
    assert trial.metrics == found
    assert not trial.blocks[:, 1:].any()


def test_returns_and_ratios_by_hand():
    found = measure([1000, 1100, 990, 1188])
    r = [0.0, 0.1, -0.1, 0.2]
    mean = 0.05
    deviation = math.sqrt(sum((x - mean) ** 2 for x in r) / 3)
    year = math.sqrt(24 * 365)
    assert found["final_value"] == 1188
    assert found["total_return"] == pytest.approx(0.188)
    assert found["annual_return"] == pytest.approx(math.exp(math.log(1.188) * 24 * 365 / 4) - 1)
    assert found["volatility"] == pytest.approx(deviation * year)
    assert found["sharpe_ratio"] == pytest.approx(mean / deviation * year)
    assert found["sortino_ratio"] == pytest.approx(mean / math.sqrt(0.01 / 4) * year)
    assert found["omega_ratio"] == pytest.approx(0.3 / 0.1)
    assert found["max_drawdown"] == pytest.approx(0.1)
    assert found["calmar_ratio"] == pytest.approx(found["annual_return"] / 0.1)
    assert found["recovery_factor"] == pytest.approx(1.88)
    assert found["ulcer_index"] == pytest.approx(math.sqrt(0.01 / 4))


def test_annual_return_counts_the_time_that_passed_not_the_bars():
    hours = [0, 1, 24 * 365 - 1]
    assert measure([100, 110, 120], hours=hours)["annual_return"] == pytest.approx(0.2)


def test_drawdown_duration_runs_from_the_peak_to_the_close_back_at_it():
    equity = [100, 120, 110, 119, 120, 130, 129, 130, 131]
    assert measure(equity)["max_drawdown_duration"] == 3 * 3600
    assert measure([100, 120, 110, 105, 100])["max_drawdown_duration"] == 3 * 3600
    assert measure([100, 120, 110])["max_drawdown_duration"] == 3600
    assert measure([100, 100, 110, 110])["max_drawdown_duration"] == 0
    # A gap in the bars is time under water too, and no drawdown by itself.
    assert measure([100, 90, 100], hours=[0, 1, 50])["max_drawdown_duration"] == 50 * 3600
    assert measure([100, 100, 100], hours=[0, 1, 50])["max_drawdown_duration"] == 0


def test_trade_statistics_by_hand():
    trades = [
        (100, 0.10, 2),
        (50, 0.04, 4),
        (-30, -0.02, 1),
        (0, 0.0, 1),
        (-20, -0.05, 3),
        (-10, -0.01, 1),
        (60, 0.06, 2),
    ]
    found = measure([1000, 1150], trades)
    pnl = [t[0] for t in trades]
    assert (found["total_trades"], found["closed_trades"], found["open_trades"]) == (7, 7, 0)
    assert (found["winning_trades"], found["losing_trades"]) == (3, 3)
    assert found["win_rate"] == pytest.approx(3 / 7)
    assert found["profit_factor"] == pytest.approx(210 / 60)
    assert found["payoff_ratio"] == pytest.approx(70 / 20)
    assert found["expectancy"] == pytest.approx(150 / 7)
    assert found["sqn"] == pytest.approx(math.sqrt(7) * 150 / 7 / np.std(pnl, ddof=1))
    assert (found["best_trade"], found["worst_trade"]) == (0.10, -0.05)
    assert found["average_trade"] == pytest.approx(0.12 / 7)
    assert found["average_win"] == pytest.approx(0.20 / 3)
    assert found["average_loss"] == pytest.approx(-0.08 / 3)
    assert found["average_holding_time"] == pytest.approx(2 * 3600)
    assert (found["longest_winning_streak"], found["longest_losing_streak"]) == (2, 2)


def test_an_open_trade_counts_among_the_trades_and_in_no_other_trade_number():
    flat = (100, 100, 100, 100)
    rows = [flat, flat, (150, 150, 150, 150), flat, flat, (10, 10, 10, 10)]
    simulation = vectorized.simulate(
        make_config(fee=0.1), [make_bars(rows)], [make_signals(6, [0, 3], [1])]
    )
    found = metrics(make_config(fee=0.1), simulation)
    assert (found["total_trades"], found["closed_trades"], found["open_trades"]) == (2, 1, 1)
    assert found["win_rate"] == 1.0
    assert found["profit_factor"] is None
    assert found["worst_trade"] == found["best_trade"] > 0
    assert found["exposure"] == pytest.approx(3 / 6)
    assert found["total_fees"] == pytest.approx(float(simulation.orders["fee"].sum()))


def test_streaks_follow_the_order_of_exit():
    simulation = make_simulation([1, 1], [(1, 0.1, 500), (-1, -0.1, 1), (1, 0.1, 1)])
    assert metrics(make_config(), simulation)["longest_winning_streak"] == 2


def test_the_benchmark_is_the_mean_of_what_each_symbol_did():
    nan = np.nan
    closes = [[100, nan], [110, 50], [150, 60], [150, 60]]
    found = measure([1, 1, 1, 1], closes=closes)
    assert found["benchmark_return"] == pytest.approx((0.5 + 0.2) / 2)
    closes = [[100, nan], [150, nan]]
    assert measure([1, 1], closes=closes)["benchmark_return"] == pytest.approx(0.5)


def test_a_run_that_never_traded_has_no_ratios():
    found = measure([1000.0] * 10, cash=[1000.0] * 10)
    zero = {"total_return", "annual_return", "volatility", "max_drawdown", "exposure"}
    assert all(found[name] == 0 for name in zero)
    for name in ("sharpe_ratio", "sortino_ratio", "calmar_ratio", "omega_ratio", "win_rate"):
        assert found[name] is None
    for name in ("profit_factor", "expectancy", "best_trade", "skew", "kurtosis", "sqn"):
        assert found[name] is None
    assert found["longest_winning_streak"] == 0


def test_an_idle_run_of_three_sleeves_has_no_ratios_either():
    """A third of the cash, three times, is not the cash to the last bit."""
    series = [make_bars([(1, 1, 1, 1)] * 5, symbol=s) for s in SYMBOLS[:3]]
    config = make_config(3, initial_cash=1000.1)
    simulation = vectorized.simulate(config, series, [make_signals(5)] * 3)
    found = metrics(config, simulation)
    assert found["total_return"] == 0
    assert found["sharpe_ratio"] is None


def test_a_run_without_a_bar_keeps_its_cash_and_measures_nothing():
    found = measure([], closes=np.empty((0, 1)))
    assert found["final_value"] == 1000
    assert found["total_trades"] == 0
    assert found["sharpe_ratio"] is found["max_drawdown"] is found["benchmark_return"] is None


def test_what_cannot_be_said_in_a_float_is_none():
    assert measure([1000, 1000, 1e9])["annual_return"] is None
    assert measure([1000, 1000, 0])["annual_return"] == -1
    assert measure([1000, 1000, 0, 0])["sharpe_ratio"] is not None


@given(
    st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=30),
    st.lists(st.tuples(st.floats(-1e300, 1e300), st.floats(-1, 1e300), st.integers(0, 9))),
)
def test_no_metric_is_ever_nan_or_infinite(equity, trades):
    found = measure(equity, trades)
    assert list(found) == list(METRICS)
    assert all(v is None or (type(v) in (int, float) and math.isfinite(v)) for v in found.values())


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(5)
    count = 3000
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, count)))
    open_ = np.concatenate(([50.0], close[:-1]))
    high, low = np.maximum(open_, close) * 1.01, np.minimum(open_, close) * 0.99
    time = np.arange(count, dtype=np.int64) * DAY.ms
    bars = Bars(SYMBOLS[0], DAY, time, open_, high, low, close, np.ones(count))
    config = make_config(timeframe=DAY, end_ms=count * DAY.ms, fee=0.001, slippage=0.001)
    signals = Signals(rng.random(count) < 0.1, rng.random(count) < 0.1)
    return config, bars, vectorized.simulate(config, [bars], [signals])


def test_pandas_finds_the_same(run):
    import pandas as pd

    config, _, simulation = run
    found = metrics(config, simulation)
    equity = pd.Series(simulation.equity)
    r = equity.pct_change().fillna(0.0)
    year = math.sqrt(365)
    expected = {
        "volatility": r.std() * year,
        "sharpe_ratio": r.mean() / r.std() * year,
        "sortino_ratio": r.mean() / math.sqrt((r.clip(upper=0) ** 2).mean()) * year,
        "omega_ratio": r[r > 0].sum() / -r[r < 0].sum(),
        "max_drawdown": -(equity / equity.cummax() - 1).min(),
        "ulcer_index": math.sqrt(((equity / equity.cummax() - 1) ** 2).mean()),
        "value_at_risk": r.quantile(0.05),
        "tail_ratio": r.quantile(0.95) / -r.quantile(0.05),
        "exposure": (simulation.cash < simulation.equity).mean(),
    }
    trades = pd.DataFrame(simulation.trades[simulation.trades["exit_time"] >= 0])
    expected |= {
        "expectancy": trades["pnl"].mean(),
        "profit_factor": trades.pnl[trades.pnl > 0].sum() / -trades.pnl[trades.pnl < 0].sum(),
        "average_holding_time": (trades.exit_time - trades.entry_time).mean() / 1000,
        "average_trade": trades["return"].mean(),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    bias = len(r) / (len(r) - 1)
    assert found["skew"] == pytest.approx(r.skew() * (1 - 2 / len(r)) * math.sqrt(bias))
    assert found["kurtosis"] == pytest.approx(r.kurt(), abs=0.01)


def test_vectorbt_finds_the_same(run):
    import pandas as pd
    import vectorbt  # noqa: TID251

    config, bars, simulation = run
    found = metrics(config, simulation)
    size = np.zeros(len(bars))
    price = np.full(len(bars), np.nan)
    for order in simulation.orders:
        row = order["time"] // DAY.ms
        size[row] = order["amount"] * (1 if order["side"] == 0 else -1)
        price[row] = order["price"]
    theirs = vectorbt.Portfolio.from_orders(
        pd.Series(bars.close, pd.to_datetime(bars.time, unit="ms")),
        size=np.where(size == 0, np.nan, size),
        price=np.where(size == 0, 1.0, price),
        fees=config.fee,
        init_cash=config.initial_cash,
        freq="1D",
    )
    closed = theirs.trades.closed
    # Its trades' returns leave the entry fee out of what the trade cost.
    cost = 1 + config.fee
    expected = {
        "final_value": theirs.final_value(),
        "total_return": theirs.total_return(),
        "annual_return": theirs.annualized_return(),
        "volatility": theirs.annualized_volatility(),
        "sharpe_ratio": theirs.sharpe_ratio(),
        "sortino_ratio": theirs.sortino_ratio(),
        "calmar_ratio": theirs.calmar_ratio(),
        "omega_ratio": theirs.omega_ratio(),
        "max_drawdown": -theirs.max_drawdown(),
        "value_at_risk": theirs.value_at_risk(),
        "tail_ratio": theirs.tail_ratio(),
        "total_trades": theirs.trades.count(),
        "win_rate": closed.win_rate(),
        "profit_factor": closed.profit_factor(),
        "expectancy": closed.expectancy(),
        "sqn": closed.sqn(),
        "best_trade": closed.returns.max() / cost,
        "worst_trade": closed.returns.min() / cost,
        "average_trade": closed.returns.mean() / cost,
        "longest_winning_streak": closed.winning_streak.max(),
        "longest_losing_streak": closed.losing_streak.max(),
        "benchmark_return": bars.close[-1] / bars.close[0] - 1,
        "total_fees": theirs.orders.fees.sum(),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-8)


def test_the_document_lists_every_metric_as_the_code_has_it():
    text = (Path(settings.BASE_DIR) / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|", text, re.MULTILINE)
    assert {name: tuple(rest) for name, *rest in rows} == {
        name: (metric.label, metric.kind, metric.formula) for name, metric in METRICS.items()
    }
    assert len(rows) == len(METRICS)
