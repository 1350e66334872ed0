"""A whole backtest: strategy → decisions → simulation → metrics."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from exchanges.domain import Bars, CracktraderError, Gap, InvalidInput, Panel, Symbol
from strategies.base import Params, PortfolioStrategy, Signals, Strategy, Weights

from . import inputs
from .config import RunConfig
from .metrics import metrics
from .results import Simulation

T = TypeVar("T")

AnyStrategy = type[Strategy[Any]] | type[PortfolioStrategy[Any]]

Progress = Callable[[str, float], None]
"""Called with the stage that begins and the share of the work done, in [0, 1].
What it raises ends the backtest."""


@dataclass(frozen=True, slots=True)
class RunWarning:
    """Something the reader of the results should know."""

    code: str
    message: str
    symbol: Symbol


@dataclass(frozen=True, eq=False, slots=True)
class BacktestResult:
    """`gaps`: missing bars in [anchor, end) per symbol.  `signals`: decisions in
    [start, end): entries and exits, or rows of target weights as `weights`."""

    simulation: Simulation
    metrics: dict[str, float | int | None]
    gaps: dict[Symbol, list[Gap]]
    warnings: list[RunWarning]
    signals: dict[str, int]


def run_backtest(
    config: RunConfig,
    strategy_cls: AnyStrategy,
    params: Params,
    series: Sequence[Bars],
    *,
    on_progress: Progress | None = None,
    on_simulated: Callable[[Simulation], object] | None = None,
) -> BacktestResult:
    """Runs the strategy over the bars that open in [anchor, end).

    `series`: one `Bars` per symbol of the config, in its order.  Bars outside
    [anchor, end) are never shown to the strategy.  `on_simulated` gets the books
    while the metrics are still to come.

    Raises STRATEGY_FAILED with the exception's class, message and line when the
    strategy raises; STRATEGY_BAD_OUTPUT, INVALID_WEIGHTS, INVALID_STOPS and
    INVALID_BARS as `vectorized.simulate` does.
    """
    # vectorbt takes seconds to import: not before somebody runs a backtest.
    from . import vectorized

    progress = on_progress or _silent
    seen = [bars.between(config.anchor_ms, config.end_ms) for bars in series]
    progress("signals", 0.0)
    wanted = warmup(strategy_cls, params)
    decisions = decide(strategy_cls, params, seen, progress)
    progress("simulation", 0.7)
    simulation = vectorized.simulate(config, seen, decisions)
    if on_simulated is not None:
        on_simulated(simulation)
    progress("metrics", 0.8)
    signals = count_signals(config, seen, decisions, config.start_ms, config.end_ms)
    result = conclude(config, seen, simulation, wanted, signals)
    progress("metrics", 1.0)
    return result


def warmup(strategy_cls: AnyStrategy, params: Params) -> int:
    """The bars the strategy wants to have seen before its first decision.

    Raises STRATEGY_FAILED as `run_backtest` does.
    """
    bars: int = _call(strategy_cls, lambda: strategy_cls().warmup(params))
    return bars


def decide(
    strategy_cls: AnyStrategy,
    params: Params,
    seen: Sequence[Bars],
    on_progress: Progress | None = None,
) -> list[Signals] | Weights:
    """What the strategy, made anew, decides at the closes of the bars `seen`.

    One `Signals` per series, its rows those of the series; or `Weights` whose
    rows are the union of the series' times.  Progress is told as "signals", up
    to 0.7.  Raises STRATEGY_FAILED as `run_backtest` does, and
    STRATEGY_BAD_OUTPUT for anything but these two.
    """
    progress = on_progress or _silent
    strategy = _call(strategy_cls, strategy_cls)
    if isinstance(strategy, PortfolioStrategy):
        panel = Panel.align(seen)
        weights = _call(strategy_cls, partial(strategy.signals, panel, params))
        return _checked(weights, Weights)
    decided: list[Signals] = []
    for bars in seen:
        progress("signals", 0.7 * len(decided) / len(seen))
        signals = _call(strategy_cls, partial(strategy.signals, bars, params))
        decided.append(_checked(signals, Signals))
    return decided


def count_signals(
    config: RunConfig,
    seen: Sequence[Bars],
    decisions: Sequence[Signals] | Weights,
    start_ms: int,
    end_ms: int,
) -> dict[str, int]:
    """Decisions at the closes of bars that open in [start, end), a part of the window.

    `entries` and `exits`, or rows of target weights as `weights`.  The counts
    of adjacent ranges add up to those of both together.  `decisions` are those
    of `seen`, as an engine accepted them.
    """
    low, high = max(start_ms, config.start_ms), min(end_ms, config.end_ms)
    if isinstance(decisions, Weights):
        first, last = np.searchsorted(inputs.union(seen), (low, high))
        rows = decisions.values[first:last]
        return {"weights": int((~np.isnan(rows)).any(axis=1).sum())}
    counts = {"entries": 0, "exits": 0}
    for bars, signals in zip(seen, decisions, strict=True):
        first, last = np.searchsorted(bars.time, (low, high))
        counts["entries"] += int(signals.entries[first:last].sum())
        counts["exits"] += int(signals.exits[first:last].sum())
    return counts


def conclude(
    config: RunConfig,
    seen: Sequence[Bars],
    simulation: Simulation,
    warmup: int,
    signals: dict[str, int],
) -> BacktestResult:
    """The result of a run whose books are closed.

    `seen`: the bars in [anchor, end); `warmup`: how many of them the strategy
    wanted before the start; `signals`: as `count_signals` counts them.
    """
    return BacktestResult(
        simulation=simulation,
        metrics=metrics(config, simulation),
        gaps={bars.symbol: list(bars.gaps()) for bars in seen},
        warnings=_warnings(config, seen, warmup),
        signals=signals,
    )


def _silent(stage: str, done: float) -> None:
    """Nobody is watching."""


def _checked(output: object, wanted: type[T]) -> T:
    if not isinstance(output, wanted):
        raise InvalidInput(
            "STRATEGY_BAD_OUTPUT",
            f"signals() returned {type(output).__name__}",
            expected=wanted.__name__,
        )
    return output


def _call(strategy_cls: type, function: Callable[[], Any]) -> Any:
    """Runs a strategy's code; what it raises becomes an error a caller can read."""
    try:
        return function()
    except CracktraderError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and type(error) is not SystemExit:
            # A time limit of whoever called us, not the strategy's doing.
            raise
        line = _line(strategy_cls, error)
        where = f" at line {line}" if line else ""
        raise CracktraderError(
            "STRATEGY_FAILED",
            f"{strategy_cls.__name__} raised {type(error).__name__}{where}: {error}",
            exception=type(error).__name__,
            reason=str(error),
            line=line,
        ) from error


def _line(strategy_cls: type, error: BaseException) -> int | None:
    """The innermost line of the strategy's own file on the way to the error."""
    code = getattr(getattr(strategy_cls, "signals", None), "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [f.lineno for f in frames if code is not None and f.filename == code.co_filename]
    return own[-1] if own else None


def _warnings(config: RunConfig, series: Sequence[Bars], warmup: int) -> list[RunWarning]:
    found: list[RunWarning] = []

    def warn(code: str, message: str) -> None:
        found.append(RunWarning(code, f"{bars.symbol}: {message}", bars.symbol))

    for bars in series:
        before = int(np.searchsorted(bars.time, config.start_ms))
        if before < warmup:
            warn(
                "SHORT_WARMUP",
                f"{before} bars before the start, the strategy wants {warmup}; "
                "its first decisions may differ from those with a longer history",
            )
        window = bars.between(config.start_ms, config.end_ms)
        if not len(window):
            warn("NO_BARS", "no bar in the run's range")
            continue
        step = config.timeframe.ms
        late = (int(window.time[0]) - config.timeframe.ceil(config.start_ms)) // step
        if late > 0:
            warn("STARTS_LATE", f"the first {late} bars of the range are missing")
        early = (config.timeframe.ceil(config.end_ms) - step - int(window.time[-1])) // step
        if early > 0:
            warn("ENDS_EARLY", f"the last {early} bars of the range are missing")
        missing = sum(gap.bars for gap in window.gaps())
        if missing:
            warn("MISSING_BARS", f"{missing} bars are missing within the range, not filled in")
    return found
