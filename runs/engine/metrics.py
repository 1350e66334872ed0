"""What a run earned, in numbers.  docs/metrics.md is this module's table, spelled out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from exchanges.domain.timeframe import YEAR

from . import sums
from .config import RunConfig
from .results import Simulation
from .sums import Curve, Tally
from .sums import Number as Number


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
    # What overflows is undefined; `conclude` turns it into None.
    with np.errstate(all="ignore"):
        return conclude(
            config,
            sums.curve(config.timeframe.ms, simulation) if len(simulation.equity) else None,
            sums.tally(simulation.trades),
            sums.benchmark(simulation.close),
            float(simulation.orders["fee"].sum()),
        )


def conclude(
    config: RunConfig, curve: Curve | None, tally: Tally, benchmark: Number, fees: float
) -> dict[str, Number]:
    """The metrics of such sums; `curve` is None where there was no bar."""
    found: dict[str, Number] = dict.fromkeys(METRICS)
    found |= {"final_value": config.initial_cash} if curve is None else _returns(config, curve)
    found |= _trades(tally)
    found["benchmark_return"] = benchmark
    found["total_fees"] = fees
    found["calmar_ratio"] = _ratio(found["annual_return"], found["max_drawdown"])
    found["recovery_factor"] = _ratio(found["total_return"], found["max_drawdown"])
    return {name: _finite(value) for name, value in found.items()}


def _returns(config: RunConfig, curve: Curve) -> dict[str, Number]:
    count, variance = curve.bars, curve.variance
    a_year = math.sqrt(config.timeframe.bars_per_year)
    total = float(np.float64(curve.last) / curve.first - 1)
    deviation = math.sqrt(variance * count / (count - 1)) if count > 1 else None
    return {
        "final_value": curve.last,
        "total_return": total,
        "annual_return": _annual(total, curve.duration),
        "volatility": None if deviation is None else deviation * a_year,
        "sharpe_ratio": _ratio(curve.mean * a_year, deviation),
        "sortino_ratio": _ratio(curve.mean * a_year, math.sqrt(curve.loss_squares / count)),
        "omega_ratio": _ratio(curve.sum - curve.loss, -curve.loss),
        "value_at_risk": curve.low,
        "tail_ratio": _ratio(curve.high, -curve.low),
        "skew": curve.skew,
        "kurtosis": curve.kurtosis,
        "exposure": curve.held / count,
        "max_drawdown": curve.max_drawdown,
        "max_drawdown_duration": curve.under_water // 1000,
        "ulcer_index": math.sqrt(curve.drawdown_squares / count),
    }


def _trades(tally: Tally) -> dict[str, Number]:
    count, mean = tally.closed, tally.mean
    return {
        "total_trades": tally.trades,
        "closed_trades": count,
        "open_trades": tally.trades - count,
        "winning_trades": tally.wins,
        "losing_trades": tally.losses,
        "win_rate": _ratio(float(tally.wins), float(count)),
        "profit_factor": _ratio(tally.won, tally.lost),
        "payoff_ratio": _ratio(tally.mean_win, tally.mean_loss),
        "expectancy": mean,
        "sqn": _ratio(None if mean is None else mean * math.sqrt(count), tally.deviation),
        "best_trade": tally.best,
        "worst_trade": tally.worst,
        "average_trade": tally.average,
        "average_win": tally.average_win,
        "average_loss": tally.average_loss,
        "average_holding_time": None if tally.held is None else tally.held / 1000,
        "longest_winning_streak": tally.longest_win,
        "longest_losing_streak": tally.longest_loss,
    }


def _annual(total: float, duration_ms: int) -> Number:
    if total <= -1:
        return -1.0
    try:
        return math.expm1(math.log1p(total) * YEAR / duration_ms)
    except OverflowError:
        return None


def _ratio(above: Number, below: Number) -> float | None:
    return above / below if above is not None and below else None


def _finite(value: Number) -> Number:
    return value if value is not None and math.isfinite(value) else None
