"""Bars, decisions and configs for tests, and the two simulators side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from exchanges.domain import Bars, Panel, Purpose, Side, Symbol, Timeframe
from runs.engine import vectorized
from runs.engine.config import CashMode, RunConfig
from runs.engine.results import Simulation
from strategies.base import Signals, Weights

from . import reference

HOUR = Timeframe.parse("1h")
SYMBOLS = tuple(Symbol(f"{name}/USDT") for name in ("AAA", "BBB", "CCC", "DDD"))


def make_bars(
    rows: Sequence[tuple[float, float, float, float]],
    hours: Sequence[int] | None = None,
    symbol: Symbol = SYMBOLS[0],
) -> Bars:
    """Bars of (open, high, low, close), one an hour or at the given hours."""
    times = np.array(range(len(rows)) if hours is None else hours, dtype=np.int64) * HOUR.ms
    columns = np.array(rows, dtype=float).reshape(-1, 4).T
    return Bars(symbol, HOUR, times, *columns, np.ones(len(rows)))


def make_signals(count: int, entries: Sequence[int] = (), exits: Sequence[int] = ()) -> Signals:
    """Signals true at the given bars."""
    flags = [np.zeros(count, dtype=bool) for _ in range(2)]
    flags[0][list(entries)] = True
    flags[1][list(exits)] = True
    return Signals(*flags)


def make_config(symbols: int = 1, hours: int = 1000, **changes: object) -> RunConfig:
    base: dict[str, object] = {
        "symbols": SYMBOLS[:symbols],
        "timeframe": HOUR,
        "anchor_ms": 0,
        "start_ms": 0,
        "end_ms": hours * HOUR.ms,
        "initial_cash": 1000.0,
    }
    return RunConfig(**base | changes)


def run_reference(
    config: RunConfig, series: Sequence[Bars], decisions: Sequence[Signals] | Weights
) -> reference.Books:
    rules = reference.Rules(
        symbols=list(config.symbols),
        bar_ms=config.timeframe.ms,
        start=config.start_ms,
        end=config.end_ms,
        initial_cash=config.initial_cash,
        fee=config.fee,
        slippage=config.slippage,
        stop_loss=config.stop_loss,
        take_profit=config.take_profit,
        trailing_stop=config.trailing_stop,
        position_size=config.position_size,
        shared=config.cash is CashMode.SHARED,
        max_drawdown=config.max_drawdown,
        daily_loss=config.daily_loss,
        flatten_at=config.flatten_at,
    )
    bars = {
        b.symbol: {
            int(time): reference.Bar(float(o), float(h), float(low), float(c))
            for time, o, h, low, c in zip(b.time, b.open, b.high, b.low, b.close, strict=True)
        }
        for b in series
    }
    if isinstance(decisions, Weights):
        times = Panel.align(series).time
        targets = {
            int(time): {
                symbol: None if np.isnan(weight) else float(weight)
                for symbol, weight in zip(config.symbols, row, strict=True)
            }
            for time, row in zip(times, decisions.values, strict=True)
        }
        return reference.trade_weights(rules, bars, targets)
    wishes = {
        b.symbol: {
            int(time): reference.Decision(bool(entry), bool(exit_))
            for time, entry, exit_ in zip(b.time, d.entries, d.exits, strict=True)
        }
        for b, d in zip(series, decisions, strict=True)
    }
    return reference.trade_signals(rules, bars, wishes)


def near(expected: object, scale: float = 0.0) -> object:
    """Equal to 1e-9 of itself, or of `scale` where sums cancel."""
    return pytest.approx(expected, rel=1e-9, abs=1e-9 * scale)


def assert_same(config: RunConfig, simulation: Simulation, books: reference.Books) -> None:
    """Every table of the engine's equals the reference's to 1e-9."""
    names = list(config.symbols)

    assert simulation.time.tolist() == books.time
    orders = simulation.orders
    assert [
        (
            names[o["symbol"]],
            Side(o["side"]).name.lower(),
            Purpose(o["purpose"]).name.lower(),
            int(o["created"]),
            int(o["time"]),
            int(o["trade"]),
        )
        for o in orders
    ] == [(o.symbol, o.side, o.purpose, o.created, o.time, o.trade) for o in books.orders]
    assert orders["price"].tolist() == near([o.price for o in books.orders])
    worth = dict(zip(books.time, books.equity, strict=True))
    for ours, theirs in zip(orders, books.orders, strict=True):
        # A rebalancing is the difference of two sums on the scale of the run's
        # value, and may be a millionth of it.
        scale = 1e-3 * worth[theirs.time] if theirs.purpose == "rebalance" else 0.0
        assert ours["amount"] == near(theirs.amount, scale / theirs.price)
        assert ours["fee"] == near(theirs.fee, theirs.amount * theirs.price)

    assert simulation.equity.tolist() == near(books.equity)
    for ours, theirs, worth in zip(simulation.cash, books.cash, books.equity, strict=True):
        assert ours == near(theirs, worth)
    assert simulation.positions.tolist() == near([books.position[s] for s in names])

    trades = simulation.trades
    assert [
        (
            names[t["symbol"]],
            int(t["entry_time"]),
            int(t["exit_time"]),
            int(t["bars"]),
            Purpose(t["exit_purpose"]).name.lower() if t["exit_purpose"] >= 0 else "",
        )
        for t in trades
    ] == [
        (
            t.symbol,
            t.buys[0].time,
            -1 if t.open else t.sells[-1].time,
            t.bars,
            "" if t.open else t.sells[-1].purpose,
        )
        for t in books.trades
    ]
    for ours, theirs in zip(trades, books.trades, strict=True):
        assert ours["entry_price"] == near(theirs.entry_price())
        assert ours["exit_price"] == near(theirs.exit_price())
        assert ours["amount"] == near(theirs.bought())
        # A trade can turn over more than it costs: sums cancel on that scale.
        turnover = theirs.cost() + theirs.proceeds()
        assert ours["fees"] == near(theirs.fees(), turnover)
        assert ours["pnl"] == near(theirs.pnl(), turnover)
        assert ours["return"] == near(theirs.return_(), 1.0)

    assert [
        (
            names[p["symbol"]],
            Side(p["side"]).name.lower(),
            Purpose(p["purpose"]).name.lower(),
            int(p["created"]),
        )
        for p in simulation.pending
    ] == [tuple(p) for p in books.pending]

    limit = simulation.limit
    assert (limit and (limit.reason.value, limit.time)) == books.limit


def run_both(
    config: RunConfig, series: Sequence[Bars], decisions: Sequence[Signals] | Weights
) -> Simulation:
    """The engine's result, once it is found equal to the reference's."""
    simulation = vectorized.simulate(config, series, decisions)
    assert_same(config, simulation, run_reference(config, series, decisions))
    return simulation
