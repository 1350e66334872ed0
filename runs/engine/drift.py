"""Where a stepped run's return and that of a backtest over its window part ways.

Both books begin with the cash I.  A run's return is final equity / I - 1, and
equity is I + the sum of its trades' pnl, so the difference D of the returns (run
less backtest) is a sum over trades, each divided by I:

- `missed`: - pnl of each trade that only the backtest has;
- `extra`: + pnl of each trade that only the run has;
- of each pair of trades, with gross = pnl + fees, gross of the run's less gross
  of the backtest's: `late` if the run filled an order of it in a row that was
  stepped late, else `price`.  Prices, amounts and what an open trade is marked
  at are all in it;
- `fee`: of all pairs, fees of the backtest's less fees of the run's;
- `rounding`: what D has left.  Sums are rounded, and amounts and money too small
  to trade are dropped as dust, which is in equity and in no trade.

A pair is two trades of one symbol opened by orders of one id (`steps.order_id`).
Of those left, two trades of one symbol that were held at one time are a pair
too, in the order of their entries.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .results import Simulation

LISTED = 20
"""Trades that are listed; all are counted."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What D is made of; they sum up to it.  Fractions of the initial cash."""

    missed: float
    extra: float
    late: float
    price: float
    fee: float
    rounding: float


@dataclass(frozen=True, slots=True)
class TradeCounts:
    """`late`: pairs counted in `Parts.late`."""

    run: int
    backtest: int
    paired: int
    late: int
    missed: int
    extra: int


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """Filled orders.  `differing`: ids that only one book has, or that it filled otherwise."""

    run: int
    backtest: int
    differing: int


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows of the equity curves.  `differing`: of those both have, with other equity or cash."""

    run: int
    backtest: int
    compared: int
    differing: int


@dataclass(frozen=True, slots=True)
class TradeDrift:
    """A trade of one book, or a pair: numbers in the books' tables, None where it has none.

    `difference`: what it adds to D.
    """

    symbol: int
    run: int | None
    backtest: int | None
    late: bool
    difference: float


@dataclass(frozen=True, slots=True)
class Drift:
    """`max_equity_difference`: the widest |run - backtest| at a common close, in the quote
    currency; `widest_at`: open time of that row, None where no row differs.

    `unpaired` and `largest` (pairs that differ): the LISTED widest, widest first.
    """

    run_return: float
    backtest_return: float
    difference: float
    parts: Parts
    trades: TradeCounts
    orders: OrderCounts
    rows: RowCounts
    max_equity_difference: float
    widest_at: int | None
    unpaired: tuple[TradeDrift, ...]
    largest: tuple[TradeDrift, ...]

    @property
    def identical(self) -> bool:
        """Orders, fills and equity are the same to the last bit."""
        rows = self.rows
        return (
            self.orders.differing == 0
            and rows.differing == 0
            and rows.run == rows.backtest == rows.compared
        )


def compare(
    run: Simulation, backtest: Simulation, initial_cash: float, late: Collection[int] = ()
) -> Drift:
    """`late`: open times of the rows the run stepped late.  Both books are of the same symbols."""
    pairs, missed, extra = _pair(run, backtest)
    late_trades = set(run.orders["trade"][np.isin(_rows_of(run), list(late))].tolist())
    ours, theirs = _Figures(run), _Figures(backtest)

    def drift(r: int | None, b: int | None) -> TradeDrift:
        symbol = ours.symbol[r] if r is not None else theirs.symbol[b or 0]
        gained = 0.0 if r is None else ours.pnl[r]
        lost = 0.0 if b is None else theirs.pnl[b]
        return TradeDrift(symbol, r, b, r in late_trades, (gained - lost) / initial_cash)

    gross: dict[bool, list[float]] = {True: [], False: []}
    for r, b in pairs:
        change = (ours.pnl[r] + ours.fees[r]) - (theirs.pnl[b] + theirs.fees[b])
        gross[r in late_trades].append(change)
    fees = [theirs.fees[b] - ours.fees[r] for r, b in pairs]

    final, wanted = _final(run, initial_cash), _final(backtest, initial_cash)
    difference = (final - wanted) / initial_cash
    # 0.0 - x rather than -x: no trade must not come out as -0.0.
    parts = {
        "missed": (0.0 - math.fsum(theirs.pnl[b] for b in missed)) / initial_cash,
        "extra": math.fsum(ours.pnl[r] for r in extra) / initial_cash,
        "late": math.fsum(gross[True]) / initial_cash,
        "price": math.fsum(gross[False]) / initial_cash,
        "fee": math.fsum(fees) / initial_cash,
    }
    rounding = math.fsum([difference, *(-part for part in parts.values())])
    alone = [drift(None, b) for b in missed] + [drift(r, None) for r in extra]
    together = [found for r, b in pairs if (found := drift(r, b)).difference != 0]
    rows, widest, widest_at = _compare_curves(run, backtest)
    return Drift(
        run_return=final / initial_cash - 1,
        backtest_return=wanted / initial_cash - 1,
        difference=difference,
        parts=Parts(**parts, rounding=rounding),
        trades=TradeCounts(
            run=len(run.trades),
            backtest=len(backtest.trades),
            paired=len(pairs),
            late=len(gross[True]),
            missed=len(missed),
            extra=len(extra),
        ),
        orders=_compare_orders(run, backtest),
        rows=rows,
        max_equity_difference=widest,
        widest_at=widest_at,
        unpaired=_widest(alone),
        largest=_widest(together),
    )


def _rows_of(book: Simulation) -> NDArray[np.int64]:
    """The rows in which the orders filled: at their opens, a live run's also within them."""
    if not len(book.time):
        return np.empty(0, np.int64)
    row = np.searchsorted(book.time, book.orders["time"], "right") - 1
    return book.time[np.maximum(row, 0)]


class _Figures:
    """Columns of a book's trades as plain numbers."""

    def __init__(self, book: Simulation) -> None:
        self.symbol: list[int] = book.trades["symbol"].tolist()
        self.pnl: list[float] = book.trades["pnl"].tolist()
        self.fees: list[float] = book.trades["fees"].tolist()


def _final(book: Simulation, initial_cash: float) -> float:
    return float(book.equity[-1]) if len(book.equity) else initial_cash


def _widest(trades: list[TradeDrift]) -> tuple[TradeDrift, ...]:
    return tuple(sorted(trades, key=lambda trade: -abs(trade.difference))[:LISTED])


def _pair(
    run: Simulation, backtest: Simulation
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pairs of trade numbers (run's, backtest's); numbers only the backtest, only the run has."""
    theirs = {opened: number for number, opened in enumerate(_opened_by(backtest))}
    pairs, left = [], []
    for number, opened in enumerate(_opened_by(run)):
        match = theirs.pop(opened, None)
        if match is None:
            left.append(number)
        else:
            pairs.append((number, match))
    overlapping = list(_overlapping(run, backtest, left, list(theirs.values())))
    pairs = sorted(pairs + overlapping)
    paired = {number for number, _ in overlapping}, {number for _, number in overlapping}
    extra = [number for number in left if number not in paired[0]]
    missed = sorted(number for number in theirs.values() if number not in paired[1])
    return pairs, missed, extra


def _opened_by(book: Simulation) -> list[tuple[int, ...]]:
    """What the id of each trade's first order is made of."""
    _, first = np.unique(book.orders["trade"], return_index=True)
    return _ids(book.orders[first])


def _ids(orders: NDArray[np.void]) -> list[tuple[int, ...]]:
    columns = (orders[name].tolist() for name in ("created", "symbol", "purpose", "side"))
    return list(zip(*columns, strict=True))


def _overlapping(
    run: Simulation, backtest: Simulation, ours: Sequence[int], theirs: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """A book holds one trade of a symbol at a time, so that both lists go on together."""
    for symbol in np.unique(run.trades["symbol"][list(ours)]).tolist():
        mine = [n for n in ours if run.trades["symbol"][n] == symbol]
        other = sorted(n for n in theirs if backtest.trades["symbol"][n] == symbol)
        i = j = 0
        while i < len(mine) and j < len(other):
            (a, a_end), (b, b_end) = _held(run, mine[i]), _held(backtest, other[j])
            if a < b_end and b < a_end:
                yield mine[i], other[j]
                i, j = i + 1, j + 1
            elif a_end <= b:
                i += 1
            else:
                j += 1


def _held(book: Simulation, number: int) -> tuple[float, float]:
    """From entry to exit; a trade stopped out in its first bar was held for a moment."""
    entry, exit_ = book.trades["entry_time"][number], book.trades["exit_time"][number]
    return float(entry), math.inf if exit_ < 0 else max(float(exit_), float(entry) + 1)


def _compare_orders(run: Simulation, backtest: Simulation) -> OrderCounts:
    ours, theirs = _fills(run), _fills(backtest)
    differing = sum(ours.get(name) != theirs.get(name) for name in ours.keys() | theirs.keys())
    return OrderCounts(len(ours), len(theirs), differing)


def _fills(book: Simulation) -> dict[tuple[int, ...], tuple[float, ...]]:
    columns = (book.orders[name].tolist() for name in ("time", "amount", "price", "fee"))
    return dict(zip(_ids(book.orders), zip(*columns, strict=True), strict=True))


def _compare_curves(run: Simulation, backtest: Simulation) -> tuple[RowCounts, float, int | None]:
    common, ours, theirs = np.intersect1d(
        run.time, backtest.time, assume_unique=True, return_indices=True
    )
    apart = np.abs(run.equity[ours] - backtest.equity[theirs])
    differs = (apart != 0) | (run.cash[ours] != backtest.cash[theirs])
    counts = RowCounts(len(run.time), len(backtest.time), len(common), int(differs.sum()))
    if not len(apart) or not apart.any():
        return counts, 0.0, None
    widest = int(np.argmax(apart))
    return counts, float(apart[widest]), int(common[widest])
