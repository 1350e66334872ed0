"""What a run earned, in numbers.  docs/metrics.md is this module's table, spelled out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchanges.domain.timeframe import YEAR

from .config import RunConfig
from .results import Simulation

Number = float | int | None


@dataclass(frozen=True, slots=True)
class Metric:
    """`kind`: fraction (0.05 is 5 %), ratio, money (quote currency), seconds or count."""

    label: str
    kind: str
    formula: str


METRICS: dict[str, Metric] = {
    "final_value": Metric("Final equity", "money", "equity at the last close"),
    "total_return": Metric("Total return", "fraction", "final equity / initial cash - 1"),
    "annual_return": Metric(
        "Annual return", "fraction", "(1 + total_return) ^ (365 days / duration) - 1 (CAGR)"
    ),
    "benchmark_return": Metric(
        "Buy and hold",
        "fraction",
        "mean over the symbols of last close / first close - 1: bought equally, held, no costs",
    ),
    "volatility": Metric("Volatility", "fraction", "std(r) x sqrt(bars a year)"),
    "sharpe_ratio": Metric("Sharpe ratio", "ratio", "mean(r) / std(r) x sqrt(bars a year)"),
    "sortino_ratio": Metric(
        "Sortino ratio", "ratio", "mean(r) / sqrt(mean(min(r, 0)^2)) x sqrt(bars a year)"
    ),
    "calmar_ratio": Metric("Calmar ratio", "ratio", "annual_return / max_drawdown"),
    "omega_ratio": Metric("Omega ratio", "ratio", "sum of r above 0 / -(sum of r below 0)"),
    "recovery_factor": Metric("Recovery factor", "ratio", "total_return / max_drawdown"),
    "max_drawdown": Metric(
        "Max drawdown", "fraction", "max of 1 - equity / highest equity so far (not negative)"
    ),
    "max_drawdown_duration": Metric(
        "Max drawdown duration",
        "seconds",
        "longest time from a peak to the close back at it, or to the last close",
    ),
    "ulcer_index": Metric("Ulcer index", "fraction", "sqrt(mean(drawdown^2))"),
    "value_at_risk": Metric("Value at risk (95 %)", "fraction", "5th percentile of r"),
    "tail_ratio": Metric("Tail ratio", "ratio", "95th percentile of r / -(5th percentile of r)"),
    "skew": Metric("Skew", "ratio", "mean((r - mean)^3) / mean((r - mean)^2)^1.5"),
    "kurtosis": Metric("Excess kurtosis", "ratio", "mean((r - mean)^4) / mean((r - mean)^2)^2 - 3"),
    "exposure": Metric("Exposure", "fraction", "bars with a position at the close / bars"),
    "total_trades": Metric("Trades", "count", "positions opened, the open ones too"),
    "closed_trades": Metric("Closed trades", "count", "positions opened and closed"),
    "open_trades": Metric("Open trades", "count", "positions held at the end"),
    "winning_trades": Metric("Winning trades", "count", "closed trades with pnl > 0"),
    "losing_trades": Metric("Losing trades", "count", "closed trades with pnl < 0"),
    "win_rate": Metric("Win rate", "fraction", "winning_trades / closed_trades"),
    "profit_factor": Metric("Profit factor", "ratio", "sum of winning pnl / -(sum of losing pnl)"),
    "payoff_ratio": Metric("Payoff ratio", "ratio", "mean winning pnl / -(mean losing pnl)"),
    "expectancy": Metric("Expectancy", "money", "mean pnl of the closed trades"),
    "sqn": Metric("System quality number", "ratio", "sqrt(closed_trades) x mean(pnl) / std(pnl)"),
    "best_trade": Metric("Best trade", "fraction", "highest return of a closed trade"),
    "worst_trade": Metric("Worst trade", "fraction", "lowest return of a closed trade"),
    "average_trade": Metric("Average trade", "fraction", "mean return of the closed trades"),
    "average_win": Metric("Average win", "fraction", "mean return of the winning trades"),
    "average_loss": Metric("Average loss", "fraction", "mean return of the losing trades"),
    "average_holding_time": Metric(
        "Average holding time",
        "seconds",
        "mean of exit bar's open - entry bar's open over the closed trades",
    ),
    "longest_winning_streak": Metric(
        "Longest winning streak", "count", "winning trades in a row, in order of exit"
    ),
    "longest_losing_streak": Metric(
        "Longest losing streak", "count", "losing trades in a row, in order of exit"
    ),
    "total_fees": Metric("Fees", "money", "fees of all orders"),
}
"""Every metric, in the order it is shown."""


def metrics(config: RunConfig, simulation: Simulation) -> dict[str, Number]:
    """All of METRICS, in its order; None where a number is undefined, never NaN."""
    # What overflows is undefined; `_finite` turns it into None.
    with np.errstate(all="ignore"):
        found = (
            _returns(config, simulation)
            | _drawdowns(simulation)
            | _trades(simulation.trades)
            | {"total_fees": float(simulation.orders["fee"].sum())}
        )
    found["calmar_ratio"] = _ratio(found["annual_return"], found["max_drawdown"])
    found["recovery_factor"] = _ratio(found["total_return"], found["max_drawdown"])
    return {name: _finite(found[name]) for name in METRICS}


def _returns(config: RunConfig, simulation: Simulation) -> dict[str, Number]:
    equity, count = simulation.equity, len(simulation.equity)
    if not count:
        nothing: dict[str, Number] = dict.fromkeys(METRICS)
        return nothing | {"final_value": config.initial_cash}
    # Nothing can fill before the second bar, so the first close is the initial cash.
    r = np.zeros(count)
    np.divide(equity[1:], equity[:-1], out=r[1:], where=equity[:-1] > 0)
    r[1:] -= equity[:-1] > 0
    a_year = math.sqrt(config.timeframe.bars_per_year)
    total = float(equity[-1] / equity[0] - 1)
    duration = int(simulation.time[-1] - simulation.time[0]) + config.timeframe.ms
    mean, variance = float(r.mean()), float(r.var())
    deviation = math.sqrt(variance * count / (count - 1)) if count > 1 else None
    # A long run's columns are megabytes each: one to work in is enough.
    work = np.minimum(r, 0.0)
    loss, downside = float(work.sum()), math.sqrt(float(work @ work) / count)
    gain = float(r.sum()) - loss
    np.copyto(work, r)
    low, high = _percentiles(work, 5.0, 95.0)
    np.subtract(r, mean, out=work)
    skew, kurtosis = _shape(work, math.sqrt(variance), r)
    return {
        "final_value": float(equity[-1]),
        "total_return": total,
        "annual_return": _annual(total, duration),
        "benchmark_return": _benchmark(simulation.close),
        "volatility": None if deviation is None else deviation * a_year,
        "sharpe_ratio": _ratio(mean * a_year, deviation),
        "sortino_ratio": _ratio(mean * a_year, downside),
        "omega_ratio": _ratio(gain, -loss),
        "value_at_risk": low,
        "tail_ratio": _ratio(high, -low),
        "skew": skew,
        "kurtosis": kurtosis,
        "exposure": float(np.count_nonzero(equity > simulation.cash)) / count,
    }


def _shape(
    centred: NDArray[np.float64], deviation: float, work: NDArray[np.float64]
) -> tuple[Number, Number]:
    """Skew and excess kurtosis; overwrites both arrays."""
    if not 0 < deviation < math.inf:
        return None, None
    z = np.divide(centred, deviation, out=centred)
    squared = np.multiply(z, z, out=work)
    return float(squared @ z) / len(z), float(squared @ squared) / len(z) - 3


def _percentiles(values: NDArray[np.float64], *shares: float) -> list[float]:
    """Linear between the two nearest, as numpy's default; reorders `values`."""
    last = len(values) - 1
    ranks = [share / 100 * last for share in shares]
    values.partition(sorted({min(int(rank) + k, last) for rank in ranks for k in (0, 1)}))
    found = []
    for rank in ranks:
        here, there = values[int(rank)], values[min(int(rank) + 1, last)]
        found.append(float(here + (there - here) * (rank - int(rank))))
    return found


def _annual(total: float, duration_ms: int) -> Number:
    if total <= -1:
        return -1.0
    try:
        return math.expm1(math.log1p(total) * YEAR / duration_ms)
    except OverflowError:
        return None


def _benchmark(closes: NDArray[np.float64]) -> Number:
    known = ~np.isnan(closes)
    listed = known[-1]
    if not listed.any():
        return None
    first = closes[known.argmax(axis=0), np.arange(closes.shape[1])]
    return float((closes[-1, listed] / first[listed] - 1).mean())


def _drawdowns(simulation: Simulation) -> dict[str, Number]:
    equity, time = simulation.equity, simulation.time
    if not len(equity):
        return {}
    peak = np.maximum.accumulate(equity)
    peaks = np.flatnonzero(equity >= peak)
    drawdown = np.subtract(1.0, np.divide(equity, peak, out=peak), out=peak)
    until = np.append(peaks[1:], len(equity) - 1)
    under = until - peaks > 1
    # The last peak has no way back yet, so one bar below it is enough.
    under[-1] = until[-1] > peaks[-1]
    spans = (time[until] - time[peaks])[under]
    return {
        "max_drawdown": float(drawdown.max()),
        "max_drawdown_duration": int(spans.max()) // 1000 if len(spans) else 0,
        "ulcer_index": math.sqrt(float(drawdown @ drawdown) / len(drawdown)),
    }


def _trades(trades: NDArray[np.void]) -> dict[str, Number]:
    closed = trades[trades["exit_time"] >= 0]
    # By exit; of one bar in the order of entry.
    closed = closed[np.argsort(closed["exit_time"], kind="stable")]
    pnl, returns = closed["pnl"], closed["return"]
    wins, losses = pnl > 0, pnl < 0
    won, lost = float(pnl[wins].sum()), float(-pnl[losses].sum())
    held = closed["exit_time"] - closed["entry_time"]
    count, mean = len(closed), _mean(pnl)
    deviation = float(pnl.std(ddof=1)) if count > 1 else None
    return {
        "total_trades": len(trades),
        "closed_trades": count,
        "open_trades": len(trades) - count,
        "winning_trades": int(wins.sum()),
        "losing_trades": int(losses.sum()),
        "win_rate": _ratio(float(wins.sum()), float(count)),
        "profit_factor": _ratio(won, lost),
        "payoff_ratio": _ratio(_mean(pnl[wins]), _mean(-pnl[losses])),
        "expectancy": mean,
        "sqn": _ratio(None if mean is None else mean * math.sqrt(count), deviation),
        "best_trade": float(returns.max()) if count else None,
        "worst_trade": float(returns.min()) if count else None,
        "average_trade": _mean(returns),
        "average_win": _mean(returns[wins]),
        "average_loss": _mean(returns[losses]),
        "average_holding_time": None if not count else float(held.mean()) / 1000,
        "longest_winning_streak": _longest(wins),
        "longest_losing_streak": _longest(losses),
    }


def _longest(flags: NDArray[np.bool_]) -> int:
    """Length of the longest run of True."""
    breaks = np.flatnonzero(np.concatenate(([True], ~flags, [True])))
    return int(np.diff(breaks).max()) - 1


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


def _ratio(above: Number, below: Number) -> float | None:
    return above / below if above is not None and below else None


def _finite(value: Number) -> Number:
    return value if value is not None and math.isfinite(value) else None
