"""Real BTC/USDT candles: the catalogue's cross against a plain loop and backtesting.py."""

from __future__ import annotations

import csv
import os
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from exchanges import queries, services
from exchanges.domain import Bars, Purpose, Symbol
from exchanges.market_store import SeriesKey
from runs.engine.backtest import BacktestResult, run_backtest
from runs.engine.config import RunConfig
from strategies.catalog.moving_average_cross import MovingAverageCross

from .worlds import HOUR, run_reference

FAST, SLOW, FEE, CASH = 10, 30, 0.001, 10_000.0
START = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
BTC = Symbol("BTC/USDT")
END = int(datetime(2024, 3, 1, tzinfo=UTC).timestamp() * 1000)

pytestmark = pytest.mark.django_db


def candles_file() -> Path:
    folder = os.environ.get("CRACKTRADER_TEST_DATA")
    base = Path(folder) if folder else Path(settings.BASE_DIR).parent / "shared" / "data"
    return base / "binance_BTC-USDT_1h.csv"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, float]]:
    path = candles_file()
    if not path.exists():
        pytest.skip(f"no candles at {path}")
    with path.open(newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def bars(
    rows: list[dict[str, float]],
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Bars:
    """The file, imported into a store and read back from it."""
    with (
        override_settings(CANDLES_DIR=tmp_path_factory.mktemp("candles")),
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        services.import_candles(candles_file(), "binance", BTC, HOUR)
        transaction.set_rollback(True)
        return queries.store().read(SeriesKey("binance", BTC, HOUR), 0, int(time.time() * 1000))


@pytest.fixture(scope="module")
def config(bars: Bars) -> RunConfig:
    first = int(np.searchsorted(bars.time, START))
    return RunConfig(
        symbols=(bars.symbol,),
        timeframe=HOUR,
        anchor_ms=int(bars.time[first - SLOW]),
        start_ms=START,
        end_ms=END,
        initial_cash=CASH,
        fee=FEE,
    )


@pytest.fixture(scope="module")
def result(bars: Bars, config: RunConfig) -> BacktestResult:
    params = MovingAverageCross.Params(fast_period=FAST, slow_period=SLOW)
    return run_backtest(config, MovingAverageCross, params, [bars])


def loop(rows: list[dict[str, float]]) -> tuple[list[tuple[int, float]], list, float]:
    """The whole backtest in one loop: (time, price) of entries, exits, and the final value."""
    entries, exits = [], []
    cash, amount = CASH, 0.0
    wish = ""
    closes = [row["close"] for row in rows]
    for i, row in enumerate(rows):
        time = int(row["timestamp"])
        if not START <= time < END:
            continue
        if wish == "enter":
            amount = cash / (1 + FEE) / row["open"]
            cash = 0.0
            entries.append((time, row["open"]))
        elif wish == "leave":
            cash = amount * row["open"] * (1 - FEE)
            amount = 0.0
            exits.append((time, row["open"]))
        wish = ""
        fast, slow = (sum(closes[i + 1 - n : i + 1]) / n for n in (FAST, SLOW))
        fast_before, slow_before = (sum(closes[i - n : i]) / n for n in (FAST, SLOW))
        if fast_before <= slow_before and fast > slow and amount == 0:
            wish = "enter"
        elif fast_before >= slow_before and fast < slow and amount > 0:
            wish = "leave"
        last = row["close"]
    return entries, exits, cash + amount * last


def fills(result: BacktestResult, purpose: Purpose) -> list[tuple[int, float]]:
    orders = result.simulation.orders
    chosen = orders[orders["purpose"] == purpose]
    return list(zip(chosen["time"].tolist(), chosen["price"].tolist(), strict=True))


def test_the_store_holds_the_file_row_by_row(rows, bars):
    assert bars.time.tolist() == [int(row["timestamp"]) for row in rows]
    for column in ("open", "high", "low", "close", "volume"):
        assert getattr(bars, column).tolist() == [row[column] for row in rows]


def test_a_plain_loop_over_the_bars_trades_the_same(rows, result):
    entries, exits, value = loop(rows)
    assert len(entries) > 500
    assert fills(result, Purpose.ENTRY) == entries
    assert fills(result, Purpose.EXIT) == exits
    assert result.metrics["final_value"] == pytest.approx(value, rel=1e-9, abs=1e-6)


def test_the_venues_outages_are_reported(bars, config, result):
    (gaps,) = result.gaps.values()
    assert gaps == list(bars.between(config.anchor_ms, END).gaps())
    assert len(gaps) > 5
    assert "MISSING_BARS" in [warning.code for warning in result.warnings]
    hours = (END - START) // HOUR.ms
    assert len(result.simulation.time) == hours - sum(gap.bars for gap in gaps)


def test_stops_on_real_bars_fill_as_the_reference_fills_them(bars, config):
    changes = {"trailing_stop": 0.02, "take_profit": 0.05, "slippage": 0.0005}
    changed = RunConfig.from_dict(config.to_dict() | changes)
    strategy = MovingAverageCross()
    params = MovingAverageCross.Params(fast_period=FAST, slow_period=SLOW)
    result = run_backtest(changed, MovingAverageCross, params, [bars])
    seen = bars.between(config.anchor_ms, END)
    books = run_reference(changed, [seen], [strategy.signals(seen, params)])
    orders = result.simulation.orders
    assert {Purpose.TRAILING_STOP, Purpose.TAKE_PROFIT} <= set(orders["purpose"].tolist())
    assert orders["time"].tolist() == [order.time for order in books.orders]
    assert orders["price"].tolist() == pytest.approx([o.price for o in books.orders], rel=1e-9)
    assert result.simulation.equity.tolist() == pytest.approx(books.equity, rel=1e-9)


def test_backtesting_py_trades_the_same(bars, config, result):
    """With its fills at the next open and its commission on both sides.

    It trades whole units only, so a unit is made a trillionth of a coin; and it
    never asks a strategy at the first bar, where this run has nothing to say.
    """
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports, and of the trade still open
        from backtesting import Strategy
        from backtesting.lib import FractionalBacktest

        seen = bars.between(config.anchor_ms, END)
        signals = MovingAverageCross().signals(
            seen, MovingAverageCross.Params(fast_period=FAST, slow_period=SLOW)
        )
        enter, leave = signals.entries[SLOW:], signals.exits[SLOW:]
        assert not enter[0]
        assert not leave[0]

        class Cross(Strategy):
            def init(self) -> None:
                pass

            def next(self) -> None:
                i = len(self.data) - 1
                if enter[i] and not self.position:
                    self.buy()
                elif leave[i] and self.position:
                    self.position.close()

        window = bars.between(START, END)
        names = ("Open", "High", "Low", "Close", "Volume")
        frame = pd.DataFrame(
            {name: getattr(window, name.lower()) for name in names},
            index=pd.to_datetime(window.time, unit="ms"),
        )
        stats = FractionalBacktest(
            frame, Cross, cash=CASH, commission=FEE, fractional_unit=1e-12
        ).run()

    theirs = stats["_trades"]
    closed = result.simulation.trades[result.simulation.trades["exit_time"] >= 0]
    assert window.time[theirs["EntryBar"]].tolist() == closed["entry_time"].tolist()
    assert window.time[theirs["ExitBar"]].tolist() == closed["exit_time"].tolist()
    assert theirs["EntryPrice"].tolist() == pytest.approx(closed["entry_price"].tolist())
    assert theirs["ExitPrice"].tolist() == pytest.approx(closed["exit_price"].tolist())
    assert theirs["Size"].tolist() == pytest.approx(closed["amount"].tolist(), rel=1e-7)
    assert stats["Equity Final [$]"] == pytest.approx(result.metrics["final_value"], rel=1e-6)
    assert stats["Max. Drawdown [%]"] / -100 == pytest.approx(
        result.metrics["max_drawdown"], rel=1e-6
    )
