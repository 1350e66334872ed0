"""Finds what makes a backtest lie: lookahead, too short a warm-up, carelessness.

Lookahead: on a prefix of the bars, and with later bars altered, a strategy
must decide what it decided on the whole, bit for bit.  Warm-up: started
later, with `warmup` bars before it, a decision must be what the whole history
gave.  Cuts are made where the strategy acts and at random (seeded) places, a few at
a time by a module loaded anew, in an order in which it cannot have seen before what
is cut off: or it could remember what it saw of the whole.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Bars, Panel
from exchanges.domain.bars import PRICE_COLUMNS

from .base import AnyStrategy, Params, PortfolioStrategy, Signals, Weights
from .findings import CheckReport, Finding

EVENTS = 96
RANDOM = 64
SHAKEN = 16
PER_MODULE = 16
"""Cuts judged by one module."""
TOLERANCE = 1e-9


def check(
    strategy: type[AnyStrategy],
    params: Params,
    series: Sequence[Bars],
    *,
    seed: int = 0,
    seconds: float = 60.0,
    load_anew: Callable[[], type[AnyStrategy]] | None = None,
) -> CheckReport:
    """Checks one strategy on `series`, at least one and none empty.

    `load_anew`: the same strategy out of a module that remembers nothing; without it
    what a module remembers is not seen through.  Stops comparing after `seconds` and
    says so.  A strategy that looks at one symbol at a time is checked on each.
    """
    report = CheckReport(strategy.__name__, params.model_dump(mode="json"))
    portfolio = issubclass(strategy, PortfolioStrategy)
    groups = [list(series)] if portfolio else [[bars] for bars in series]
    deadline = time.monotonic() + seconds
    for group in groups:
        _Check(strategy, params, group, report, seed, deadline, load_anew).run()
    if not report.findings and not report.decisions:
        report.notes.append("the strategy never acts on these bars: little was compared")
    return report


class _Broken(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class _Difference:
    row: int
    column: int
    whole: str
    part: str


class _Check:
    """One strategy on one symbol, or on all of them at once for a portfolio."""

    def __init__(
        self,
        strategy: type[AnyStrategy],
        params: Params,
        series: list[Bars],
        report: CheckReport,
        seed: int,
        deadline: float,
        load_anew: Callable[[], type[AnyStrategy]] | None,
    ) -> None:
        self.strategy = strategy
        self.load_anew = load_anew
        self.params = params
        self.series = series
        self.report = report
        self.rng = np.random.default_rng(seed)
        self.deadline = deadline
        self.portfolio = issubclass(strategy, PortfolioStrategy)
        self.times = Panel.align(series).time
        self.symbol = None if self.portfolio else str(series[0].symbol)
        if self.portfolio:
            self.columns = [f"weight of {bars.symbol}" for bars in series]
        else:
            self.columns = ["entry", "exit"]
        self.whole = np.empty((0, len(self.columns)))
        self.acting = np.empty(0, dtype=np.int64)

    def run(self) -> None:
        self.report.bars += len(self.times)
        try:
            self._run_whole()
        except _Broken as broken:
            self._find(broken.kind, str(broken))
            return
        self._compare_all("lookahead", self._prefix_cuts(), self._prefix)
        if not any(f.kind == "lookahead" and f.symbol == self.symbol for f in self.report.findings):
            self._compare_all("lookahead", self._shaken_cuts(), self._shaken)
        if self.report.warmup < len(self.times) - 1:
            self._compare_all("warmup", self._suffix_starts(), self._suffix)
        else:
            self.report.notes.append(
                f"the warm-up of {self.report.warmup} bars could not be judged on "
                f"{len(self.times)} bars"
            )

    def _run_whole(self) -> None:
        instance = self.strategy()
        warmup = self._call(lambda: instance.warmup(self.params))
        if isinstance(warmup, bool) or not isinstance(warmup, int) or warmup < 0:
            raise _Broken("output", f"warmup() must give a number of bars, not {warmup!r:.80}")
        self.report.warmup = max(self.report.warmup, warmup)
        seen = self._input(self.series)
        before = _digest(seen)
        self.whole = self._decide(instance, seen)
        if _digest(seen) != before:
            raise _Broken("mutation", "signals() changes the bars it is given")
        again = self._decide(instance, seen)
        self._load_anew()
        fresh = self._decide(self.strategy(), seen)
        for other in (again, fresh):
            if self._difference(self.whole, other):
                raise _Broken(
                    "randomness", "signals() decides differently when called again on the same bars"
                )
        acts = ~np.isnan(self.whole) if self.portfolio else self.whole.astype(np.bool_)
        changes = np.flatnonzero(acts.any(axis=1))
        self.report.decisions += len(changes)
        self.acting = changes

    def _compare_all(
        self,
        kind: str,
        cuts: NDArray[np.int64],
        compare: Callable[[int], tuple[_Difference | None, str]],
    ) -> None:
        """Reports the earliest difference any cut shows."""
        first: tuple[_Difference, str] | None = None
        for cut in self._in_order(cuts, compare):
            if time.monotonic() > self.deadline:
                self.report.notes.append(f"out of time: not every {kind} comparison was made")
                break
            try:
                difference, how = compare(cut)
            except _Broken as broken:
                self._find(broken.kind, f"{broken} (cut at bar {cut} of {len(self.times)})")
                return
            self.report.comparisons += 1
            if difference and (first is None or difference.row < first[0].row):
                first = difference, how
        if first:
            difference, how = first
            name = self.columns[difference.column]
            self._find(
                kind,
                f"{name} is {difference.whole} on the whole series and {difference.part} {how}",
                difference.row,
                name,
            )

    def _in_order(self, cuts: NDArray[np.int64], compare: object) -> Iterator[int]:
        """At random, so that running out of time leaves a fair sample, but for a module's few:

        of these each shows bars that none before it has shown.
        """
        latest_first = compare == self._suffix
        mixed = self.rng.permutation(cuts)
        few = 1 if compare == self._shaken else PER_MODULE
        for at in range(0, len(mixed), few):
            self._load_anew()
            yield from sorted(mixed[at : at + few].tolist(), reverse=latest_first)

    def _load_anew(self) -> None:
        if self.load_anew is not None:
            self.strategy = self.load_anew()
            # Its module's own: an enumeration's members are others there.
            self.params = self.strategy.Params.model_validate_json(self.params.model_dump_json())

    def _prefix(self, length: int) -> tuple[_Difference | None, str]:
        part = self._decide(self.strategy(), self._input(self._cut(0, length)))
        how = f"without the bars after bar {length - 1}: it looks ahead"
        return self._difference(self.whole[:length], part), how

    def _shaken(self, length: int) -> tuple[_Difference | None, str]:
        altered = [self._shake(bars, int(self.times[length - 1])) for bars in self.series]
        part = self._decide(self.strategy(), self._input(altered))
        how = f"when the bars after bar {length - 1} are altered: it looks ahead"
        return self._difference(self.whole[:length], part[:length]), how

    def _suffix(self, start: int) -> tuple[_Difference | None, str]:
        warmup = self.report.warmup
        part = self._decide(self.strategy(), self._input(self._cut(start, len(self.times))))
        found = self._difference(self.whole[start + warmup :], part[warmup:])
        if found:
            row = found.row + start + warmup
            found = _Difference(row, found.column, found.whole, found.part)
        how = f"when the bars start at bar {start}: a warm-up of {warmup} bars is too short"
        return found, how

    def _prefix_cuts(self) -> NDArray[np.int64]:
        n, warmup = len(self.times), self.report.warmup
        fixed = np.array([1, 2, warmup, warmup + 1, n // 2, n - 1])
        return self._within(np.concatenate((fixed, self._events() + 1, self._anywhere(n))), 1, n)

    def _shaken_cuts(self) -> NDArray[np.int64]:
        return self.rng.permutation(self._prefix_cuts())[:SHAKEN]

    def _suffix_starts(self) -> NDArray[np.int64]:
        """So that what is decided first after the warm-up is where the strategy acts."""
        n, warmup = len(self.times), self.report.warmup
        starts = np.concatenate((self._events() - warmup, self._anywhere(n - warmup)))
        return self._within(starts, 1, n - warmup)

    def _events(self) -> NDArray[np.int64]:
        """Rows the strategy acts on: evenly spread, and at random."""
        if len(self.acting) <= EVENTS:
            return self.acting
        even = np.linspace(0, len(self.acting) - 1, EVENTS // 2).astype(np.int64)
        return np.union1d(self.acting[even], self.rng.choice(self.acting, EVENTS // 2))

    def _anywhere(self, end: int) -> NDArray[np.int64]:
        return self.rng.integers(1, max(end, 2), RANDOM)

    @staticmethod
    def _within(cuts: NDArray[np.int64], low: int, high: int) -> NDArray[np.int64]:
        return np.unique(cuts[(cuts >= low) & (cuts < high)])

    def _cut(self, start: int, end: int) -> list[Bars]:
        first, last = int(self.times[start]), int(self.times[end - 1])
        return [bars.between(first, last + 1) for bars in self.series]

    def _shake(self, bars: Bars, last: int) -> Bars:
        """The same bars up to `last`, other prices and volumes after it."""
        future = bars.time > last
        factor = np.where(future, np.exp(0.3 * self.rng.standard_normal(len(bars))), 1.0)
        columns = [getattr(bars, name) * factor for name in PRICE_COLUMNS]
        return Bars(bars.symbol, bars.timeframe, bars.time, *columns)

    def _input(self, series: list[Bars]) -> Bars | Panel:
        return Panel.align(series) if self.portfolio else series[0]

    def _decide(self, instance: AnyStrategy, bars: Bars | Panel) -> NDArray[Any]:
        """(rows, decisions) of checked output."""
        given: Any = bars
        decided = self._call(lambda: instance.signals(given, self.params))
        if self.portfolio:
            return _weights(decided, len(bars), len(self.series))
        return _signals(decided, len(bars))

    def _call(self, function: Callable[[], Any]) -> Any:
        try:
            return function()
        except (Exception, SystemExit) as error:
            text = f"{type(error).__name__}: {error}"[:300]
            if "read-only" in text:
                raise _Broken("mutation", "signals() writes into the bars it is given") from error
            raise _Broken("error", f"it raises {text}") from error

    def _difference(self, whole: NDArray[Any], part: NDArray[Any]) -> _Difference | None:
        unequal = whole != part
        if self.portfolio:
            unequal &= ~(np.isnan(whole) & np.isnan(part))
        if not unequal.any():
            return None
        row, column = (int(at[0]) for at in np.nonzero(unequal))
        return _Difference(row, column, str(whole[row, column]), str(part[row, column]))

    def _find(
        self, kind: str, message: str, bar: int | None = None, decision: str | None = None
    ) -> None:
        time_ms = None if bar is None else int(self.times[bar])
        where = "" if time_ms is None else f"bar {bar} ({_utc(time_ms)}): "
        self.report.findings.append(
            Finding(kind, where + message, self.symbol, bar, time_ms, decision)
        )


def _signals(decided: Any, rows: int) -> NDArray[np.bool_]:
    if not isinstance(decided, Signals):
        raise _Broken("output", f"signals() must give Signals, not {type(decided).__name__}")
    for name in ("entries", "exits"):
        _check_array(name, getattr(decided, name), (rows,), np.dtype(np.bool_))
    return np.column_stack((decided.entries, decided.exits))


def _weights(decided: Any, rows: int, symbols: int) -> NDArray[np.float64]:
    if not isinstance(decided, Weights):
        raise _Broken("output", f"signals() must give Weights, not {type(decided).__name__}")
    values = decided.values
    _check_array("values", values, (rows, symbols), np.dtype(np.float64))
    # As the engine judges them: NaN asks for nothing, so it adds nothing.
    known = np.where(np.isnan(values), 0.0, values)
    if (known < -TOLERANCE).any() or (known.sum(axis=1) > 1 + TOLERANCE).any():
        raise _Broken("output", "weights must lie in [0, 1] and sum to at most 1")
    return values


def _check_array(name: str, value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if not isinstance(value, np.ndarray):
        raise _Broken("output", f"{name} must be a numpy array, not {type(value).__name__}")
    if value.shape != shape or value.dtype != dtype:
        raise _Broken("output", f"{name} must be {dtype} {shape}, not {value.dtype} {value.shape}")


def _digest(bars: Bars | Panel) -> str:
    digest = hashlib.sha256()
    for name in ("time", *PRICE_COLUMNS):
        digest.update(np.ascontiguousarray(getattr(bars, name)).data)
    return digest.hexdigest()


def _utc(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")
